// Selected records while a stream changes: shards that were split, records that have expired, segments that moved to
// the bucket, and a page that looks at as much as a page may.

import { noonMs, setClock } from "../../support/clock.ts";
import { env, exports } from "cloudflare:workers";
import { afterEach, expect, test } from "vitest";
import { scanBytesMax } from "../../../worker/limits.ts";
import { compileSelection } from "../../../worker/scan/selection.ts";
import { selectPage } from "../../../worker/stream/selectedPage.ts";
import { append, openShard, record, type ShardStub, textOf } from "../../support/shards.ts";
import {
  evictAll,
  runtimeWith,
  START,
  storedOf,
  tidyUp,
  untilTiered,
} from "../../support/storage.ts";
import { ask, createStream, putText } from "../kinesis/claims.ts";

afterEach(tidyUp);

const hourMs = 3_600_000;
const odd = compileSelection({ where: '{"data":{"odd":[true]}}' })!;

async function selectFrom(shard: ShardStub, from = START, trimmed: "skip" | "refuse" = "skip") {
  const limits = { recordsMax: 10_000, bytesMax: 10_485_760 };
  const uid = shard.name ?? "";
  const page = await selectPage(runtimeWith(env), uid, from, limits, trimmed, odd);
  return { page, texts: storedOf(uid, page).map(textOf) };
}

const json = (n: number) => JSON.stringify({ n, odd: n % 2 === 1 });

test("records that have expired are not selected, and a location among them is refused where it is asked to be", async () => {
  const shard = await openShard();
  setClock(noonMs);
  await append(shard, json(1), json(2), json(3));
  setClock(noonMs + hourMs);
  await append(shard, json(4), json(5));
  await untilTiered(shard);
  setClock(noonMs + 24 * hourMs + 1);
  await evictAll(shard);
  expect((await selectFrom(shard)).texts).toEqual([json(5)]);
  setClock(noonMs + 25 * hourMs + 1);
  await evictAll(shard);
  await expect(selectFrom(shard, START, "refuse")).rejects.toThrow("locationNotFound");
});

test("a page ends when it has looked at as much as it may, and goes on from there", async () => {
  const shard = await openShard();
  const large = record(new Uint8Array(1_000_000).fill(0x20));
  const count = Math.ceil(scanBytesMax / 1_000_000) + 3;
  for (let i = 0; i < count; i++) await append(shard, large);
  await append(shard, json(1));
  const { page, texts } = await selectFrom(shard);
  expect(texts).toEqual([]);
  expect(page.scanned.bytes).toBeGreaterThanOrEqual(1_000_000);
  expect(page.next.index).toBeLessThan(count);
  expect(page.next.index).toBe(page.scanned.records);
  let { next } = page;
  const found: string[] = [];
  while (next.index <= count) {
    const more = await selectFrom(shard, next);
    expect(more.page.next.index).toBeGreaterThan(next.index);
    found.push(...more.texts);
    next = more.page.next;
  }
  expect(found).toEqual([json(1)]);
});

test("a page has no more bytes than its limit, but for a record that alone has more", async () => {
  const shard = await openShard();
  const records = [900, 900, 900, 5000, 900].map((bytes) => record(new Uint8Array(bytes), "k"));
  await append(shard, ...records);
  const selection = compileSelection({ keys: ["k"] })!;
  const limits = { recordsMax: 10, bytesMax: 2000 };
  const sizes: number[] = [];
  for (let at = START; at.index < records.length;) {
    const page = await selectPage(
      runtimeWith(env),
      shard.name ?? "",
      at,
      limits,
      "skip",
      selection,
    );
    sizes.push(storedOf(shard.name ?? "", page).length);
    at = page.next;
  }
  expect(sizes).toEqual([2, 1, 1, 1]);
});

test("a scan of a stream that was split finds the records of parent and children once each", async () => {
  const stream = await createStream();
  for (const n of [1, 2, 3]) await putText(stream, json(n));
  await ask("SplitShard", {
    StreamName: stream,
    ShardToSplit: "shardId-000000000000",
    NewStartingHashKey: "170141183460469231731687303715884105728",
  });
  for (const n of [4, 5, 6, 7]) await putText(stream, json(n));
  const query = new URLSearchParams({ stream, where: '{"data":{"odd":[true]}}', format: "data" });
  const reply = await exports.default.fetch(`http://localhost/_millrace/scan?${query.toString()}`);
  const text = new TextDecoder().decode(await reply.arrayBuffer());
  expect(text).toBe([1, 3, 5, 7].map((n) => `${json(n)}\n`).join(""));
});
