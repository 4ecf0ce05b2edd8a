// The Workers that server.ts starts, each at a distance from the store of its streams.

import { join } from "node:path";
import { node, root, type Server, startAndRead } from "../tools/process.ts";
import type { Address } from "../tools/wire.ts";

export interface Place {
  /** Added to each call of a Durable Object. */
  roundTripMs: number;
  /** Whether its store moves sealed segments to a bucket. */
  bucket: boolean;
  address: Address;
}

export interface Places extends AsyncDisposable {
  find(roundTripMs: number, bucket: boolean): Place;
  /** What the server has printed. */
  output(): string;
}

/** Starts the server with its data in `folder`. */
export async function startPlaces(
  folder: string,
  roundTripsMs: readonly number[],
): Promise<Places> {
  const script = join(root, "bench", "distance", "server.ts");
  const args = [script, "--data", folder, "--round-trips", roundTripsMs.join(",")];
  const server: Server = await startAndRead({ program: node, args }, /^endpoint (\S+)\n/m);
  const printed = /^places (.*)$/m.exec(server.output())?.[1] ?? "[]";
  const places = JSON.parse(printed) as Place[];
  return {
    find(roundTripMs, bucket) {
      const found = places.find((each) => {
        return each.roundTripMs === roundTripMs && each.bucket === bucket;
      });
      if (found === undefined) throw new Error(`no place ${roundTripMs} ms away`);
      return found;
    },
    output: () => server.output(),
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}
