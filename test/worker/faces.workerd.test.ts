// One stream, four faces, inside workerd: made through any of them, written through all of them at once
// and read through each, every record is the same one with each dialect's own names for where it is. What
// one face does to the shards the others see.

import { env, exports } from "cloudflare:workers";
import { beforeEach, describe, expect, test, vi } from "vitest";
import { Backend } from "../../worker/stream/backend.ts";
import { serveV3io } from "../../worker/v3io/face.ts";
import { base64, kinesisOver } from "./kinesis/client.ts";
import { v3ioOver } from "./v3io/client.ts";
import { yandexOver } from "./yandex/client.ts";
import { patience } from "../support/patience.ts";

const send = (path: string, init: RequestInit) =>
  exports.default.fetch(`http://localhost${path}`, init);
const kinesis = kinesisOver((init) => send("/", init));
const v3io = v3ioOver(send);
const yandex = yandexOver(send);

const shardCount = 3;

/** A record, and where it is, as any face says it. */
interface Seen {
  shard: number;
  index: number;
  key: string;
  data: string;
  timeMs: number;
}

interface Keyed {
  key: string;
  data: string;
}

interface Face extends Writer {
  read(name: string, shard: number): Promise<Seen[]>;
}

interface Writer {
  create(name: string, shards: number): Promise<unknown>;
  /** Shard and index of each record, in the order of the records. */
  put(name: string, records: readonly Keyed[]): Promise<{ shard: number; index: number }[]>;
}

const faces: Record<"Kinesis" | "v3io" | "Yandex", Face> = {
  Kinesis: {
    create: (StreamName, ShardCount) => kinesis("CreateStream", { StreamName, ShardCount }),
    async put(StreamName, records) {
      const Records = records.map(({ key, data }) => ({ PartitionKey: key, Data: base64(data) }));
      const { output } = await kinesis("PutRecords", { StreamName, Records });
      return output.Records.map(({ ShardId, SequenceNumber }) => ({
        shard: Number(ShardId.slice(-12)),
        index: indexInKinesis(SequenceNumber),
      }));
    },
    async read(StreamName, shard) {
      const ShardId = `shardId-${String(shard).padStart(12, "0")}`;
      const target = { StreamName, ShardId, ShardIteratorType: "TRIM_HORIZON" };
      const { ShardIterator } = (await kinesis("GetShardIterator", target)).output;
      const { Records } = (await kinesis("GetRecords", { ShardIterator })).output;
      return Records.map((record) => ({
        shard,
        index: indexInKinesis(record.SequenceNumber),
        key: record.PartitionKey ?? "",
        data: textOf(record),
        timeMs: Math.round(record.ApproximateArrivalTimestamp * 1000),
      }));
    },
  },
  v3io: {
    create: (name, ShardCount) => v3io("CreateStream", `/bigdata/${name}/`, { ShardCount }),
    async put(name, records) {
      const Records = records.map(({ key, data }) => ({ PartitionKey: key, Data: base64(data) }));
      const { output } = await v3io("PutRecords", `/bigdata/${name}/`, { Records });
      return output.Records.map(({ ShardId, SequenceNumber }) => ({
        shard: ShardId,
        index: SequenceNumber - 1,
      }));
    },
    async read(name, shard) {
      const path = `/bigdata/${name}/${shard}`;
      const { Location } = (await v3io("Seek", path, { Type: "EARLIEST" })).output;
      const { Records } = (await v3io("GetRecords", path, { Location })).output;
      return Records.map((record) => ({
        shard,
        index: record.SequenceNumber - 1,
        key: record.PartitionKey ?? "",
        data: textOf(record),
        timeMs: record.ArrivalTimeSec * 1000 + Math.floor(record.ArrivalTimeNSec / 1_000_000),
      }));
    },
  },
  Yandex: {
    create: (StreamName, ShardCount) => yandex("CreateStream", { StreamName, ShardCount }),
    async put(StreamName, records) {
      const Records = records.map(({ key, data }) => ({ PartitionKey: key, Data: base64(data) }));
      const { output } = await yandex("PutRecords", { StreamName, Records });
      return (output.Records ?? []).map(({ ShardId, SequenceNumber }) => ({
        shard: Number(ShardId.slice(-6)),
        index: Number(SequenceNumber),
      }));
    },
    async read(StreamName, shard) {
      const ShardId = `shard-${String(shard).padStart(6, "0")}`;
      const target = { StreamName, ShardId, ShardIteratorType: "TRIM_HORIZON" };
      const { ShardIterator } = (await yandex("GetShardIterator", target)).output;
      const { Records = [] } = (await yandex("GetRecords", { ShardIterator })).output;
      return Records.map((record) => ({
        shard,
        index: Number(record.SequenceNumber),
        key: record.PartitionKey,
        data: textOf(record),
        timeMs: Math.round(record.ApproximateArrivalTimestamp * 1000),
      }));
    },
  },
};

