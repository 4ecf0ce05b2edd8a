// Addresses with which a browser reads one stream until a time: EventSource and links send no headers, so
// the permission is in the query. A caller who may read the stream asks for such an address. It has the
// rights of that caller when it is used, and no more: it does not outlive their key, their allow list
// or the stream. The text is a token of the account (auth/token.ts) after the account's number.
import { verifyToken, signToken } from "../auth/token.ts";
import { isPlainObject } from "../codec/plainObject.ts";
import type { Scope } from "../core/types.ts";

/** The parameter that carries it. */
export const accessParameter = "access";

export interface Grant {
  account: string;
  /** Uid of the stream. */
  stream: string;
  /** Who has asked for it. */
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

/** The account that a text claims to be of. */
export function accountOf(text: string): string | undefined {
  return form.exec(text)?.[1];
}

/** Undefined for a text that this account has not issued, or whose time is over. */
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
