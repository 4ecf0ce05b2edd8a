// Reading PutRecords bodies: what the engine takes means the same to JSON.parse and a strict base64
// decoder, whatever was done to the bytes; what clients send it takes; the rest it leaves alone.

import { Buffer } from "node:buffer";
import { describe, expect, test } from "vitest";
import { type Engine, PACK_ROW } from "../../worker/engine.ts";
import { builds } from "./builds.ts";
import { fuzz } from "./fuzz.ts";
import type { Random } from "./random.ts";

interface Put {
  streamName: string | undefined;
  streamArn: string | undefined;
  records: { key: string; data: string }[];
}

const encoder = new TextEncoder();
const record = `{"Data":"AAEC","PartitionKey":"k"}`;
const withRecords = (...records: string[]): string =>
  `{"StreamName":"s","Records":[${records.join(",")}]}`;

describe.each(builds)("PutRecords bodies, $name build", ({ engine }) => {
  fuzz("what clients send is taken, and means what it says", (random) => {
    const put = samplePut(random);
    expect(read(engine, encoder.encode(writePut(random, put)))).toEqual(put);
  });

  fuzz("what is taken of a damaged body means the same to JSON.parse", (random) => {
    const bytes = encoder.encode(writePut(random, samplePut(random)));
    const damaged = damage(random, bytes);
    const put = read(engine, damaged);
    if (put !== undefined) expect(put).toEqual(readByParsing(damaged));
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
  const text = engine.readPutBody(body);
  if (text === undefined) return undefined;
  const { count, streamName, streamArn, rows, payload } = text;
  let at = 0;
  const records = Array.from({ length: count }, (_, i) => {
    const [key = 0, info = 0, data = 0] = rows.subarray(i * PACK_ROW, (i + 1) * PACK_ROW);
    expect(info).toBe(0);
    const start = at + key;
    at = start + data;
    return {
      key: Buffer.from(payload.subarray(start - key, start)).toString("latin1"),
      data: Buffer.from(payload.subarray(start, at)).toString("base64"),
    };
  });
  expect(at).toBe(payload.length);
  return { streamName, streamArn, records };
}

/** Throws on what is no such body. */
function readByParsing(body: Uint8Array): Put {
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  const input = JSON.parse(decoder.decode(body)) as {
    StreamName?: string;
    StreamARN?: string;
    Records: { Data: string; PartitionKey: string }[];
  };
  const records = input.Records.map(({ Data, PartitionKey }) => {
    expect(Buffer.from(Data, "base64").toString("base64")).toBe(Data);
    return { key: PartitionKey, data: Data };
  });
  return { streamName: input.StreamName, streamArn: input.StreamARN, records };
}

function samplePut(random: Random): Put {
  const count = random.chance(0.1) ? 500 : random.between(1, 20);
  const bytesMax = random.pick([0, 1, 40, 200, 3000]);
  return {
    streamName: random.chance(0.8) ? sampleText(random, 128) : undefined,
    streamArn: random.chance(0.3) ? sampleText(random, 200) : undefined,
    records: Array.from({ length: count }, () => ({
      key: sampleText(random, random.pick([1, 8, 40, 256])),
      data: Buffer.from(random.bytes(random.between(0, bytesMax))).toString("base64"),
    })),
  };
}

/** Plain ASCII, which stands in JSON as it is. */
function sampleText(random: Random, lengthMax: number): string {
  return Array.from({ length: random.between(1, lengthMax) }, () => {
    const character = String.fromCharCode(random.between(0x20, 0x7f));
    return character === '"' || character === "\\" ? "x" : character;
  }).join("");
}

/** The members in any order, with white space where it may be. */
function writePut(random: Random, { streamName, streamArn, records }: Put): string {
  const spaced = random.chance(0.5);
  const space = (): string => (spaced ? random.pick(["", " ", "\n", "\t\r\n  "]) : "");
  const write = (members: [string, string][]): string => {
    const shuffled = members.toSorted(() => random.word() - 2 ** 31);
    const texts = shuffled.map(
      ([name, value]) => `${space()}"${name}"${space()}:${space()}${value}`,
    );
    return `{${texts.join(`${space()},`)}${space()}}`;
  };
  const list = records.map(
    ({ key, data }) =>
      space() +
      write([
        ["Data", `"${data}"`],
        ["PartitionKey", `"${key}"`],
      ]) +
      space(),
  );
  const members: [string, string][] = [["Records", `[${list.join(",")}]`]];
  if (streamName !== undefined) members.push(["StreamName", `"${streamName}"`]);
  if (streamArn !== undefined) members.push(["StreamARN", `"${streamArn}"`]);
  return space() + write(members) + space();
}

/** Bytes changed, cut out, or put in; more often than not such as mean something. */
function damage(random: Random, bytes: Uint8Array): Uint8Array {
  const meaning = encoder.encode(`"\\{}[],:= \n\0AZ/+`);
  const byte = random.chance(0.7) ? random.pick([...meaning]) : random.below(256);
  const at = random.below(bytes.length);
  const kind = random.below(4);
  if (kind === 0) return bytes.slice(0, at);
  if (kind === 1) return Uint8Array.from([...bytes.slice(0, at), ...bytes.slice(at + 1)]);
  if (kind === 2) return Uint8Array.from([...bytes.slice(0, at), byte, ...bytes.slice(at)]);
  return bytes.map((old, i) => (i === at ? byte : old));
}