const names = Object.keys(faces) as (keyof typeof faces)[];

/** A face without keys and times of records: it shows the data of a shard as one run of bytes. */
const durable: Writer = {
  create: (stream, shards) =>
    send(`/v1/stream/${stream}`, {
      method: "PUT",
      headers: { "stream-shard-count": String(shards) },
    }),
  put: async (stream, records) => {
    const places: { shard: number; index: number }[] = [];
    for (const { key, data } of records) {
      const headers = { "stream-key": key, "content-type": "application/octet-stream" };
      const reply = await send(`/v1/stream/${stream}`, { method: "POST", headers, body: data });
      places.push({
        shard: Number(reply.headers.get("stream-shard")),
        index: indexIn(reply) - 1,
      });
    }
    return places;
  },
};

const makers = { ...faces, "Durable Streams": durable };

/** All bytes of a shard, and how many records they were. */
async function readBytes(stream: string, shard: number): Promise<{ text: string; count: number }> {
  const reply = await send(`/v1/stream/${stream}?shard=${shard}`, {});
  expect(reply.headers.get("stream-up-to-date")).toBe("true");
  return { text: await reply.text(), count: indexIn(reply) };
}

function indexIn(reply: Response): number {
  return Number(reply.headers.get("stream-next-offset")?.split("_")[0]);
}

let name: string;

beforeEach(() => {
  name = `s-${crypto.randomUUID()}`;
});

const writers = Object.keys(makers) as (keyof typeof makers)[];

describe.each(writers)("made through %s", (maker) => {
  test("written through all at once, and the same through each", async () => {
    await makers[maker].create(name, shardCount);
    const written = await Promise.all(
      writers.map(async (writer) => {
        const batches: Omit<Seen, "timeMs">[] = [];
        for (let batch = 0; batch < 5; batch++) {
          const records = Array.from({ length: 8 }, (_, i) => ({
            key: `key ${i}`,
            data: `${writer} ${batch} ${i} \u00e9`,
          }));
          const places = await makers[writer].put(name, records);
          expect(places).toHaveLength(records.length);
          for (const [i, place] of places.entries()) {
            batches.push({ ...place, key: records[i]?.key ?? "", data: records[i]?.data ?? "" });
          }
        }
        return batches;
      }),
    );
    const expected = written.flat();
    const views = await Promise.all(names.map((reader) => readAll(reader, shardCount)));
    for (const view of views) expect(view).toEqual(views[0]);
    const [view = []] = views;
    expect(view).toMatchObject(expected.sort(comparePlaces));
    expect(view).toHaveLength(expected.length);
    for (let shard = 0; shard < shardCount; shard++) {
      const indexes = view.filter((each) => each.shard === shard).map(({ index }) => index);
      expect(indexes).toEqual(indexes.map((_, i) => i));
      expect(indexes.length).toBeGreaterThan(0);
      const texts = view.filter((each) => each.shard === shard).map(({ data }) => data);
      expect(await readBytes(name, shard)).toEqual({ text: texts.join(""), count: texts.length });
    }
  });
});

