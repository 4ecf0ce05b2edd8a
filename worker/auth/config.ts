// Reads the document of access keys: the secret MILLRACE_AUTH of a deployed Worker or the file of
// `npm start -- --auth FILE`. It is read strictly, because a misspelt member could give more rights
// than intended. A document with any mistake gives nobody access. Error messages name the principal
// and the member and never contain a secret.
//
//   { "principals": [ {
//     "accessKeyId": "orders-writer", "secretAccessKey": "…", "account": "111122223333",
//     "sessionToken": "…",                                                        (if any)
//     "allow": [ { "actions": ["kinesis:Put*"], "streams": ["orders-*"] } ],      (else everything)
//     "v3io": { "accessKey": "…", "user": "…", "password": "…" },                 (if any)
//     "tokens": ["…"]                                                             (if any)
//   } ] }
import { isPlainObject } from "../codec/plainObject.ts";
import { partitionOf } from "./arn.ts";
import type { Allowance, Principal } from "./caller.ts";
import { KeyRing } from "./keyring.ts";
import { findRepeatedName } from "./json.ts";
import { isActionPattern, matchesPattern, splitArn } from "./pattern.ts";

export type AuthConfig = ClosedAuth | OpenAuth | KeysAuth;

/** Every caller is refused. */
export interface ClosedAuth {
  readonly mode: "closed";
  /** The message for every caller. */
  readonly notice: string;
  /** The mistake in the document, only for the operator. */
  readonly problem: string | undefined;
}

/** Every caller is accepted. */
export interface OpenAuth {
  readonly mode: "open";
  /** The account of callers whose credentials name none. */
  readonly account: string;
}

export interface KeysAuth {
  readonly mode: "keys";
  readonly keys: KeyRing;
}

export class AuthConfigError extends Error {
  override readonly name = "AuthConfigError";
}

type Members = Readonly<Record<string, unknown>>;

/** The form of a text, as a pattern and in words for the operator. */
const textForm = { pattern: /./s, words: "text" };
const accountForm = { pattern: /^\d{12}$/, words: "12 digits in quotes" };
const userForm = { pattern: /^[^:]+$/, words: "text without a colon" };
const keyIdForm = {
  pattern: /^[\w.@+-]{1,128}$/,
  words: "1 to 128 letters, digits or any of _ . @ + -",
};

const howTo =
  "Set the secret MILLRACE_AUTH to a document with keys, as the README describes: " +
  "npx wrangler secret put MILLRACE_AUTH";

/** Documents of keys by the name of their variable. */
export type AuthDocuments = Readonly<Record<string, string>>;

/** For a Worker: without valid documents every caller is refused. */
export function configureAuth(documents: AuthDocuments): AuthConfig {
  const given = Object.entries(documents).filter(([, document]) => document.trim() !== "");
  if (given.length === 0) {
    const notice = `This Millrace is closed: no access keys are configured. ${howTo}`;
    return { mode: "closed", notice, problem: undefined };
  }
  const keys = new KeyRing();
  for (const [name, document] of given) {
    try {
      addDocument(keys, document);
    } catch (error) {
      if (!(error instanceof AuthConfigError)) throw error;
      const notice = `This Millrace is closed: ${name} is not valid, see its log. ${howTo}`;
      return { mode: "closed", notice, problem: `${name}: ${error.message}` };
    }
  }
  return { mode: "keys", keys };
}

/** Throws AuthConfigError with one line that says what is wrong and where. */
export function readAuthDocument(document: string): KeysAuth {
  const keys = new KeyRing();
  addDocument(keys, document);
  return { mode: "keys", keys };
}

function addDocument(keys: KeyRing, document: string): void {
  const root = readMembers(parseJson(document), "the document", ["principals"]);
  const principals = readList(root["principals"], "the document", "principals");
  for (const [i, value] of principals.entries()) addPrincipal(keys, value, i + 1);
}

function addPrincipal(keys: KeyRing, value: unknown, ordinal: number): void {
  const known = ["accessKeyId", "secretAccessKey", "sessionToken", "account", "allow", "v3io"];
  const members = readMembers(value, `principal ${ordinal}`, [...known, "tokens"]);
  const accessKeyId = readText(members, `principal ${ordinal}`, "accessKeyId", keyIdForm);
  const where = `principal ${ordinal} (${accessKeyId})`;
  const account = readText(members, where, "account", accountForm);

  const principal: Principal = { accessKeyId, account, allow: readAllow(members, where) };
  const secretAccessKey = readText(members, where, "secretAccessKey");
  const sessionToken = readOptionalText(members, where, "sessionToken");
  if (!keys.addSigning({ principal, secretAccessKey, sessionToken })) {
    throw new AuthConfigError(`${where}: another principal has this "accessKeyId"`);
  }
  addV3io(keys, members["v3io"], principal, where);
  const tokens = members["tokens"] === undefined ? [] : readTexts(members, where, "tokens");
  if (!tokens.every((token) => keys.addBearer("token", token, principal))) {
    throw new AuthConfigError(`${where}: one of "tokens" is there twice`);
  }
}

