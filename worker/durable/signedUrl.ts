// Addresses by which a browser reads one stream for a time. EventSource and links send no headers, so the
// permission is in the query. A caller that may read the stream asks for such an address. Whoever uses it
// has the rights that this caller has at that moment: none if its key was removed, if its allow list
// does not permit it any more, or if the stream was deleted. The text is the number of the account, a dot, and
// a token (auth/token.ts).
import { verifyToken, signToken } from "../auth/token.ts";
import { isPlainObject } from "../codec/plainObject.ts";
import type { Scope } from "../core/types.ts";

/** The parameter that carries it. */
export const accessParameter = "access";

export interface Grant {
  account: string;
  /** Uid of the stream. */
  stream: string;
  /** Of the caller that asked for it. */
  accessKeyId: string;
  untilMs: number;
}

const form = /^(\d{12})\.([\w-]{1,2000})$/;

export function sealGrant(key: string, scope: Scope, grant: Grant, nowMs: number): string {
  const { stream, accessKeyId, untilMs } = grant;
  const content = new TextEncoder().encode(JSON.stringify({ stream, accessKeyId, untilMs }));
  const token = signToken(key, purposeOf(scope), { issuedMs: nowMs, content });
  return `${scope.account}.${token.replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "")}`;
}

/** The account that a text names, which is not verified yet. */
export function accountOf(text: string): string | undefined {
  return form.exec(text)?.[1];
}

/** Undefined if the account has not issued the text, or if its time is over. */
export function openGrant(
  key: string | undefined,
  scope: Scope,
  text: string,
  nowMs: number,
): Grant | undefined {
  const [, account, urlSafe = ""] = form.exec(text) ?? [];
  if (account !== scope.account) return undefined;
  const standard = urlSafe.replaceAll("-", "+").replaceAll("_", "/");
  const padded = standard.padEnd(Math.ceil(standard.length / 4) * 4, "=");
  const token = verifyToken(key, purposeOf(scope), padded);
  if (token === undefined) return undefined;
  const end = token.content.indexOf(0);
  const bytes = end < 0 ? token.content : token.content.subarray(0, end);
  const content: unknown = JSON.parse(new TextDecoder().decode(bytes));
  if (!isPlainObject(content)) return undefined;
  const { stream, accessKeyId, untilMs } = content as unknown as Omit<Grant, "account">;
  return nowMs < untilMs ? { account, stream, accessKeyId, untilMs } : undefined;
}

function purposeOf({ account, region }: Scope): string {
  return `durable-read ${account}/${region}`;
}
