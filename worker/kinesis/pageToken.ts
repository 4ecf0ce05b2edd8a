// NextToken: where a listing goes on, as names that nobody else can make. A token belongs to one
// listing of one account and region, and lives for 300 seconds (AWS API reference, ListShards).
import { Buffer } from "node:buffer";
import type { Scope } from "../stream/types.ts";
import { openToken, sealToken } from "../token.ts";
import { nextTokenExpired, nextTokenInvalid } from "./messages.ts";

const ttlMs = 300_000;

export type Listing = "ListShards" | "ListStreamConsumers" | "ListStreams";

export function sealPageToken(
  key: string,
  scope: Scope,
  listing: Listing,
  names: readonly string[],
  nowMs: number,
): string {
  const content = Buffer.from(JSON.stringify(names));
  return sealToken(key, purposeOf(scope, listing), { issuedMs: nowMs, content });
}

/** Throws InvalidArgumentException for what is no token of the listing, or ExpiredNextToken. */
export function openPageToken(
  key: string,
  scope: Scope,
  listing: Listing,
  text: string,
  nowMs: number,
): string[] {
  const token = openToken(key, purposeOf(scope, listing), text);
  if (token === undefined) throw nextTokenInvalid();
  if (nowMs - token.issuedMs > ttlMs) throw nextTokenExpired();
  // A token's content comes back with the zeros that filled it up.
  return JSON.parse(Buffer.from(token.content).toString().replace(/\0+$/, "")) as string[];
}

function purposeOf({ account, region }: Scope, listing: Listing): string {
  return `${listing}/${account}/${region}/`;
}
