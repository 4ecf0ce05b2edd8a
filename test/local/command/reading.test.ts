/** What commands decide without a service: places of shards, times, aggregates, and the drawing. */
import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import {
  addNewShards,
  type Choice,
  firstPlaces,
  isReady,
} from "../../../command/reading/places.ts";
import type { Places } from "../../../command/reading/state.ts";
import { parseDuration, parseTime } from "../../../command/reading/time.ts";
import { deaggregate } from "../../../command/record/aggregate.ts";
import { parseLine } from "../../../command/record/line.ts";
import { drawLineage } from "../../../command/stream/lineage.ts";
import { hashKeyOf, type Shard, shardIdOf, shortId } from "../../../command/stream/shard.ts";
import { aggregate } from "../../e2e/command/aggregate.ts";

function md5(bytes: Uint8Array): Uint8Array {
  return createHash("md5").update(bytes).digest();
}

/** 0 was split into 1 and 2, which were merged into 3; 4 has been there from the beginning. */
const shards: Shard[] = [
  shard("0", [], false, 0, 7),
  shard("1", ["0"], false, 0, 3),
  shard("2", ["0"], false, 4, 7),
  shard("3", ["1", "2"], true, 0, 7),
  shard("4", [], true, 8, 15),
];

/** Ranges in sixteenths of the hash keys. */
function shard(id: string, parents: string[], isOpen: boolean, first: number, last: number): Shard {
  const part = 1n << 124n;
  return {
    id,
    parents,
    isOpen,
    firstHash: BigInt(first) * part,
    lastHash: BigInt(last + 1) * part - 1n,
  };
}

describe("places", () => {
  const all: Choice = {};
  test.each<[string, Choice, "start" | "latest" | number, string]>([
    ["all from the start", all, "start", "start start start start start"],
    ["all from a time", all, 5, "5 5 5 5 5"],
    ["new records come in open shards", all, "latest", "skipped skipped skipped latest latest"],
    [
      "a shard and those made of it",
      { shardIds: new Set(["1"]) },
      "start",
      "skipped start skipped start skipped",
    ],
    [
      "a closed shard's open descendants",
      { shardIds: new Set(["2"]) },
      "latest",
      "skipped skipped skipped latest skipped",
    ],
    [
      "shards that have the hash",
      { hash: 1n << 126n },
      "start",
      "start skipped start start skipped",
    ],
  ])("%s", (_what, choice, from, expected) => {
    expect([...firstPlaces(shards, from, choice).values()].map(String).join(" ")).toBe(expected);
  });

  test("a shard waits for all its parents that are read", () => {
    const places = firstPlaces(shards, "start", all);
    const listed = new Set(shards.map(({ id }) => id));
    const ready = (): string =>
      shards
        .filter((each) => isReady(each, places, listed))
        .map(({ id }) => id)
        .join(" ");
    expect(ready()).toBe("0 4");
    places.set("0", "end");
    expect(ready()).toBe("1 2 4");
    places.set("1", "end");
    expect(ready()).toBe("2 4");
    places.set("2", "end");
    expect(ready()).toBe("3 4");
  });

  test("a parent that expired while nobody read does not hold up its children", () => {
    const places: Places = new Map([["0", { after: "1" }]]);
    const left = shards.filter(({ id }) => id !== "0");
    addNewShards(places, left, all);
    const listed = new Set(left.map(({ id }) => id));
    expect(left.filter((each) => isReady(each, places, listed)).map(({ id }) => id)).toEqual([
      "1",
      "2",
      "4",
    ]);
  });

  test("new shards are read if their parents were, and not if those were skipped", () => {
    const places: Places = new Map([
      ["0", "skipped"],
      ["4", "latest"],
    ]);
    addNewShards(
      places,
      [...shards, shard("5", ["4"], true, 8, 11), shard("6", ["4"], true, 12, 15)],
      all,
    );
    expect(Object.fromEntries(places)).toEqual({
      "0": "skipped",
      "1": "skipped",
      "2": "skipped",
      "3": "skipped",
      "4": "latest",
      "5": "start",
      "6": "start",
    });
    const chosen: Places = new Map([["4", "latest"]]);
    addNewShards(chosen, [shard("5", ["4"], true, 8, 11), shard("6", ["4"], true, 12, 15)], {
      hash: 15n << 124n,
    });
    expect(Object.fromEntries(chosen)).toEqual({ "4": "latest", "5": "skipped", "6": "start" });
  });
});