describe("messages of Durable Streams", () => {
  const json = { "content-type": "application/json" };
  const post = (body: string) =>
    send(`/v1/stream/${name}`, { method: "POST", headers: json, body });

  test("are records of the same index, in the bytes in which they were sent", async () => {
    await send(`/v1/stream/${name}`, { method: "PUT", headers: json });
    await post('[{"n": 1e400}, "two" ,[3,[4]]]');
    await post(' {"n":12345678901234567890, "n":2} ');
    const expected = ['{"n": 1e400}', '"two"', "[3,[4]]", '{"n":12345678901234567890, "n":2}'];
    for (const reader of names) {
      const seen = await faces[reader].read(name, 0);
      expect(seen.map(({ index, data }) => [index, data])).toEqual([...expected.entries()]);
    }
    expect(await (await send(`/v1/stream/${name}`, {})).text()).toBe(`[${expected.join(",")}]`);
  });

  test("are JSON also if another dialect has put what is none", async () => {
    await send(`/v1/stream/${name}`, { method: "PUT", headers: json });
    await post("1");
    const others = ['{"good": true}', "not JSON", "", "\ufeff2", "[1,"];
    await faces.Kinesis.put(
      name,
      others.map((data) => ({ key: "k", data })),
    );
    await post("2");
    const [, ...rest] = others.map((text) => ({ $binary: base64(text) }));
    const shown = [1, { good: true }, ...rest, 2];
    expect(await (await send(`/v1/stream/${name}`, {})).json()).toEqual(shown);
  });

  test("are selected by key and by content, and a live reader waits for one that is", async () => {
    await send(`/v1/stream/${name}`, { method: "PUT", headers: json });
    const put = (key: string, n: number) =>
      send(`/v1/stream/${name}`, {
        method: "POST",
        headers: { ...json, "stream-key": key },
        body: JSON.stringify({ n }),
      });
    for (let n = 0; n < 6; n++) await put(n % 2 === 0 ? "even" : "odd", n);
    const read = async (query: string) => {
      const reply = await send(`/v1/stream/${name}?${query}`, {});
      expect([query, reply.status]).toEqual([query, 200]);
      return [indexIn(reply), await reply.json()];
    };
    const where = encodeURIComponent('{"data":{"n":[{"numeric":[">",3]}]}}');
    expect(await read("key=odd")).toEqual([6, [{ n: 1 }, { n: 3 }, { n: 5 }]]);
    expect(await read("key=odd&key=even&where=" + where)).toEqual([6, [{ n: 4 }, { n: 5 }]]);
    expect(await read(`key=none`)).toEqual([6, []]);
    const at = `offset=${(await put("odd", 7)).headers.get("stream-next-offset")}`;
    const polled = read(`${at}&live=long-poll&key=even`);
    await put("odd", 9);
    await put("even", 10);
    expect(await polled).toEqual([9, [{ n: 10 }]]);
    const wrong = await send(`/v1/stream/${name}?where=${encodeURIComponent("{")}`, {});
    expect(wrong.status).toBe(400);
  });

  test("a closed stream is closed for every dialect, and can be read to its end", async () => {
    await send(`/v1/stream/${name}`, { method: "PUT" });
    const headers = { "content-type": "application/octet-stream", "stream-closed": "true" };
    await send(`/v1/stream/${name}`, { method: "POST", headers, body: "last" });
    const Records = [{ PartitionKey: "k", Data: base64("x") }];
    const { output } = await kinesis("PutRecords", { StreamName: name, Records });
    expect(output).toMatchObject({ FailedRecordCount: 1 });
    const put = await v3io("PutRecords", `/bigdata/${name}`, { Records });
    expect(put.output).toMatchObject({ FailedRecordCount: 1 });
    for (const reader of names) {
      expect(await faces[reader].read(name, 0)).toMatchObject([{ index: 0, data: "last" }]);
    }
  });

  test("a stream that keeps everything is shown with the longest retention", async () => {
    await send(`/v1/stream/${name}`, { method: "PUT" });
    const { output } = await kinesis("DescribeStreamSummary", { StreamName: name });
    expect(output).toMatchObject({ StreamDescriptionSummary: { RetentionPeriodHours: 8760 } });
  });

  test("a deleted stream with forks exists for no dialect", async () => {
    await send(`/v1/stream/${name}`, { method: "PUT", body: "a" });
    const source = { "stream-forked-from": `/v1/stream/${name}` };
    await send(`/v1/stream/${name}-fork`, { method: "PUT", headers: source });
    await kinesis("DeleteStream", { StreamName: name });
    expect((await kinesis("DescribeStreamSummary", { StreamName: name })).status).toBe(400);
    const { StreamNames } = (await kinesis("ListStreams", { Limit: 10_000 })).output;
    expect(StreamNames.filter((each) => each.startsWith(name))).toEqual([`${name}-fork`]);
    expect((await send(`/v1/stream/${name}`, {})).status).toBe(410);
    expect(await (await send(`/v1/stream/${name}-fork`, {})).text()).toBe("a");
  });
});

