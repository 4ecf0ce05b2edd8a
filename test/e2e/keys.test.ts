// A server with keys and the clients that sign for it, each as its users configure it: the AWS SDK over
// HTTP/2, as it comes, and over HTTP/1.1, through both ports, for Kinesis and for a Yandex database; CBOR;
// presigned requests; v3io's session keys. Who signs right is let in as far as the list says, and nobody else.

import {
  CreateStreamCommand,
  DescribeStreamCommand,
  DescribeStreamConsumerCommand,
  GetRecordsCommand,
  type KinesisClient,
  ListShardsCommand,
  ListStreamsCommand,
  PutRecordCommand,
  PutRecordsCommand,
  RegisterStreamConsumerCommand,
  SubscribeToShardCommand,
} from "@aws-sdk/client-kinesis";
import { NodeHttpHandler } from "@smithy/node-http-handler";
import { SignatureV4 } from "@smithy/signature-v4";
import { createHash, createHmac, randomUUID } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import http2, { type OutgoingHttpHeaders } from "node:http2";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { encodeCbor } from "../../worker/kinesis/cbor.ts";
import { sendRaw } from "./raw.ts";
import { connect, iteratorFor, readShard, shardIdAt } from "./sdk.ts";
import { bannerValue, type Server, startServer } from "./server.ts";

const account = "111122223333";

const owner = { accessKeyId: "owner", secretAccessKey: "open sesame" };
const reader = { accessKeyId: "reader", secretAccessKey: "reading" };
const temporary = { accessKeyId: "ASIA", secretAccessKey: "for now", sessionToken: "to+ken/=" };

const principals = [
  { ...owner, account, v3io: { accessKey: "owner-session" }, tokens: ["owner-token"] },
  {
    ...reader,
    account,
    allow: [
      { actions: ["kinesis:Get*", "kinesis:List*", "v3io:Get*"], streams: ["orders-*"] },
      { actions: ["kinesis:GetShardIterator"], streams: ["*"] },
    ],
    v3io: { accessKey: "reader-session" },
  },
  { ...temporary, account },
];

const folder = mkdtempSync(join(tmpdir(), "millrace-keys-"));
const file = join(folder, "auth.json");
writeFileSync(file, JSON.stringify({ principals }));

let server: Server;
let direct: string;

beforeAll(async () => {
  server = await startServer({ flags: ["--memory", "--auth", file] });
  direct = bannerValue(server.banner, "direct").replace(/ .*$/, "");
});

