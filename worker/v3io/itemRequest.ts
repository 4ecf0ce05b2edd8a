// The parts of a request about items. Each function throws V3ioError for an invalid value. The item
// is named by the path, of which the table may stand in the body's TableName and the item's own
// name in its Key. PutItem with an update mode is how clients change attributes. Sources: Iguazio
// web API reference, NoSQL; v3io-py request.py; v3io-go context.go, putItem.
import { isPlainObject } from "../codec/plainObject.ts";
import type {
  Attributes,
  Expression,
  ItemChange,
  ItemWrite,
  Selection,
} from "../core/itemTypes.ts";
import { parseNumber } from "../items/values.ts";
import { type Address, checkName, namesIn, pathBytesMax, type Place, placeAt } from "./names.ts";
import { checkAttributeName, parseAttributes, parseSelection, parseValue } from "./attributes.ts";
import { invalid } from "./errors.ts";
import { parseCondition, parseUpdates } from "./expression.ts";
import { type Body, integer, optionalText, textOf } from "./fields.ts";

const segmentsMax = 1_000_000;
const itemsDefault = 1000;

export function putWrite(body: Body): ItemWrite {
  const condition = conditionIn(body, "ConditionExpression");
  const attributes: Attributes = new Map([...keyOf(body), ...parseAttributes(body["Item"] ?? {})]);
  const { replace, newOnly } = modeOf(body, "OverWriteAttributes");
  return { condition, change: { kind: replace ? "replace" : "merge", attributes }, newOnly };
}

export function updateWrite(body: Body): ItemWrite {
  const { newOnly } = modeOf(body, "CreateOrReplaceAttributes");
  const alternate = optionalText(body["AlternateUpdateExpression"]);
  return {
    condition: conditionIn(body, "ConditionExpression"),
    change: updatesOf(body, optionalText(body["UpdateExpression"]) ?? ""),
    otherwise: alternate === undefined ? undefined : updatesOf(body, alternate),
    newOnly,
  };
}

function updatesOf(body: Body, text: string): ItemChange {
  const updates = parseUpdates(text);
  if (updates.length === 0) throw invalid();
  for (const { name } of updates) checkAttributeName(name);
  const keys = [...keyOf(body)].map(([name, value]) => ({
    kind: "set" as const,
    name,
    value: { kind: "literal" as const, value: "N" in value ? parseNumber(value.N) : value.S },
  }));
  return { kind: "update", updates: [...keys, ...updates] };
}

/** Source: v3io/frames api.go, GetNginxModeName. */
function modeOf(body: Body, otherwise: string): { replace: boolean; newOnly: boolean } {
  switch (optionalText(body["UpdateMode"]) ?? otherwise) {
    case "CreateOrReplaceAttributes":
      return { replace: false, newOnly: false };
    case "OverWriteAttributes":
      return { replace: true, newOnly: false };
    case "CreateNewItemOnly":
      return { replace: true, newOnly: true };
    default:
      throw invalid();
  }
}

export function conditionIn(body: Body, member: string): Expression | undefined {
  const text = optionalText(body[member]);
  return text === undefined ? undefined : parseCondition(text);
}

export function selectionOf(body: Body, inScan: boolean): Selection {
  return parseSelection(optionalText(body["AttributesToGet"]) ?? "*", inScan);
}

export function directoryPlace(address: Address, body: Body): Place {
  return placeAt(address, ...tableOf(body));
}

/** How many items a page has at most. */
export function limitOf(body: Body): number {
  return Math.min(integer(body["Limit"] ?? itemsDefault, 1, Infinity), itemsDefault);
}

/** Which part of a parallel scan. */
export function partOf(body: Body): { index: number; count: number } {
  return {
    index: integer(body["Segment"] ?? 0, 0, segmentsMax),
    count: integer(body["TotalSegment"] ?? 1, 1, segmentsMax),
  };
}

export function itemPlace(address: Address, body: Body): Place {
  const names = [...keyOf(body).values()].map((value) => ("N" in value ? value.N : value.S));
  for (const name of names) {
    if (name.includes("/")) throw invalid();
    checkName(name);
  }
  const place = placeAt(address, ...tableOf(body), ...names);
  if (place.path === "") throw invalid();
  return place;
}

function tableOf(body: Body): string[] {
  const table = optionalText(body["TableName"]) ?? "";
  if (table.length > pathBytesMax) throw invalid();
  const names = namesIn(table);
  for (const name of names) checkName(name);
  return names;
}

/** The primary key, which is the item's name and an attribute of it too. */
function keyOf(body: Body): Map<string, { N: string } | { S: string }> {
  const key = body["Key"] ?? {};
  if (!isPlainObject(key)) throw invalid();
  const entries = Object.entries(key).map(([name, typed]) => {
    const value = parseValue(typed);
    checkAttributeName(name);
    if (!("N" in value) && !("S" in value)) throw invalid();
    return [name, value] as const;
  });
  if (entries.length > 1) throw invalid();
  return new Map(entries);
}

/** In the form of NextMarker: the name of the last item. */
export function markerOf(body: Body): string {
  const marker = optionalText(body["Marker"]);
  if (marker === undefined || marker === "") return "";
  const name = Buffer.from(textOf(marker), "base64url").toString();
  checkName(name);
  return name;
}