describe("what a face does not have", () => {
  test("client info and records without a key are v3io's own", async () => {
    await faces.v3io.create(name, 1);
    const Records = [{ Data: base64("a"), ClientInfo: base64("info") }];
    await v3io("PutRecords", `/bigdata/${name}`, { Records });
    for (const reader of names) {
      const [record] = await faces[reader].read(name, 0);
      expect(record).toMatchObject({ key: "", data: "a", index: 0 });
    }
  });

  test("a stream beside the default root is seen through v3io and Yandex, not through Kinesis", async () => {
    const path = `/ru-central1/cloud/${name}`;
    await yandex("CreateStream", { StreamName: "s" }, { path });
    const body = { Records: [{ Data: base64("a"), PartitionKey: "k" }] };
    // The region is a container there, which the operator has to name.
    expect((await v3io("PutRecords", `${path}/s`, body)).status).toBe(404);
    const named = { ...env, MILLRACE_V3IO_CONTAINERS: "bigdata,ru-central1" };
    const runtime = { env: named, segments: exports.Segments, waitUntil: () => {} };
    const backend = new Backend(runtime);
    const home = { account: "000000000000", region: "us-east-1" };
    const namedV3io = v3ioOver((at, init) =>
      serveV3io(new Request(`http://localhost${at}`, init), backend, home),
    );
    expect((await namedV3io("PutRecords", `${path}/s`, body)).status).toBe(200);
    const target = { StreamName: `${path}/s`, ShardId: "shard-000000" };
    const start = { ...target, ShardIteratorType: "TRIM_HORIZON" };
    const { ShardIterator } = (await yandex("GetShardIterator", start)).output;
    expect((await yandex("GetRecords", { ShardIterator })).output.Records).toHaveLength(1);
    const listed = (await kinesis("ListStreams", { Limit: 10_000 })).output;
    expect(listed.StreamNames.filter((each) => each.includes("/"))).toEqual([]);
  });
});

describe("shards", () => {
  const growers: [string, () => Promise<{ status: number }>][] = [
    ["UpdateStream of v3io", () => v3io("UpdateStream", `/bigdata/${name}`, { ShardCount: 5 })],
    [
      "UpdateShardCount of Yandex",
      () => yandex("UpdateShardCount", { StreamName: name, TargetShardCount: 5 }),
    ],
    [
      "UpdateStream of Yandex",
      () => yandex("UpdateStream", { StreamName: name, TargetShardCount: 5 }),
    ],
  ];

  test.each(growers)("%s: five shards for everybody, each with its number", async (_, grow) => {
    await faces.v3io.create(name, 2);
    const keys = Array.from({ length: 60 }, (_, i) => ({ key: `key ${i}`, data: `${i}` }));
    await faces.v3io.put(name, keys);
    const before = await readAll("v3io", 2);
    const { status } = await grow();
    expect([200, 204]).toContain(status);

    expect((await v3io("DescribeStream", `/bigdata/${name}`)).output.ShardCount).toBe(5);
    const ranges = await rangesInKinesis();
    expect(ranges.map(({ shard }) => shard).sort(compareNumbers)).toEqual([0, 1, 2, 3, 4]);
    let next = 0n;
    for (const { start, end } of ranges) {
      expect(start).toBe(next);
      next = end + 1n;
    }
    expect(next).toBe(2n ** 128n);
    const { output } = await yandex("ListShards", { StreamName: name });
    expect(output.Shards?.map(({ ShardId }) => ShardId)).toEqual(
      [0, 1, 2, 3, 4].map((shard) => `shard-00000${shard}`),
    );

    const places = await Promise.all(names.map((writer) => faces[writer].put(name, keys)));
    const [first = []] = places;
    for (const each of places) {
      expect(each.map(({ shard }) => shard)).toEqual(first.map(({ shard }) => shard));
    }
    expect(new Set(first.map(({ shard }) => shard))).toEqual(new Set([0, 1, 2, 3, 4]));
    const explicit = [0, 1, 2, 3, 4].map((ShardId) => ({ Data: "", ShardId }));
    const put = await v3io("PutRecords", `/bigdata/${name}`, { Records: explicit });
    expect(put.output.Records.map(({ ShardId }) => ShardId)).toEqual([0, 1, 2, 3, 4]);

    const views = await Promise.all(names.map((reader) => readAll(reader, 5)));
    for (const view of views) expect(view).toEqual(views[0]);
    expect(views[0]?.filter(({ shard, index }) => isIn(before, shard, index))).toEqual(before);
  });

  test("a split by Kinesis: its shard stays readable, and what it gets goes to a child", async () => {
    await faces.v3io.create(name, 2);
    const path = `/bigdata/${name}`;
    await v3io("PutRecords", path, { Records: [{ Data: base64("before"), ShardId: 0 }] });
    const split = await kinesis("SplitShard", {
      StreamName: name,
      ShardToSplit: "shardId-000000000000",
      NewStartingHashKey: "1000",
    });
    expect(split.status).toBe(200);
    await vi.waitUntil(isActive, patience);

    expect((await v3io("DescribeStream", path)).output.ShardCount).toBe(4);
    expect((await faces.v3io.read(name, 0)).map(({ data }) => data)).toEqual(["before"]);
    const explicit = { Records: [{ Data: base64("after"), ShardId: 0 }] };
    const [moved] = (await v3io("PutRecords", path, explicit)).output.Records;
    expect([2, 3]).toContain(moved?.ShardId);
    expect(moved?.SequenceNumber).toBe(1);
    const free = { Records: Array.from({ length: 6 }, () => ({ Data: "" })) };
    const turns = (await v3io("PutRecords", path, free)).output.Records;
    expect(turns.map(({ ShardId }) => ShardId)).toEqual([1, 2, 3, 1, 2, 3]);

    const { output } = await yandex("DescribeStream", { StreamName: name });
    const [parent, , left, right] = output.StreamDescription.Shards;
    expect(parent?.SequenceNumberRange).toEqual({
      StartingSequenceNumber: "0",
      EndingSequenceNumber: "0",
    });
    expect([left?.ParentShardId, right?.ParentShardId]).toEqual(["shard-000000", "shard-000000"]);
    const views = await Promise.all(names.map((reader) => readAll(reader, 4)));
    for (const view of views) expect(view).toEqual(views[0]);
  });

  test("growing further after a split counts the numbers that there are", async () => {
    await faces.v3io.create(name, 1);
    const input = { StreamName: name, TargetShardCount: 2, ScalingType: "UNIFORM_SCALING" };
    expect((await kinesis("UpdateShardCount", input)).status).toBe(200);
    await vi.waitUntil(isActive, patience);
    const path = `/bigdata/${name}`;
    const { ShardCount } = (await v3io("DescribeStream", path)).output;
    expect(ShardCount).toBe(3);
    const same = await v3io("UpdateStream", path, { ShardCount });
    expect(same.output.ErrorMessage).toBe("InvalidShardCountException");
    expect((await v3io("UpdateStream", path, { ShardCount: 5 })).status).toBe(204);
    const explicit = [1, 2, 3, 4].map((ShardId) => ({ Data: "", ShardId }));
    const { Records } = (await v3io("PutRecords", path, { Records: explicit })).output;
    expect(Records.map(({ ShardId }) => ShardId)).toEqual([1, 2, 3, 4]);
    const ranges = await rangesInKinesis();
    expect(ranges.map(({ shard }) => shard).sort(compareNumbers)).toEqual([1, 2, 3, 4]);
  });
});