afterAll(async () => {
  await server[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

const database = "/ru-central1/b1gvcuacrv4dh7ep9ba8/etn02qlpqn0rdcabcdef";

describe.each<[string, "h2" | "http/1.1", () => string, string]>([
  ["Kinesis over HTTP/2, as the SDK comes", "h2", () => server.endpoint, "us-east-1"],
  ["Kinesis over HTTP/1.1", "http/1.1", () => server.endpoint, "us-east-1"],
  ["Kinesis by the direct port", "http/1.1", () => direct, "us-east-1"],
  ["Yandex over HTTP/2", "h2", () => server.endpoint + database, "ru-central1"],
  ["Yandex over HTTP/1.1", "http/1.1", () => server.endpoint + database, "ru-central1"],
  ["Yandex by the direct port", "http/1.1", () => direct + database, "ru-central1"],
])("%s", (_, protocol, endpointOf, region) => {
  const isYandex = region === "ru-central1";

  function clientOf(credentials: typeof owner): KinesisClient {
    const client = connect(endpointOf(), {
      credentials,
      region,
      maxAttempts: 1,
      ...(protocol === "http/1.1" && { requestHandler: new NodeHttpHandler() }),
    });
    expect(client.config.requestHandler.metadata?.handlerProtocol).toBe(protocol);
    return client;
  }

  test("who signs right puts and reads", async () => {
    for (const credentials of [owner, temporary]) {
      const client = clientOf(credentials);
      const StreamName = `orders-${randomUUID()}`;
      await client.send(new CreateStreamCommand({ StreamName, ShardCount: 1 }));
      const record = { PartitionKey: "ümläut ☃", Data: Buffer.from("a") };
      await client.send(new PutRecordCommand({ StreamName, ...record }));
      await client.send(new PutRecordsCommand({ StreamName, Records: [record, record] }));
      if (!isYandex) expect(await readShard(client, StreamName, 0)).toHaveLength(3);
      expect((await client.send(new ListStreamsCommand({}))).StreamNames).toContain(StreamName);
      client.destroy();
    }
  });

  test("who signs wrong, is not known or may not is told so", async () => {
    const client = clientOf(owner);
    const StreamName = `secret-${randomUUID()}`;
    await client.send(new CreateStreamCommand({ StreamName, ShardCount: 1 }));
    const record = { StreamName, PartitionKey: "k", Data: Buffer.from("a") };
    const put = new PutRecordCommand(record);
    const names = isYandex
      ? ["AccessDeniedException", "AccessDeniedException"]
      : ["InvalidSignatureException", "UnrecognizedClientException"];
    for (const [credentials, name] of [
      [{ ...owner, secretAccessKey: "open barley" }, names[0]],
      [{ ...owner, accessKeyId: "nobody" }, names[1]],
      [reader, "AccessDeniedException"],
    ] as const) {
      await expect(clientOf(credentials).send(put)).rejects.toMatchObject({ name });
    }
    const ShardId = isYandex ? "shard-000000" : shardIdAt(0);
    const place = { StreamName, ShardId, ShardIteratorType: "LATEST" as const };
    const ShardIterator = await iteratorFor(clientOf(reader), place);
    const denied = { name: "AccessDeniedException" };
    const get = new GetRecordsCommand({ ShardIterator });
    await expect(clientOf(reader).send(get)).rejects.toMatchObject(denied);
    await expect(client.send(get)).resolves.toHaveProperty("MillisBehindLatest");
    const list = new ListShardsCommand({ StreamName });
    await expect(clientOf(reader).send(list)).rejects.toMatchObject(denied);
    client.destroy();
  });
});

test("a consumer subscribes over HTTP/2", async () => {
  const client = connect(server.endpoint, { credentials: owner });
  const StreamName = `orders-${randomUUID()}`;
  await client.send(new CreateStreamCommand({ StreamName, ShardCount: 1 }));
  const { StreamDescription } = await client.send(new DescribeStreamCommand({ StreamName }));
  const names = { StreamARN: StreamDescription?.StreamARN, ConsumerName: "app" };
  const { Consumer } = await client.send(new RegisterStreamConsumerCommand(names));
  const { ConsumerARN } = Consumer ?? {};
  await client.send(new DescribeStreamConsumerCommand({ ConsumerARN }));
  const StartingPosition = { Type: "TRIM_HORIZON" as const };
  const subscribe = { ConsumerARN, ShardId: shardIdAt(0), StartingPosition };
  const stranger = connect(server.endpoint, { credentials: reader });
  await expect(stranger.send(new SubscribeToShardCommand(subscribe))).rejects.toMatchObject({
    name: "AccessDeniedException",
  });
  await client.send(
    new PutRecordCommand({ StreamName, PartitionKey: "k", Data: Buffer.from("a") }),
  );
  const { EventStream } = await client.send(new SubscribeToShardCommand(subscribe));
  for await (const event of EventStream ?? []) {
    if ((event.SubscribeToShardEvent?.Records ?? []).length > 0) break;
  }
  client.destroy();
  stranger.destroy();
});

describe("requests signed by hand", () => {
  const json = "application/x-amz-json-1.1";
  const cbor = "application/x-amz-cbor-1.1";

  test("TE and Expect may be signed over HTTP/2", async () => {
    const headers = { te: "trailers", expect: "100-continue" };
    const reply = await listStreams(json, "{}", headers, new Set(Object.keys(headers)));
    expect(reply).toEqual([200, expect.stringContaining('"StreamNames"')]);
  });

  test("CBOR is signed as it is sent", async () => {
    const [status, text] = await listStreams(cbor, encodeCbor({ Limit: 1 }), {});
    expect([status, text]).toEqual([200, expect.stringContaining("StreamNames")]);
    const [refused] = await listStreams(cbor, encodeCbor({ Limit: 1 }), {}, undefined, {
      ...owner,
      secretAccessKey: "open barley",
    });
    expect(refused).toBe(400);
  });

  test.each<[string, () => string]>([
    ["the front", () => server.endpoint],
    ["the direct port", () => direct],
  ])("a presigned request is let in by %s", async (_, endpointOf) => {
    const { host, hostname, port } = new URL(endpointOf());
    const request = {
      method: "POST",
      protocol: "http:",
      hostname,
      port: Number(port),
      path: "/",
      query: {},
      headers: { host, "content-type": json, "x-amz-target": "Kinesis_20131202.ListStreams" },
      body: "{}",
    };
    const unhoistable = new Set(["x-amz-target", "content-type"]);
    for (const [secretAccessKey, status] of [
      [owner.secretAccessKey, 200],
      ["open barley", 400],
    ] as const) {
      const presigner = signerOf({ ...owner, secretAccessKey });
      const { query, headers } = await presigner.presign(request, {
        expiresIn: 60,
        unhoistableHeaders: unhoistable,
        unsignableHeaders: new Set<string>(),
      });
      const parameters = new URLSearchParams(query as Record<string, string>);
      const url = `${endpointOf()}/?${parameters.toString()}`;
      const { host: _host, ...sent } = headers;
      expect((await fetch(url, { method: "POST", headers: sent, body: "{}" })).status).toBe(status);
    }
  });
});

test("v3io's session keys let in as far as their lists say", async () => {
  const path = `/bigdata/orders-${randomUUID()}/`;
  expect(await v3io(undefined, "CreateStream", path)).toBe(401);
  expect(await v3io("nobody", "CreateStream", path)).toBe(403);
  expect(await v3io("reader-session", "CreateStream", path)).toBe(403);
  expect(await v3io("owner-session", "CreateStream", path)).toBe(204);
  expect(await v3io("reader-session", "GetItems", path)).toBe(200);
  expect(await v3io("reader-session", "DescribeStream", path)).toBe(403);
});

/** The status of a call with a session key, or without. */
async function v3io(key: string | undefined, name: string, path: string): Promise<number> {
  const lines = [`PUT ${path} HTTP/1.1`, "Host: any", `X-v3io-function: ${name}`];
  if (key !== undefined) lines.push(`X-v3io-session-key: ${key}`);
  return (await sendRaw(server.endpoint, lines, "{}")).status;
}

/** ListStreams over HTTP/2, signed with `:authority` as the SDK does. */
async function listStreams(
  contentType: string,
  body: string | Uint8Array,
  others: Record<string, string>,
  signableHeaders?: Set<string>,
  credentials = owner,
): Promise<[number, string]> {
  const { host, hostname, port } = new URL(server.endpoint);
  const { headers } = await signerOf(credentials).sign(
    {
      method: "POST",
      protocol: "http:",
      hostname,
      port: Number(port),
      path: "/",
      query: {},
      headers: {
        ":authority": host,
        "content-type": contentType,
        "x-amz-target": "Kinesis_20131202.ListStreams",
        ...others,
      },
      body,
    },
    signableHeaders && { signableHeaders },
  );
  for (const name of [":authority", ...(signableHeaders ?? [])]) {
    expect(headers["authorization"]).toMatch(new RegExp(`SignedHeaders=[^,]*${name}[;,]`));
  }
  const session = http2.connect(server.endpoint);
  const sent: OutgoingHttpHeaders = { ":method": "POST", ":path": "/", ...headers };
  const stream = session.request(sent);
  stream.end(body);
  const [received]: Record<string, unknown>[] = await once(stream, "response");
  let text = "";
  for await (const chunk of stream) text += String(chunk);
  session.destroy();
  return [Number(received?.[":status"]), text];
}

function signerOf(credentials: typeof owner): SignatureV4 {
  return new SignatureV4({ credentials, region: "us-east-1", service: "kinesis", sha256: Sha256 });
}

/** As the signer asks for it: a digest, or with a secret an HMAC. */
class Sha256 {
  private readonly hash: ReturnType<typeof createHash> | ReturnType<typeof createHmac>;

  constructor(secret?: string | ArrayBuffer | ArrayBufferView) {
    this.hash = secret === undefined ? createHash("sha256") : createHmac("sha256", bytesOf(secret));
  }

  update(data: string | ArrayBuffer | ArrayBufferView): void {
    this.hash.update(bytesOf(data));
  }

  async digest(): Promise<Uint8Array> {
    return this.hash.digest();
  }

  reset(): void {}
}

function bytesOf(data: string | ArrayBuffer | ArrayBufferView): Buffer {
  if (typeof data === "string") return Buffer.from(data);
  if (data instanceof ArrayBuffer) return Buffer.from(data);
  return Buffer.from(data.buffer, data.byteOffset, data.byteLength);
}
