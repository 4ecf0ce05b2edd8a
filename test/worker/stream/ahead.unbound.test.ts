// Segments that only the shard has, to a reader who goes through them page by page: the next ones come
// along with those that he misses. Whoever jumps about is sent what he asks for, and no more.

import { env } from "cloudflare:workers";
import { afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import type { Runtime } from "../../../worker/core/bindings.ts";
import { segmentFetchesMax } from "../../../worker/limits.ts";
import type { Location } from "../../../worker/core/types.ts";
import { Random } from "../../engine/random.ts";
import { append, openShard, record, type ShardStub } from "../../support/shards.ts";
import { forgetBodies, gatherPage, runtimeWith, START, tidyUp } from "../../support/storage.ts";

/** Segments of one record each. */
const segmentCount = 16;

let shard: ShardStub;
let runtime: Runtime;
let fetched: number[];

beforeAll(async () => {
  shard = await openShard();
  for (let i = 0; i < segmentCount; i++) {
    await append(shard, record(new Random(i).bytes(1_000_000)));
  }
});

beforeEach(() => {
  forgetBodies();
  fetched = [];
  runtime = runtimeWith(env);
  const { segments } = runtime;
  runtime.segments = {
    fetch: (input: RequestInfo | URL, init?: RequestInit) => {
      fetched.push(Number(new Request(input).url.split("/").at(-1)));
      return segments.fetch(input, init);
    },
  };
});

afterEach(tidyUp);

test("a reader in order misses once for several pages", async () => {
  await readTwo(START);
  expect(fetched).toEqual([0, 1]);
  const next = await readTwo({ segment: 2, index: 2 });
  expect(fetched).toEqual([0, 1, ...numbers(2, segmentFetchesMax)]);
  await readTwo(await readTwo(next));
  expect(fetched.length).toBe(2 + segmentFetchesMax);
});

test("no further than what is sealed", async () => {
  await readTwo(await readTwo({ segment: 12, index: 12 }));
  expect(fetched).toEqual([12, 13, 14, 15]);
});

test("a reader who jumps is sent his page", async () => {
  await readTwo({ segment: 9, index: 9 });
  await readTwo({ segment: 3, index: 3 });
  expect(fetched).toEqual([9, 10, 3, 4]);
});

async function readTwo(from: Location): Promise<Location> {
  const page = await gatherPage(shard, { runtime, from, limits: { recordsMax: 2 } });
  expect(page.records.map(({ index }) => index)).toEqual(numbers(from.index, 2));
  return page.next;
}

function numbers(first: number, count: number): number[] {
  return Array.from({ length: count }, (_, i) => first + i);
}
