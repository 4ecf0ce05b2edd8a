// Policies of streams and consumers: IAM documents with Effect, Principal, Action and Resource (AWS
// IAM user guide, "IAM JSON policy elements"). Conditions and the Not… elements are not supported,
// and a document with them is refused. If one is stored nevertheless, it never gives access: its
// Deny denies, and its Allow does not allow.
import { isPlainObject } from "../codec/plainObject.ts";
import { Buffer } from "node:buffer";
import { type Principal, userArn } from "./caller.ts";
import { findRepeatedName } from "./json.ts";
import { isActionPattern, matchesAction, matchesArn } from "./pattern.ts";

export interface ResourcePolicy {
  readonly statements: readonly Statement[];
  /** The mistakes in the document, in its order. */
  readonly complaints: readonly string[];
}

/** An unsupported element is undefined. */
interface Statement {
  readonly isDeny: boolean;
  readonly principals: readonly string[] | undefined;
  readonly actions: readonly string[] | undefined;
  readonly resources: readonly string[] | undefined;
  readonly hasUnknown: boolean;
}

export interface Verdict {
  readonly isDenied: boolean;
  /** Allowed by name, or by account; the account must then allow the action too. */
  readonly grant: "none" | "account" | "caller";
}

type Members = Readonly<Record<string, unknown>>;

const documentMembers = ["Version", "Id", "Statement"];
const statementMembers = ["Sid", "Effect", "Principal", "Action", "Resource"];
const versions = new Set<unknown>([undefined, "2012-10-17", "2008-10-17"]);

/** The bound that AWS has for policies of other resources, such as DynamoDB's tables. */
const policyBytesMax = 20 * 1024;

const accountPattern = /^(?:\d{12}|arn:aws[^:]*:iam::\d{12}:root)$/;
const userPattern = /^arn:aws[^:]*:iam::\d{12}:user\/[\w.@+-]{1,128}$/;

export const silent: Verdict = { isDenied: false, grant: "none" };

/** Why `text` cannot be attached to the resource, as one sentence; undefined if it can. */
export function findPolicyProblem(text: string, arn: string): string | undefined {
  if (Buffer.byteLength(text) > policyBytesMax) {
    return `The policy is not valid: it has more than ${policyBytesMax} bytes.`;
  }
  const { statements, complaints } = parsePolicy(text);
  const strays = statements.flatMap(({ resources = [] }, i) =>
    resources
      .filter((resource) => !matchesArn(resource, arn))
      .map((resource) => `statement ${i + 1}: Resource ${JSON.stringify(resource)} is not ${arn}`),
  );
  const [problem] = [...complaints, ...strays];
  return problem && `The policy is not valid: ${problem}.`;
}

/** Never throws; a text that is not a policy denies everything. */
export function parsePolicy(text: string): ResourcePolicy {
  const complaints: string[] = [];
  const document = parseObject(text);
  const list = document && asList(document["Statement"]);
  if (!list || list.length === 0) {
    complaints.push(document ? "it has no Statement" : "it is not a JSON object");
    return { statements: [denyAll], complaints };
  }
  const repeated = findRepeatedName(text);
  if (repeated !== undefined) {
    complaints.push(`it has ${JSON.stringify(repeated)} twice in one object`);
    return { statements: [denyAll], complaints };
  }
  complainOfStrangers(document, documentMembers, "the policy", complaints);
  if (!versions.has(document["Version"])) {
    complaints.push(`Version ${JSON.stringify(document["Version"])} is not "2012-10-17"`);
  }
  const statements = list.map((value, i) => {
    const found: string[] = [];
    const statement = isPlainObject(value) ? parseStatement(value, found) : denyAll;
    if (!isPlainObject(value)) found.push("it is not an object");
    complaints.push(...found.map((what) => `statement ${i + 1}: ${what}`));
    return statement;
  });
  return { statements, complaints };
}

