// The requests of v3io's clients as those clients were seen to send them, byte for byte, against the real
// server: v3io-py's two clients (request.py, client.py; the asynchronous one begins every path with two
// slashes), v3io-go (context.go) and storey, which posts JSON as text. Every reply is compared whole.
// Then what a kill must not change: whose turn it is, and what consumers keep beside a stream.

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type RawReply, sendRaw } from "./raw.ts";
import { type Server, startServer } from "./server.ts";

const host = "Host: localhost";
const key = "X-v3io-session-key: e8bd4ca2-537b-4175-bf01-8c74963e90bf";
const jsonType = "Content-Type: application/json";
const start = "AQAAAAAAAAAAAAAAAAAAAA==";
/** `first shard record #1` and so on, as v3io-py's own test puts them. */
const [first1, first2, invalid, some] = [
  "Zmlyc3Qgc2hhcmQgcmVjb3JkICMx",
  "Zmlyc3Qgc2hhcmQgcmVjb3JkICMy",
  "aW52YWxpZCBzaGFyZCByZWNvcmQgIzE=",
  "c29tZSBzaGFyZCByZWNvcmQgIzE=",
];

let server: Server;

beforeAll(async () => {
  server = await startServer({ flags: ["--memory", "--containers", "bigdata,mycontainer"] });
});

afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

/** How each client writes the same request. */
interface Style {
  name: string;
  stream: string;
  /** Before every path. */
  slash: string;
  verb(name: string): "PUT" | "POST";
  headers(name: string | undefined, length: number): string[];
  /** What stands between members, and after a colon. */
  json(body: object): string;
  listing: string;
}

