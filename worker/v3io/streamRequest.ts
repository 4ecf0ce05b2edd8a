// Finds the stream or shard of a streaming request. The path is
// /<container>/<path>/<stream>[/<shard>]; the JSON body may have either name instead. Sources:
// Iguazio web API reference, streaming; v3io-py request.py; v3io-go.
import { invalid } from "./errors.ts";
import { type Body, integer, optionalText } from "./fields.ts";
import { type Address, checkName, type Place, placeAt } from "./names.ts";

export interface ShardPlace {
  stream: Place;
  shard: number;
}

/** Throws V3ioError. */
export function streamPlace(address: Address, body: Body): Place {
  const name = nameIn(body, "StreamName");
  return notRoot(name === undefined ? placeAt(address) : placeAt(address, name));
}

/** Throws V3ioError. */
export function shardPlace(address: Address, body: Body): ShardPlace {
  const name = nameIn(body, "StreamName");
  const inBody = body["ShardId"] ?? undefined;
  const path =
    inBody === undefined && name === undefined ? address.path.slice(0, -1) : address.path;
  const below = name === undefined ? [] : [name];
  const last = path === address.path ? undefined : address.path.at(-1);
  return {
    stream: notRoot(placeAt({ ...address, path }, ...below)),
    shard: inBody === undefined ? digits(last) : integer(inBody, 0, Infinity),
  };
}

function notRoot(place: Place): Place {
  if (place.path === "") throw invalid();
  return place;
}

function nameIn(body: Body, member: string): string | undefined {
  const name = optionalText(body[member]);
  if (name === undefined) return undefined;
  if (name.includes("/")) throw invalid();
  checkName(name);
  return name;
}

function digits(segment: string | undefined): number {
  if (segment === undefined || !/^\d{1,9}$/.test(segment)) throw invalid();
  return Number(segment);
}