/** `actions` are names of the same action. */
export function evaluatePolicy(
  { statements }: ResourcePolicy,
  principal: Principal,
  actions: readonly string[],
  arn: string,
): Verdict {
  let grant: Verdict["grant"] = "none";
  for (const statement of statements) {
    const { isDeny, principals } = statement;
    const doubt = isDeny ? "caller" : "none";
    const who = principals ? grantTo(principal, principals) : doubt;
    const applies =
      who !== "none" &&
      (isDeny || !statement.hasUnknown) &&
      holds(statement.actions, isDeny, (pattern) =>
        actions.some((action) => matchesAction(pattern, action)),
      ) &&
      holds(statement.resources, isDeny, (pattern) => matchesArn(pattern, arn));
    if (!applies) continue;
    if (isDeny) return { isDenied: true, grant: "none" };
    if (grant !== "caller") grant = who;
  }
  return { isDenied: false, grant };
}

const denyAll: Statement = {
  isDeny: true,
  principals: undefined,
  actions: undefined,
  resources: undefined,
  hasUnknown: false,
};

function holds(
  patterns: readonly string[] | undefined,
  isDeny: boolean,
  matches: (pattern: string) => boolean,
): boolean {
  return patterns === undefined ? isDeny : patterns.some(matches);
}

function grantTo(principal: Principal, named: readonly string[]): Verdict["grant"] {
  const { account } = principal;
  const arn = userArn(principal);
  if (named.some((name) => name === "*" || samePartition(name) === arn)) return "caller";
  const isAccount = (name: string) =>
    name === account || samePartition(name) === `arn:aws:iam::${account}:root`;
  return named.some(isAccount) ? "account" : "none";
}

/** `arn:aws-cn:…` names the same users. */
function samePartition(arn: string): string {
  return arn.replace(/^arn:aws[^:]*:/, "arn:aws:");
}

function parseStatement(members: Members, complaints: string[]): Statement {
  complainOfStrangers(members, statementMembers, "it", complaints);
  const effect = members["Effect"];
  if (effect !== "Allow" && effect !== "Deny") {
    complaints.push(`Effect ${JSON.stringify(effect)} is neither "Allow" nor "Deny"`);
  }
  return {
    isDeny: effect !== "Allow",
    principals: parsePrincipals(members["Principal"], complaints),
    actions: parseTexts(members["Action"], "Action", complaints, isActionPattern),
    resources: parseTexts(members["Resource"], "Resource", complaints, (arn) =>
      /^(?:\*|arn:.+)$/.test(arn),
    ),
    hasUnknown: Object.keys(members).some((name) => !statementMembers.includes(name)),
  };
}

/** `"*"`, or `{"AWS": …}` with accounts, their root users and users. */
function parsePrincipals(value: unknown, complaints: string[]): string[] | undefined {
  if (value === "*") return ["*"];
  if (!isPlainObject(value) || Object.keys(value).join() !== "AWS") {
    complaints.push('Principal must be "*" or {"AWS": …}');
    return undefined;
  }
  return parseTexts(
    value["AWS"],
    "Principal",
    complaints,
    (name) => name === "*" || accountPattern.test(name) || userPattern.test(name),
  );
}

/** One text or a list of them. */
function parseTexts(
  value: unknown,
  member: string,
  complaints: string[],
  isKnown: (text: string) => boolean,
): string[] | undefined {
  const list = asList(value);
  const strange = list.find((text) => typeof text !== "string" || !isKnown(text));
  if (list.length > 0 && strange === undefined) return list as string[];
  const what = list.length > 0 ? ` ${JSON.stringify(strange)} is not supported` : " is missing";
  complaints.push(member + what);
  return undefined;
}

function complainOfStrangers(
  members: Members,
  known: readonly string[],
  what: string,
  complaints: string[],
): void {
  for (const name of Object.keys(members)) {
    if (!known.includes(name)) complaints.push(`${what} has ${name}, which is not supported`);
  }
}

function parseObject(text: string): Members | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isPlainObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function asList(value: unknown): unknown[] {
  if (value === undefined) return [];
  return Array.isArray(value) ? value : [value];
}
