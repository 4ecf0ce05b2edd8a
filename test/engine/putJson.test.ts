// Reading PutRecords bodies in JSON: what the engine takes means the same to JSON.parse and a strict
// base64 decoder, whatever was done to the bytes; what clients send it takes; the rest it leaves alone.

import { Buffer } from "node:buffer";
import { describe, expect, test } from "vitest";
import type { Engine } from "../../worker/engine/engine.ts";
import { builds } from "./builds.ts";
import { fuzz } from "./fuzz.ts";
import {
  bodyKind,
  damage,
  type Put,
  type PutRecord,
  readBody,
  samplePut,
  writePut,
} from "./put-bodies.ts";

const dialects = ["kinesis", "v3io", "yandex"] as const;
const encoder = new TextEncoder();
/** What means something in JSON and base64. */
const meaning = encoder.encode(`"\\{}[],:= \n\0AZ/+0`);
const record = `{"Data":"AAEC","PartitionKey":"k"}`;
const withRecords = (...records: string[]): string =>
  `{"StreamName":"s","Records":[${records.join(",")}]}`;

describe.each(builds)("PutRecords bodies, $name build", ({ engine }) => {
  fuzz("what clients send is taken, and means what it says", (random) => {
    const kind = bodyKind(random.pick(dialects), "json");
    const put = samplePut(random, kind);
    expect(readBody(engine, encoder.encode(writePut(random, put)), kind)).toEqual(put);
  });

  fuzz("what is taken of a damaged body means the same to JSON.parse", (random) => {
    const kind = bodyKind(random.pick(dialects), "json");
    const body = encoder.encode(writePut(random, samplePut(random, kind)));
    const damaged = damage(random, body, meaning);
    const put = readBody(engine, damaged, kind);
    if (put !== undefined) expect(put).toEqual(readByParsing(damaged));
  });

  test.each([
    ["an integer", "7", 7],
    ["zero", "0", 0],
    ["nine digits", "999999999", 999_999_999],
    ["ten digits", "1000000000", undefined],
    ["a 0 before", "07", undefined],
    ["a sign", "-1", undefined],
    ["a fraction", "1.0", undefined],
    ["an exponent", "1e1", undefined],
    ["a fraction after white space", "1 .0", undefined],
    ["a text", `"1"`, undefined],
    ["null", "null", undefined],
    ["nothing", "", undefined],
  ])("a shard that is %s", (_, text, shard) => {
    for (const record of [`{"ShardId":${text},"Data":""}`, `{"Data":"","ShardId":${text} }`]) {
      const body = encoder.encode(`{"Records":[${record}]}`);
      const put = readBody(engine, body, bodyKind("v3io", "json"));
      const records = [{ key: "", info: "", data: "", shard }];
      expect(put?.records).toEqual(shard === undefined ? undefined : records);
    }
  });

  test.each([
    ["ShardId twice", `{"Data":"","ShardId":1,"ShardId":2}`],
    ["ClientInfo twice", `{"Data":"","ClientInfo":"","ClientInfo":""}`],
    ["PartitionKey twice", `{"Data":"","PartitionKey":"","PartitionKey":"a"}`],
    [
      "17 bytes of ClientInfo",
      `{"Data":"","ClientInfo":"${"A".repeat(22)}=="}`.replace("==", "A="),
    ],
    ["ClientInfo without its last quote", `{"Data":"","ClientInfox:"AA=="}`],
    ["ClientInfo of stray bits", `{"Data":"","ClientInfo":"AB=="}`],
  ])("v3io: %s is left to the general reader", (_, text) => {
    const body = encoder.encode(`{"Records":[${text}]}`);
    expect(readBody(engine, body, bodyKind("v3io", "json"))).toBeUndefined();
  });

  test.each([
    ["kinesis", `{"Records":[{"Data":"","PartitionKey":"k","ClientInfo":"AA=="}]}`],
    ["kinesis", `{"Records":[{"Data":"","PartitionKey":"k","ShardId":1}]}`],
    ["yandex", `{"Records":[{"Data":"","PartitionKey":"k","ClientInfo":"AA=="}]}`],
    ["yandex", `{"StreamARN":"a","Records":[{"Data":"","PartitionKey":"k"}]}`],
    ["v3io", `{"StreamName":"a","Records":[{"Data":"","PartitionKey":"k"}]}`],
  ] as const)("%s does not have all of %s", (dialect, text) => {
    expect(readBody(engine, encoder.encode(text), bodyKind(dialect, "json"))).toBeUndefined();
  });

  test.each([
    ["nothing", ""],
    ["an empty object", "{}"],
    ["no records", `{"StreamName":"s","Records":[]}`],
    ["no list", `{"Records":${record}}`],
    ["a list", `[${record}]`],
    ["an open object", withRecords(record).slice(0, -1)],
    ["more after the end", `${withRecords(record)}{}`],
    ["a comma before the end", `{"Records":[${record}],}`],
    ["a comma before the end of the list", `{"Records":[${record},]}`],
    ["a comma before the end of a record", withRecords(`{"Data":"","PartitionKey":"k",}`)],
    ["a member that it does not know", `{"Records":[${record}],"StreamId":"x"}`],
    ["a name without its last quote", `{"Records":[${record}],"StreamNamex:"s"}`],
    ["another without its last quote", `{"Records":[${record}],"StreamARNx:"s"}`],
    ["a list's name without its last quote", `{"Recordsx:[${record}]}`],
    ["a member's name without its last quote", withRecords(`{"Datax:"","PartitionKey":"k"}`)],
    ["the other one's", withRecords(`{"Data":"","PartitionKeyx:"k"}`)],
    ["a longer name", `{"Records":[${record}],"StreamNames":"x"}`],
    ["the same name twice", `{"Records":[${record}],"StreamName":"a","StreamName":"b"}`],
    ["records twice", `{"Records":[${record}],"Records":[${record}]}`],
    ["an explicit hash key", withRecords(`{"Data":"","PartitionKey":"k","ExplicitHashKey":"1"}`)],
    ["a record without data", withRecords(`{"PartitionKey":"k"}`)],
    ["a record without a key", withRecords(`{"Data":"AA=="}`)],
    ["data twice", withRecords(`{"Data":"","Data":"","PartitionKey":"k"}`)],
    ["an empty key", withRecords(`{"Data":"","PartitionKey":""}`)],
    ["a key of 257 characters", withRecords(`{"Data":"","PartitionKey":"${"k".repeat(257)}"}`)],
    ["an escape in a key", withRecords(`{"Data":"","PartitionKey":"\\u0041"}`)],
    ["an escape in data", withRecords(`{"Data":"AA\\/A","PartitionKey":"k"}`)],
    ["a key that is not ASCII", withRecords(`{"Data":"","PartitionKey":"ü"}`)],
    ["a control character in a key", withRecords(`{"Data":"","PartitionKey":"a\nb"}`)],
    ["data that is no text", withRecords(`{"Data":1,"PartitionKey":"k"}`)],
    ["a name without a colon", withRecords(`{"Data" "AAEC","PartitionKey":"k"}`)],
    ["base64 that is cut off", withRecords(`{"Data":"AAE","PartitionKey":"k"}`)],
    ["base64 of one character more", withRecords(`{"Data":"AAECA","PartitionKey":"k"}`)],
    ["stray bits", withRecords(`{"Data":"AAF=","PartitionKey":"k"}`)],
    ["more stray bits", withRecords(`{"Data":"AB==","PartitionKey":"k"}`)],
    ["padding too early", withRecords(`{"Data":"A===","PartitionKey":"k"}`)],
    ["padding in the middle", withRecords(`{"Data":"AA==AAEC","PartitionKey":"k"}`)],
    ["the alphabet for URLs", withRecords(`{"Data":"AA-_","PartitionKey":"k"}`)],
    ["a blank in base64", withRecords(`{"Data":"AAEC AAEC","PartitionKey":"k"}`)],
    ["501 records", withRecords(...Array.from({ length: 501 }, () => record))],
  ])("%s is left to the general reader", (_, text) => {
    expect(read(engine, encoder.encode(text))).toBeUndefined();
  });

  test("every character of base64 in every place, and every other one refused there", () => {
    const alphabet = /[A-Za-z0-9+/]/;
    for (let at = 0; at < 64; at++) {
      for (let code = 0; code < 256; code++) {
        const body = encoder.encode(withRecords(`{"Data":"${"A".repeat(64)}","PartitionKey":"k"}`));
        body[`{"StreamName":"s","Records":[{"Data":"`.length + at] = code;
        const put = read(engine, body);
        const isPadding = code === 61 && at === 63;
        const isTaken = isPadding || (code < 128 && alphabet.test(String.fromCharCode(code)));
        expect(put !== undefined, `${code} at ${at}`).toBe(isTaken);
        if (put !== undefined) expect(put).toEqual(readByParsing(body));
      }
    }
  });

  test("as much as the window holds, and not a byte more", () => {
    const room = engine.packBytesMax - 1;
    expect(read(engine, bodyOf(room))?.records[0]?.data.length).toBe(Math.ceil(room / 3) * 4);
    expect(read(engine, bodyOf(room + 1))).toBeUndefined();
    expect(read(engine, new Uint8Array(5 << 20).fill(0x20))).toBeUndefined();
  });
});

/** A body of one record with so many bytes of data. */
function bodyOf(bytes: number): Uint8Array {
  const data = Buffer.alloc(bytes, 7).toString("base64");
  return encoder.encode(withRecords(`{"Data":"${data}","PartitionKey":"k"}`));
}

function read(engine: Engine, body: Uint8Array): Put | undefined {
  return readBody(engine, body, bodyKind("kinesis", "json"));
}

/** Throws on what is no such body. */
function readByParsing(body: Uint8Array): Put {
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  const input = JSON.parse(decoder.decode(body)) as {
    StreamName?: string;
    StreamARN?: string;
    Records: { Data: string; PartitionKey?: string; ClientInfo?: string; ShardId?: number }[];
  };
  const records = input.Records.map(({ Data, PartitionKey, ClientInfo, ShardId }): PutRecord => {
    for (const text of [Data, ClientInfo ?? ""]) {
      expect(Buffer.from(text, "base64").toString("base64")).toBe(text);
    }
    return { key: PartitionKey ?? "", info: ClientInfo ?? "", data: Data, shard: ShardId };
  });
  return { streamName: input.StreamName, streamArn: input.StreamARN, records };
}
