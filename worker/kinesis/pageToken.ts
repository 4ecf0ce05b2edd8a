// NextToken: the position at which a listing continues, in a form that only the server can make. A
// token belongs to one listing of one account and region, and is valid for 300 seconds (AWS API
// reference, ListShards).
import { Buffer } from "node:buffer";
import type { Scope } from "../core/types.ts";
import { verifyToken, signToken } from "../auth/token.ts";
import { memberWithToken, nextTokenExpired, nextTokenInvalid } from "./errorTexts.ts";

const ttlMs = 300_000;

/**
 * A token says already which listing it goes on with: throws InvalidArgumentException for the first
 * of `members` that the input has beside it.
 */
export function checkBesideToken<Input extends { NextToken?: string | undefined }>(
  input: Input,
  members: readonly (keyof Input & string)[],
): void {
  if (input.NextToken === undefined) return;
  const member = members.find((name) => input[name] !== undefined);
  if (member !== undefined) throw memberWithToken(member);
}

export function signPageToken(
  key: string,
  scope: Scope,
  listing: string,
  names: readonly string[],
  nowMs: number,
): string {
  const content = Buffer.from(JSON.stringify(names));
  return signToken(key, purposeOf(scope, listing), { issuedMs: nowMs, content });
}

/** Throws InvalidArgumentException for what is no token of the listing, or ExpiredNextToken. */
export function verifyPageToken(
  key: string | undefined,
  scope: Scope,
  listing: string,
  text: string,
  nowMs: number,
): string[] {
  const token = verifyToken(key, purposeOf(scope, listing), text);
  if (token === undefined) throw nextTokenInvalid();
  if (nowMs - token.issuedMs > ttlMs) throw nextTokenExpired();
  // A token's content comes back with the zeros that filled it up.
  return JSON.parse(Buffer.from(token.content).toString().replace(/\0+$/, "")) as string[];
}

function purposeOf({ account, region }: Scope, listing: string): string {
  return `${listing}/${account}/${region}/`;
}
