// Scans for keys in history: segments whose filters have none of the keys are not fetched, whether a generation moved to
// the bucket or stays in SQLite, and what is found is what is there.

import { env } from "cloudflare:workers";
import { afterEach, describe, expect, test } from "vitest";
import { generationBytes } from "../../../worker/limits.ts";
import { compileSelection } from "../../../worker/scan/selection.ts";
import { forgetFilters } from "../../../worker/stream/keyIndex.ts";
import { readCounters } from "../../../worker/stream/readCounters.ts";
import { selectPage } from "../../../worker/stream/selectedPage.ts";
import { ShardScan } from "../../../worker/stream/shardScan.ts";
import { parseGiven } from "../../reference/parse.ts";
import { append, openShard, record, sabotage, type ShardStub } from "../../support/shards.ts";
import {
  evictAll,
  forgetBodies,
  runtimeWith,
  START,
  statsOf,
  tidyUp,
  untilTiered,
} from "../../support/storage.ts";

afterEach(tidyUp);

const data = new Uint8Array(2000).fill(7);

/** Segments of half a megabyte until three generations are closed; one in eight has the key `rare`. */
async function fill(shard: ShardStub): Promise<number[]> {
  const rare: number[] = [];
  let index = 0;
  for (let segment = 0; (await totalOf(shard)) < 3.2 * generationBytes; segment++) {
    const records = Array.from({ length: 250 }, (_, i) =>
      record(data, segment % 8 === 5 && i === 100 ? "rare" : `key-${segment}-${i % 50}`),
    );
    if (segment % 8 === 5) rare.push(index + 100);
    await append(shard, ...records);
    index += records.length;
  }
  return rare;
}

async function totalOf(shard: ShardStub): Promise<number> {
  const { sqliteBytes, r2Bytes } = (await statsOf(shard)).segments;
  return sqliteBytes + r2Bytes;
}

/** Indexes of the records with a key, page by page, and the segments that were fetched for them. */
async function find(shard: ShardStub, key: string) {
  forgetBodies();
  const before = readCounters.segmentRequests;
  const selection = compileSelection({ keys: [key] })!;
  const runtime = runtimeWith(env);
  const uid = shard.name ?? "";
  const limits = { recordsMax: 10_000, bytesMax: 10_485_760 };
  const found: number[] = [];
  for (let at = START; ;) {
    const page = await selectPage(runtime, uid, at, limits, "skip", selection);
    for (const { chunk, from, to } of page.runs) {
      const { firstIndex } = parseGiven(chunk, uid);
      for (let i = from; i < to; i++) found.push(firstIndex + i);
    }
    if (page.next.index >= page.view.nextIndex) break;
    at = page.next;
  }
  return { found, fetched: readCounters.segmentRequests - before };
}

describe("a scan for a key", () => {
  test("fetches the segments that have it, and those without filters", async () => {
    const shard = await openShard();
    const rare = await fill(shard);
    await untilTiered(shard);
    forgetFilters();
    const { segments } = await statsOf(shard);
    const { found, fetched } = await find(shard, "rare");
    expect(found).toEqual(rare);
    // Those of the generation that is still open, and one in 256 that is taken for one of them.
    const open = segments.count % 16;
    expect(fetched).toBeLessThanOrEqual(rare.length + open + 4);
    const absent = await find(shard, "absent");
    expect(absent.found).toEqual([]);
    expect(absent.fetched).toBeLessThanOrEqual(open + 4);
  });

  test("passes over segments that nobody can read, if they do not have the key", async () => {
    const shard = await openShard();
    const rare = await fill(shard);
    await untilTiered(shard);
    const scan = new ShardScan(runtimeWith(env), shard.name ?? "", START, {
      selection: compileSelection({ keys: ["rare"] }),
      trimmed: "skip",
    });
    await env.SEGMENTS!.delete(`segments/${shard.name}/0`);
    forgetBodies();
    const step = await scan.step({ recordsMax: 1, bytesMax: 10_485_760 });
    expect(
      step.runs.map(({ chunk, from }) => parseGiven(chunk, shard.name ?? "").firstIndex + from),
    ).toEqual(rare.slice(0, 1));
    expect(scan.passedOver).toBeGreaterThanOrEqual(5);
  });
});

test("generations without filters, as 0.1.0 closed them, are read", async () => {
  const shard = await openShard();
  const rare = await fill(shard);
  await untilTiered(shard);
  await sabotage(shard, (storage) => {
    storage.sql.exec("ALTER TABLE generation DROP COLUMN keys");
  });
  await evictAll(shard);
  forgetFilters();
  const { segments } = await statsOf(shard);
  const { found, fetched } = await find(shard, "rare");
  expect(found).toEqual(rare);
  expect(fetched).toBe(segments.count);
});