async function readAll(reader: keyof typeof faces, shards: number): Promise<Seen[]> {
  const views = await Promise.all(
    Array.from({ length: shards }, (_, shard) => faces[reader].read(name, shard)),
  );
  return views.flat();
}

/** The open shards by where their ranges begin. */
async function rangesInKinesis(): Promise<{ shard: number; start: bigint; end: bigint }[]> {
  const ShardFilter = { Type: "AT_LATEST" };
  const { text } = await kinesis("ListShards", { StreamName: name, ShardFilter });
  const { Shards } = JSON.parse(text) as {
    Shards: {
      ShardId: string;
      HashKeyRange: { StartingHashKey: string; EndingHashKey: string };
    }[];
  };
  return Shards.map(({ ShardId, HashKeyRange }) => ({
    shard: Number(ShardId.slice(-12)),
    start: BigInt(HashKeyRange.StartingHashKey),
    end: BigInt(HashKeyRange.EndingHashKey),
  })).sort((a, b) => (a.start < b.start ? -1 : 1));
}

async function isActive(): Promise<boolean> {
  const { output } = await kinesis("DescribeStream", { StreamName: name });
  return output.StreamDescription.StreamStatus === "ACTIVE";
}

/** AWS's layout of now: hex digits 11 to 26 are the place in the shard. */
function indexInKinesis(sequenceNumber: string): number {
  const hex = BigInt(sequenceNumber).toString(16);
  return Number(BigInt(`0x${hex.slice(11, 27)}`));
}

function isIn(seen: readonly Seen[], shard: number, index: number): boolean {
  return seen.some((each) => each.shard === shard && each.index === index);
}

function textOf({ Data }: { Data: string }): string {
  return Buffer.from(Data, "base64").toString();
}

function comparePlaces(a: Omit<Seen, "timeMs">, b: Omit<Seen, "timeMs">): number {
  return a.shard - b.shard || a.index - b.index;
}

function compareNumbers(a: number, b: number): number {
  return a - b;
}
