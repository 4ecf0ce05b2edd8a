// A consumer group of two from its first claim on, over HTTP inside workerd: both members claim at once,
// consume, commit and say that they live; one falls silent with records that it has not committed, and
// one that takes its place goes on where it stopped. Nothing may be lost, and nothing but what was
// not committed may come twice.

import { exports } from "cloudflare:workers";
import { beforeEach, expect, test } from "vitest";
import { base64 } from "../kinesis/client.ts";
import { v3ioOver } from "./client.ts";
import { type Consumed, Member } from "./group.ts";

const v3io = v3ioOver((path, init) => exports.default.fetch(`http://localhost${path}`, init));

const shardCount = 8;
const startMs = Date.UTC(2026, 0, 1);

let stream: string;
let produced: string[];

beforeEach(async () => {
  stream = `/bigdata/groups/${crypto.randomUUID()}`;
  produced = [];
  await v3io("CreateStream", `${stream}/`, { ShardCount: shardCount, RetentionPeriodHours: 1 });
});

test("a rebalance and a resume lose nothing", async () => {
  await produce(100);
  const [a, b] = [memberCalled("a"), memberCalled("b")];
  await Promise.all([a.heartbeat(startMs), b.heartbeat(startMs)]);
  expect(new Set([...a.shards, ...b.shards])).toEqual(new Set([0, 1, 2, 3, 4, 5, 6, 7]));
  expect([a.shards.length, b.shards.length]).toEqual([4, 4]);

  const done: Consumed[] = [...(await consume(a, 5)), ...(await consume(b, 5))];
  await Promise.all([a.commit(), b.commit()]);
  const uncommitted = await consume(b, 3);
  expect(uncommitted.length).toBeGreaterThan(0);

  // B says nothing any more. While its time runs, nobody gets its shards.
  await produce(60);
  const c = memberCalled("c");
  await a.heartbeat(startMs + 6000);
  await c.heartbeat(startMs + 6000);
  expect(c.shards).toEqual([]);
  const d = memberCalled("d");
  await a.heartbeat(startMs + 11_000);
  await d.heartbeat(startMs + 11_000);
  expect(new Set(d.shards)).toEqual(new Set(b.shards));
  expect(a.shards).toHaveLength(4);

  for (const each of [a, d]) {
    for (let page = await consume(each, 4); page.length > 0; page = await consume(each, 4)) {
      done.push(...page);
    }
    await each.commit();
  }
  expect(done.map(({ text }) => text).sort()).toEqual([...produced].sort());
  for (let shard = 0; shard < shardCount; shard++) {
    const sequences = done.filter((each) => each.shard === shard).map(({ sequence }) => sequence);
    expect(sequences).toEqual(sequences.map((_, i) => i + 1));
    expect(await a.committed(shard)).toBe(sequences.length);
  }

  // Caught up and restarted: the next number is one past the end, and is waited for.
  const e = memberCalled("e");
  await e.heartbeat(startMs + 30_000);
  expect(await consume(e, 10)).toEqual([]);
  await produce(8);
  const fresh = (await consume(e, 10)).map(({ text }) => text);
  expect(fresh.every((text) => produced.slice(-8).includes(text))).toBe(true);
  expect(fresh).toHaveLength(4);
});

test("two groups do not disturb each other", async () => {
  await produce(24);
  for (const group of ["one", "two"]) {
    const member = new Member(v3io, stream, group, "a", 1);
    await member.heartbeat(startMs);
    expect(member.shards).toHaveLength(shardCount);
    expect((await consume(member, 10)).map(({ text }) => text).sort()).toEqual(
      [...produced].sort(),
    );
    await member.commit();
    expect(await member.committed(0)).toBe(3);
  }
});

function memberCalled(id: string): Member {
  return new Member(v3io, stream, "cg0", id, 2);
}

/** Without shard or key, so that every shard gets its turn. */
async function produce(count: number): Promise<void> {
  const texts = Array.from({ length: count }, (_, i) => `record ${produced.length + i}`);
  const Records = texts.map((text) => ({ Data: base64(text) }));
  const { output } = await v3io("PutRecords", `${stream}/`, { Records });
  expect(output.FailedRecordCount).toBe(0);
  produced.push(...texts);
}

/** One fetch from each of a member's shards. */
async function consume(member: Member, limit: number): Promise<Consumed[]> {
  const pages = await Promise.all(member.shards.map((shard) => member.fetch(shard, limit)));
  return pages.flat();
}
