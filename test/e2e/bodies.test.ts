// Bodies that nobody asked for, sent to a real server over sockets: what the head of a request condemns is
// refused before any of its body has come, on both ports; large bodies take turns in the isolate.

import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { formatTime } from "../../worker/auth/time.ts";
import { bodiesBytesMax, bodyFreeBytes, requestBodyBytesMax } from "../../worker/limits.ts";
import { sendRaw } from "./raw.ts";
import { bannerValue, type Server, startServer } from "./server.ts";

/** Headers of a signature that nobody made. */
const signature = (keyId: string, date: string, hex = createHash("sha256").digest("hex")) => [
  `Authorization: AWS4-HMAC-SHA256 Credential=${keyId}/${date.slice(0, 8)}/us-east-1/kinesis/` +
    `aws4_request, SignedHeaders=host;x-amz-date;x-amz-target, Signature=${hex}`,
  `X-Amz-Date: ${date}`,
];

describe("with keys", () => {
  const folder = mkdtempSync(join(tmpdir(), "millrace-bodies-"));
  const file = join(folder, "auth.json");
  const principal = {
    accessKeyId: "owner",
    secretAccessKey: "open sesame",
    account: "111122223333",
  };
  writeFileSync(file, JSON.stringify({ principals: [principal] }));

  let server: Server;

  beforeAll(async () => {
    server = await startServer({ flags: ["--memory", "--auth", file] });
  });

  afterAll(async () => {
    await server[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  });

  const now = formatTime(Date.now());
  const old = formatTime(Date.now() - 3_600_000);

  const kinesis = ["POST / HTTP/1.1", "X-Amz-Target: Kinesis_20131202.PutRecords"];
  const yandex = ["POST /Root HTTP/1.1", "X-Amz-Target: kinesisApi.PutRecords"];
  const v3io = ["PUT /bigdata/s/ HTTP/1.1", "X-v3io-function: PutRecords"];
  const json = "Content-Type: application/x-amz-json-1.1";
  const cbor = "Content-Type: application/x-amz-cbor-1.1";

  const cases: [string, string[], number, RegExp][] = [
    ["Kinesis, no credentials", [...kinesis, json], 400, /MissingAuthenticationTokenException/],
    ["Kinesis, no credentials, CBOR", [...kinesis, cbor], 400, /MissingAuthenticationToken/],
    ["Kinesis, no credentials, any type", [...kinesis], 400, /MissingAuthenticationToken/],
    [
      "Kinesis, an unknown key",
      [...kinesis, json, ...signature("nobody", now)],
      400,
      /Unrecognized/,
    ],
    [
      "Kinesis, an old date",
      [...kinesis, json, ...signature("owner", old)],
      400,
      /Signature expired/,
    ],
    ["Kinesis, no date at all", [...kinesis, json, signature("owner", now)[0]!], 400, /Incomplete/],
    [
      "Kinesis, a broken header",
      [...kinesis, json, "Authorization: AWS4-HMAC-SHA256 x"],
      400,
      /Incompl/,
    ],
    [
      "Kinesis, no signature",
      [...kinesis, json, ...signature("owner", now, "zz")],
      400,
      /InvalidSig/,
    ],
    ["Kinesis, a long body", [...kinesis, json, "Content-Length: 99999999"], 400, /MissingAuth/],
    ["Yandex, no credentials", [...yandex, json], 400, /IncompleteSignature/],
    ["Yandex, an unknown token", [...yandex, json, "Authorization: Bearer x"], 400, /AccessDenied/],
    ["Yandex, an unknown key", [...yandex, cbor, ...signature("nobody", now)], 400, /AccessDenied/],
    [
      "Yandex, an old date",
      [...yandex, json, ...signature("owner", old)],
      400,
      /Signature expired/,
    ],
    ["v3io, no credentials", v3io, 401, /Permission denied/],
    ["v3io, an unknown key", [...v3io, "X-v3io-session-key: x"], 403, /Permission denied/],
    ["v3io, an object", ["PUT /bigdata/o HTTP/1.1"], 401, /Permission denied/],
  ];

  test.each(cases)("%s: refused before the body", async (_, head, status, text) => {
    const direct = bannerValue(server.banner, "direct").replace(/ .*$/, "");
    for (const endpoint of [server.endpoint, direct]) {
      const length = head.some((line) => line.startsWith("Content-Length"))
        ? []
        : ["Content-Length: 16000000"];
      const lines = [...head, `Host: ${new URL(endpoint).host}`, ...length];
      const reply = await sendRaw(endpoint, lines);
      expect([reply.status, reply.body]).toEqual([status, expect.stringMatching(text)]);
    }
  });
});

describe("open", () => {
  let server: Server;

  beforeAll(async () => {
    server = await startServer({ flags: ["--memory"] });
  });

  afterAll(async () => {
    await server[Symbol.asyncDispose]();
  });

  test("large bodies take turns: the third goes on when one of two is answered", async () => {
    const half = bodiesBytesMax / 2;
    const [first, second] = [await begin(half), await begin(half)];
    const third = await begin(half);
    // All of the third is on its way, and stays there: it has no turn.
    third.write(Buffer.alloc(half - bodyFreeBytes, "["));
    // A small request is served meanwhile.
    expect(await (await post("[")).text()).toContain("SerializationException");
    first.write(Buffer.alloc(half - bodyFreeBytes, "["));
    expect(await statusOf(first)).toBe(400);
    expect(await statusOf(third)).toBe(400);
    second.destroy();
  });

  test.each([
    ["empty objects", "application/x-amz-json-1.1", `{"Records":[${"{},".repeat(5_000_000)}{}]}`],
    [
      "empty CBOR texts",
      "application/x-amz-cbor-1.1",
      Buffer.alloc(requestBodyBytesMax, 0x60).fill(0x9f, 0, 1),
    ],
    [
      "CBOR maps",
      "application/x-amz-cbor-1.1",
      Buffer.alloc(requestBodyBytesMax, 0xa0).fill(0x9f, 0, 1),
    ],
  ])("16 MB of %s are refused, and the server goes on", async (_, type, body) => {
    const reply = await post(body, type);
    expect([reply.status, await reply.text()]).toEqual([
      400,
      expect.stringContaining("SerializationException"),
    ]);
    expect((await post("{}")).status).toBe(400);
  });

  function post(
    body: string | Buffer<ArrayBuffer>,
    type = "application/x-amz-json-1.1",
  ): Promise<Response> {
    const headers = { "content-type": type, "x-amz-target": "Kinesis_20131202.PutRecords" };
    return fetch(server.endpoint, { method: "POST", headers, body });
  }

  /** A request of which as much has been sent as is free of charge. */
  async function begin(length: number): Promise<Socket> {
    const { hostname, port, host } = new URL(server.endpoint);
    const socket = connect(Number(port), hostname);
    await once(socket, "connect");
    socket.on("error", () => undefined);
    socket.write(
      `POST / HTTP/1.1\r\nHost: ${host}\r\nContent-Type: application/x-amz-json-1.1\r\n` +
        `X-Amz-Target: Kinesis_20131202.PutRecords\r\nContent-Length: ${length}\r\n\r\n`,
    );
    socket.write(Buffer.alloc(bodyFreeBytes, "["));
    return socket;
  }
});

async function statusOf(socket: Socket): Promise<number> {
  const [head] = (await once(socket, "data")) as [Buffer];
  socket.destroy();
  return Number(head.toString().split(" ")[1]);
}