function addV3io(keys: KeyRing, value: unknown, principal: Principal, where: string): void {
  if (value === undefined) return;
  const inside = `${where}, v3io`;
  const members = readMembers(value, inside, ["accessKey", "user", "password"]);
  const accessKey = readOptionalText(members, inside, "accessKey");
  const user = readOptionalText(members, inside, "user", userForm);
  const password = readOptionalText(members, inside, "password");
  if ((user === undefined) !== (password === undefined)) {
    throw new AuthConfigError(`${inside}: "user" and "password" are of use only together`);
  }
  const isNew =
    (accessKey === undefined || keys.addBearer("sessionKey", accessKey, principal)) &&
    (user === undefined || keys.addBearer("password", `${user}:${password}`, principal));
  if (!isNew) throw new AuthConfigError(`${inside}: another principal has the same credentials`);
}

function readAllow(members: Members, where: string): Allowance[] | undefined {
  if (members["allow"] === undefined) return undefined;
  return readList(members["allow"], where, "allow", 0).map((value, i) => {
    const inside = `${where}, allow ${i + 1}`;
    const entry = readMembers(value, inside, ["actions", "streams"]);
    const actions = readTexts(entry, inside, "actions");
    const streams = readTexts(entry, inside, "streams");
    if (!actions.every(isActionPattern)) {
      throw complaint(inside, "actions", "like kinesis:Get*, v3io:PutRecords or *");
    }
    if (!streams.every((stream) => !stream.startsWith("arn:") || splitArn(stream))) {
      throw complaint(inside, "streams", "names or whole ARNs, with * and ? where wanted");
    }
    for (const stream of streams) checkPartition(stream, inside);
    return { actions, streams };
  });
}

/** An ARN whose partition does not fit its region would match nothing. */
function checkPartition(pattern: string, inside: string): void {
  const [, partition = "", , region = ""] = splitArn(pattern) ?? [];
  if (/[*?]/.test(region) || region === "") return;
  const right = partitionOf(region);
  if (matchesPattern(partition, right)) return;
  throw complaint(
    inside,
    "streams",
    `ARNs with the partition of their region: ${right} for ${region}`,
  );
}

/** V8's message about invalid JSON quotes the text, which may contain a secret. */
function parseJson(document: string): unknown {
  const value = readJson(document);
  const name = findRepeatedName(document);
  if (name === undefined) return value;
  throw new AuthConfigError(`the document has ${JSON.stringify(name)} twice in one object`);
}

function readJson(document: string): unknown {
  try {
    return JSON.parse(document);
  } catch (error) {
    const [place] = /position \d+/.exec(String(error)) ?? [];
    throw new AuthConfigError(`the document is not JSON${place ? ` (${place})` : ""}`);
  }
}

function readMembers(value: unknown, where: string, known: readonly string[]): Members {
  if (!isPlainObject(value)) {
    throw new AuthConfigError(`${where} must be an object with ${known.join(", ")}`);
  }
  const unknown = Object.keys(value).find((name) => !known.includes(name));
  if (unknown === undefined) return value;
  throw new AuthConfigError(
    `${where}: unknown member ${JSON.stringify(unknown)}; there are ${known.join(", ")}`,
  );
}

function readList(value: unknown, where: string, member: string, countMin = 1): unknown[] {
  if (Array.isArray(value) && value.length >= countMin) return value;
  throw complaint(where, member, countMin > 0 ? "a list that is not empty" : "a list");
}

function readTexts(members: Members, where: string, member: string): string[] {
  const texts = readList(members[member], where, member);
  if (texts.every((text) => typeof text === "string" && text !== "")) return texts as string[];
  throw complaint(where, member, "a list of texts that are not empty");
}

function readText(members: Members, where: string, member: string, form = textForm): string {
  const value = members[member];
  if (typeof value === "string" && form.pattern.test(value)) return value;
  throw complaint(where, member, form.words);
}

function readOptionalText(
  members: Members,
  where: string,
  member: string,
  form = textForm,
): string | undefined {
  return members[member] === undefined ? undefined : readText(members, where, member, form);
}

function complaint(where: string, member: string, form: string): AuthConfigError {
  return new AuthConfigError(`${where}: "${member}" must be ${form}`);
}