describe("times", () => {
  const nowMs = Date.UTC(2036, 0, 2, 3, 4, 5);
  test.each([
    ["10m", nowMs - 600_000],
    ["1h30m", nowMs - 5_400_000],
    ["1.5s", nowMs - 1500],
    ["2036-01-02T03:04:05Z", nowMs],
    ["2036-01-02T03:04:05.250+01:00", nowMs - 3_599_750],
    ["1500000000", 1_500_000_000_000],
    ["1500000000.123", 1_500_000_000_123],
  ])("%s", (text, ms) => {
    expect(parseTime("--from", text, nowMs)).toBe(ms);
  });

  test.each(["", "yesterday", "10", "10 m", "-5m", "2036-13-01", "2035-02-29", "1e9", "5mm"])(
    "%j is none",
    (text) => {
      expect(() => parseTime("--from", text, nowMs)).toThrow(/^--from .* is not a time: pass one/);
      expect(() => parseDuration("--poll", text)).toThrow(/^--poll .* is not a duration/);
    },
  );
});

describe("aggregates", () => {
  const parts = [
    { key: "a", data: Buffer.from("x") },
    { key: "b", hashKey: "9", data: Buffer.alloc(300, 7) },
    { key: "a", data: Buffer.alloc(0) },
  ];

  test("keys, hash keys and data come back in order", () => {
    const records = deaggregate(aggregate(parts), md5);
    expect(
      records?.map(({ partitionKey, explicitHashKey, data }) => ({
        key: partitionKey,
        hashKey: explicitHashKey,
        data: Buffer.from(data),
      })),
    ).toEqual(parts.map(({ key, hashKey, data }) => ({ key, hashKey, data })));
    expect(deaggregate(aggregate([]), md5)).toEqual([]);
  });

  test("the bytes of a record that the KPL documents", () => {
    // partition_key_table "pk", one Record with index 0 and data "hi".
    const message = "0a02706b1a0608001a026869";
    expect(deaggregate(Buffer.from(`f3899ac2${message}`, "hex"), md5)).toBeUndefined();
    const whole = aggregate([{ key: "pk", data: Buffer.from("hi") }]);
    expect(whole.toString("hex").slice(8, -32)).toBe(message);
    expect(deaggregate(whole, md5)).toHaveLength(1);
  });

  test("anything else is left alone: cut off, changed, or a first byte by chance", () => {
    const bytes = aggregate(parts);
    for (let length = 0; length < bytes.length; length++) {
      expect(deaggregate(bytes.subarray(0, length), md5)).toBeUndefined();
    }
    for (let at = 0; at < bytes.length; at++) {
      const changed = Buffer.from(bytes);
      changed[at] = (changed[at] ?? 0) ^ 1;
      expect(deaggregate(changed, md5)).toBeUndefined();
    }
  });
});

test.each([
  ["[]", /no JSON object/],
  ['{"data":"x"}', /has no partitionKey/],
  ['{"partitionKey":"a"}', /needs data \(text\) or dataBase64/],
  ['{"partitionKey":"a","data":"x","dataBase64":""}', /one of them/],
  ['{"partitionKey":"a","dataBase64":"x"}', /its data is no base64/],
  ['{"partitionKey":"a","Data":"AP8"}', /its data is no base64/],
  ['{"partitionKey":"a","data":7}', /data is no text/],
])("a line that is no record: %s", (line, message) => {
  expect(() => parseLine(line, "line 3")).toThrow(message);
  expect(() => parseLine(line, "line 3")).toThrow(/^line 3: /);
});

test("shards are named by number, and keys have the hash of Kinesis", () => {
  expect([shardIdOf("3"), shardIdOf("shardId-000000000003")]).toEqual(
    Array(2).fill("shardId-000000000003"),
  );
  expect([
    shortId("shardId-000000000120"),
    shortId("shardId-000000000000"),
    shortId("other"),
  ]).toEqual(["120", "0", "other"]);
  expect(hashKeyOf("a")).toBe(16955237001963240173058271559858726497n);
});

test("shards whose parents are gone are roots that name them", () => {
  const lines = drawLineage(shards.slice(1), (_, text) => text);
  expect(lines).toEqual([
    "1  closed  00000000-3fffffff  25 %  from 0",
    "└─ 3  open  00000000-7fffffff  50 %  also from 2",
    "2  closed  40000000-7fffffff  25 %  from 0",
    "4  open  80000000-ffffffff  50 %",
  ]);
});