const styles: Style[] = [
  {
    name: "v3io-py",
    stream: "v3io-py-test-stream",
    slash: "/",
    verb: pythonVerb,
    headers: (name, length) => [
      "Accept-Encoding: identity",
      ...(length > 0 ? [jsonType, `Content-Length: ${length}`] : ["Content-Length: 0"]),
      ...(name === undefined ? [] : [`X-v3io-function: ${name}`]),
      key,
    ],
    json: (body) => JSON.stringify(body).replaceAll("/", "\\/"),
    listing: "/bigdata?prefix=v3io-py-test-stream%2F",
  },
  {
    name: "v3io-py, asynchronous",
    stream: "v3io-py-test-stream-aio",
    slash: "//",
    verb: pythonVerb,
    headers: (name, length) => [
      key,
      ...(name === undefined ? [] : [`X-v3io-function: ${name}`]),
      "Accept: */*",
      "Accept-Encoding: gzip, deflate",
      "User-Agent: Python/3.11 aiohttp/3.8.4",
      `Content-Length: ${length}`,
      length > 0 ? jsonType : "Content-Type: application/octet-stream",
    ],
    json: (body) => JSON.stringify(body).replaceAll("/", "\\/"),
    listing: "//bigdata?prefix=v3io-py-test-stream-aio/",
  },
  {
    name: "v3io-go",
    stream: "stream-test/mystream",
    slash: "/",
    verb: (name) => (name === "CreateStream" || name === "PutRecords" ? "POST" : "PUT"),
    headers: (name, length) => [
      "User-Agent: fasthttp",
      jsonType,
      `Content-Length: ${length}`,
      ...(name === undefined ? [] : [`X-V3io-Function: ${name}`]),
      "X-V3io-Session-Key: e8bd4ca2-537b-4175-bf01-8c74963e90bf",
    ],
    json: (body) => JSON.stringify(body).replaceAll(/(?<=")([:,])/g, "$1 "),
    listing: "/bigdata?prefix=%2Fstream-test%2Fmystream%2F",
  },
  {
    name: "storey",
    stream: "storey-test/stream",
    slash: "/",
    verb: () => "POST",
    headers: (name, length) => [
      key,
      ...(name === undefined ? [] : [`X-v3io-function: ${name}`]),
      "Accept: */*",
      "Content-Type: text/plain; charset=utf-8",
      `Content-Length: ${length}`,
    ],
    json: (body) => JSON.stringify(body).replaceAll(/(?<=")([:,])/g, "$1 "),
    listing: "/bigdata?prefix=storey-test/stream/",
  },
];

describe.each(styles)("$name", (style) => {
  const path = `${style.slash}bigdata/${style.stream}/`;
  const call = (name: string, at: string, body?: object) => {
    const text = body === undefined ? "" : style.json(body);
    const lines = [`${style.verb(name)} ${at} HTTP/1.1`, host, ...style.headers(name, text.length)];
    return sendRaw(server.endpoint, lines, text);
  };
  const plain = (verb: string, at: string) =>
    sendRaw(server.endpoint, [`${verb} ${at} HTTP/1.1`, host, ...style.headers(undefined, 0)]);

  test("a stream's whole life", async () => {
    expectError(await plain("GET", style.listing), 404, -2, "No such file or directory");
    const none = await call("DescribeStream", path);
    expectError(none, 404, -201326595, "ResourceNotFoundException");

    const body = { ShardCount: 8, RetentionPeriodHours: 24 };
    expectEmpty(await call("CreateStream", path, body), 204);
    expectError(await call("CreateStream", path, body), 409, -201326596, "ResourceInUseException");
    expectJson(await call("DescribeStream", path), '{"RetentionPeriodHours":24,"ShardCount":8}');

    const Records = [
      { Data: first1, ShardId: 1 },
      { Data: first2, ClientInfo: "c29tZSBpbmZv", ShardId: 1, PartitionKey: "k" },
      { Data: invalid, ShardId: 10 },
      { Data: some },
    ];
    expectJson(
      await call("PutRecords", path, { Records }),
      '{"FailedRecordCount":1,"Records":[{"SequenceNumber":1,"ShardId":1},' +
        '{"SequenceNumber":2,"ShardId":1},' +
        '{"ErrorCode":-201326594,"ErrorMessage":"ShardIDOutOfRangeException"},' +
        '{"SequenceNumber":1,"ShardId":0}]}',
    );
    expectJson(
      await call("SeekShard", `${path}1/`, { Type: "EARLIEST" }),
      `{"Location":"${start}"}`,
    );
    const second = { Type: "SEQUENCE", StartingSequenceNumber: 2 };
    const found = await call("SeekShard", `${path}1`, second);
    expect(found.body).toMatch(/^\{"Location":"A[g-v][\w+/]{4}AAAAABAAAAAAAAAA=="\}$/);
    const time = { Type: "TIME", TimestampSec: 1, TimestampNSec: 0 };
    expectJson(await call("SeekShard", `${path}1/`, time), `{"Location":"${start}"}`);
    const missed = { Type: "SEQUENCE", StartingSequenceNumber: 7 };
    const refused = await call("SeekShard", `${path}1/`, missed);
    expectError(refused, 400, -201326592, "InvalidArgumentException");

    const page = await call("GetRecords", `${path}1/`, { Location: start });
    expect(page.headers.get("content-type")).toBe("application/json");
    expect(page.body).toMatch(
      new RegExp(
        '^\\{"NextLocation":"A[g-v][\\w+/]{4}AAAAACAAAAAAAAAA==","MSecBehindLatest":0,"RecordsBehindLatest":0,' +
          '"Records":\\[\\{"ArrivalTimeSec":\\d{10},"ArrivalTimeNSec":\\d{1,9},"SequenceNumber":1,' +
          `"Data":"${first1}"\\},` +
          '\\{"ArrivalTimeSec":\\d{10},"ArrivalTimeNSec":\\d{1,9},"SequenceNumber":2,' +
          `"ClientInfo":"c29tZSBpbmZv","PartitionKey":"k","Data":"${first2}"\\}\\]\\}$`,
      ),
    );
    const limited = await call("GetRecords", `${path}1`, { Location: start, Limit: 1 });
    expect(limited.body).toContain('"RecordsBehindLatest":1,');
    const foreign = { Location: "AQAAAAsAAAAFAEC2/+sAAA==" };
    const illegal = await call("GetRecords", `${path}1/`, foreign);
    expectError(illegal, 400, -201326597, "IllegalLocationException");

    expectEmpty(await call("UpdateStream", path, { ShardCount: 16 }), 204);
    expectJson(await call("DescribeStream", path), '{"RetentionPeriodHours":24,"ShardCount":16}');
    const again = await call("UpdateStream", path, { ShardCount: 16 });
    expectError(again, 400, -201326599, "InvalidShardCountException");
    expectJson(
      await call("PutRecords", path, { Records: [{ Data: invalid, ShardId: 10 }] }),
      '{"FailedRecordCount":0,"Records":[{"SequenceNumber":1,"ShardId":10}]}',
    );

    expectEmpty(await plain("PUT", `${path}cg0-state.json`), 200);
    const listed = await plain("GET", style.listing);
    expect([listed.status, listed.headers.get("content-type")]).toEqual([200, "application/xml"]);
    const keys = [...listed.body.matchAll(/<Key>(.*?)<\/Key>/g)].map(([, name]) => name);
    expect(keys).toEqual(
      ["0", "1", "10", "cg0-state.json"].map((name) => `${style.stream}/${name}`),
    );
    for (const each of keys)
      expectEmpty(await plain("DELETE", `${style.slash}bigdata/${each}`), 204);
    expectEmpty(await plain("DELETE", path), 204);
    expectError(await plain("GET", style.listing), 404, -2, "No such file or directory");
    const gone = await call("DescribeStream", path);
    expectError(gone, 404, -201326595, "ResourceNotFoundException");
  });
});

test("the example of the GetRecords reference: a stream of 200 shards, and its last one", async () => {
  const path = "/mycontainer/MyDirectory/MyStream";
  const shards = '{"ShardCount": 200, "RetentionPeriodHours": 24}';
  expectEmpty(await postExample("CreateStream", `${path}/`, shards), 204);
  const records = '{"Records": [{"Data": "ZGF0YQ0K", "PartitionKey": "MyKey", "ShardId": 199}]}';
  expect((await postExample("PutRecords", `${path}/`, records)).status).toBe(200);
  const asked = `{\n    "Location": "${start}",\n    "Limit":    2\n}`;
  const page = await postExample("GetRecords", `${path}/199`, asked);
  expect([page.status, page.headers.get("content-type")]).toEqual([200, "application/json"]);
  expect(page.body).toMatch(
    /^\{"NextLocation":"[\w+/]{22}==","MSecBehindLatest":0,"RecordsBehindLatest":0,"Records":\[\{"ArrivalTimeSec":\d{10},"ArrivalTimeNSec":\d{1,9},"SequenceNumber":1,"PartitionKey":"MyKey","Data":"ZGF0YQ0K"\}\]\}$/,
  );
});

test("a kill changes neither whose turn it is nor what stands beside the stream", async () => {
  const path = "/bigdata/turns/";
  await using first = await startServer();
  // Counts and turns of the notebook in v3io-py's examples (v3io-streams.ipynb).
  await send(first.endpoint, "CreateStream", path, { ShardCount: 8, RetentionPeriodHours: 1 });
  expect(await putFree(first.endpoint, path, 146)).toEqual(
    Array.from({ length: 146 }, (_, i) => i % 8),
  );
  await send(first.endpoint, "PutItem", `${path}state`, { Item: { a: { N: "1" } } });
  const committed = { Item: { __g_committed_sequence_number: { N: "7" } } };
  await send(first.endpoint, "PutItem", `${path}0`, committed);
  await first.kill9();
  await using second = await startServer({ data: first.data });
  expect(await putFree(second.endpoint, path, 113)).toEqual(
    Array.from({ length: 113 }, (_, i) => (i + 2) % 8),
  );
  const names = { AttributesToGet: "a,__g_committed_sequence_number,__last_sequence_num" };
  expect((await send(second.endpoint, "GetItem", `${path}state`, names)).Item).toEqual({
    a: { N: "1" },
  });
  expect((await send(second.endpoint, "GetItem", `${path}0`, names)).Item).toEqual({
    __g_committed_sequence_number: { N: "7" },
    __last_sequence_num: { N: "33" },
  });
});

async function postExample(name: string, at: string, body: string): Promise<RawReply> {
  const operation = `X-v3io-function: ${name}`;
  const length = `Content-Length: ${body.length}`;
  const lines = [`POST ${at} HTTP/1.1`, host, jsonType, operation, key, length];
  return await sendRaw(server.endpoint, lines, body);
}

async function send(endpoint: string, name: string, at: string, body: object): Promise<Reply> {
  const headers = { "x-v3io-function": name, "x-v3io-session-key": "any" };
  const init = { method: "PUT", headers, body: JSON.stringify(body) };
  const reply = await fetch(`${endpoint}${at}`, init);
  return JSON.parse((await reply.text()) || "{}") as Reply;
}

/** The shards that records without shard or key went to. */
async function putFree(endpoint: string, at: string, count: number): Promise<number[]> {
  const Records = Array.from({ length: count }, () => ({ Data: "" }));
  const { Records: outcomes } = await send(endpoint, "PutRecords", at, { Records });
  return outcomes.map(({ ShardId }) => ShardId);
}

interface Reply {
  Records: { ShardId: number }[];
  Item: object;
}

function pythonVerb(name: string): "PUT" | "POST" {
  return ["CreateStream", "UpdateStream", "PutRecords"].includes(name) ? "POST" : "PUT";
}

function expectEmpty(reply: RawReply, status: number): void {
  expect([reply.status, reply.body]).toEqual([status, ""]);
}

function expectJson(reply: RawReply, body: string): void {
  const type = reply.headers.get("content-type");
  expect([reply.status, type, reply.body]).toEqual([200, "application/json", body]);
}

function expectError(reply: RawReply, status: number, code: number, name: string): void {
  const body = `{\n\t"ErrorCode": ${code},\n\t"ErrorMessage": "${name}"\n}`;
  const type = reply.headers.get("content-type");
  expect([reply.status, type, reply.body]).toEqual([status, "application/json", body]);
}
