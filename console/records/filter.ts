// What a tail is filtered by, and the pattern of it in the scan's language.

export interface Filter {
  /** A partition key; with a star at the end, the beginning of one. */
  key: string;
  /** A pattern for the data, as JSON text; empty for none. */
  pattern: string;
}

/** A pattern with one of these is about the record, else about its data. */
const recordFields = ["data", "partitionKey", "approximateArrivalTimestamp"] as const;

export const noFilter: Filter = { key: "", pattern: "" };

export interface Condition {
  /** Names of members, separated by dots. */
  path: string;
  operator: Operator;
  value: string;
}

export const operators = ["is", "is not", "begins with", "ends with", ">", "<", "exists"] as const;
export type Operator = (typeof operators)[number];

/** The header's value; undefined if everything matches. Throws for a pattern that is not JSON. */
export function filterText({ key, pattern }: Filter): string | undefined {
  const conditions: Record<string, unknown> = {};
  if (key !== "") {
    conditions["partitionKey"] = [key.endsWith("*") ? { prefix: key.slice(0, -1) } : key];
  }
  if (pattern.trim() !== "") {
    const parsed = JSON.parse(pattern) as unknown;
    if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed)) {
      throw new Error('The pattern must be an object, such as {"status": ["failed"]}');
    }
    const isWhole = recordFields.some((name) => name in parsed);
    if (key !== "" && "partitionKey" in parsed) {
      throw new Error("The pattern asks for the partition key too: one of both can be asked.");
    }
    Object.assign(conditions, isWhole ? parsed : { data: parsed });
  }
  return Object.keys(conditions).length === 0 ? undefined : asciiJson(conditions);
}

/** Adds a condition to a pattern for the data. */
export function withCondition(pattern: string, condition: Condition): string {
  const root = (pattern.trim() === "" ? {} : JSON.parse(pattern)) as Record<string, unknown>;
  const names = condition.path.split(".").filter((name) => name !== "");
  let place = root;
  for (const name of names.slice(0, -1)) {
    const inner = place[name];
    const isPlace = typeof inner === "object" && inner !== null && !Array.isArray(inner);
    const next = isPlace ? (inner as Record<string, unknown>) : {};
    place[name] = next;
    place = next;
  }
  place[names.at(-1) ?? ""] = [matcherOf(condition)];
  return JSON.stringify(root);
}

function matcherOf({ operator, value }: Condition): unknown {
  switch (operator) {
    case "is":
      return literal(value);
    case "is not":
      return { "anything-but": [literal(value)] };
    case "begins with":
      return { prefix: value };
    case "ends with":
      return { suffix: value };
    case ">":
    case "<":
      if (!isNumber(value)) throw new Error(`${operator} needs a number.`);
      return { numeric: [operator, Number(value)] };
    case "exists":
      return { exists: value !== "false" };
  }
}

/** A number, true, false and null are what they look like; everything else is text. */
function literal(value: string): unknown {
  if (/^(true|false|null)$/.test(value)) return JSON.parse(value) as unknown;
  return isNumber(value) ? Number(value) : value;
}

function isNumber(value: string): boolean {
  return /^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/.test(value);
}

/** A header holds ASCII only. */
function asciiJson(value: unknown): string {
  return JSON.stringify(value).replace(
    /[\u0080-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
