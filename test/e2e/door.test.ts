/**
 * Who may ask an open local server, on both ports and over both protocols: programs on this machine,
 * and no web page unless it was named. A browser says where a page comes from (Origin, Sec-Fetch-Site)
 * and which name it looked up (Host); every request here is one that some page could make.
 */
import { KinesisClient, ListStreamsCommand } from "@aws-sdk/client-kinesis";
import { NodeHttpHandler } from "@smithy/node-http-handler";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import http2 from "node:http2";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { type RawReply, sendRaw } from "./raw.ts";
import { bannerValue, type Server, startServer } from "./server.ts";

const allowed = "http://app.example:3000";

let server: Server;
let direct: string;

beforeAll(async () => {
  const flags = ["--memory", "--allow-origin", allowed, "--allow-host", "millrace,queue.test"];
  server = await startServer({ flags });
  direct = bannerValue(server.banner, "direct").replace(/ .*$/, "");
});

afterAll(async () => {
  await server.stop();
});

type Ask = (lines: readonly string[], body?: string) => Promise<RawReply>;

const ways: Record<string, Ask> = {
  "the front, HTTP/1.1": async (lines, body) => await sendRaw(server.endpoint, lines, body),
  "the front, HTTP/2": async (lines, body) => await sendOverHttp2(server.endpoint, lines, body),
  "the direct port": async (lines, body) => await sendRaw(direct, lines, body),
};

const kinesisCall = [
  "X-Amz-Target: Kinesis_20131202.ListStreams",
  "Content-Type: application/x-amz-json-1.1",
  "Authorization: AWS4-HMAC-SHA256 Credential=a/20260101/us-east-1/kinesis/aws4_request, SignedHeaders=host, Signature=b",
  "X-Amz-Date: 20260101T000000Z",
];
const yandexCall = [
  "X-Amz-Target: kinesisApi.ListStreams",
  "Content-Type: application/json",
  "Authorization: AWS4-HMAC-SHA256 Credential=a/20260101/ru-central1/kinesis/aws4_request, SignedHeaders=host, Signature=b",
  "X-Amz-Date: 20260101T000000Z",
];

/** One request of each face, with what its errors look like. */
const faces: [face: string, line: string, headers: string[], body: string, error: RegExp][] = [
  ["kinesis", "POST / HTTP/1.1", kinesisCall, "{}", /"__type":"\w+","message":/],
  ["v3io", "GET /bigdata/none HTTP/1.1", [], "", /"ErrorCode": -\d+,\s+"ErrorMessage":/],
  ["yandex", "POST / HTTP/1.1", yandexCall, "{}", /"__type":"\w+","message":/],
  ["statistics", "GET /_millrace/stats HTTP/1.1", [], "", /"error":.*"message":/s],
];

describe.each(Object.entries(ways))("%s", (_way, send) => {
  const ask = async (
    [, line, headers, body]: (typeof faces)[number],
    host: string,
    more: string[] = [],
  ) => {
    const length = body === "" ? [] : [`Content-Length: ${body.length}`];
    return await send([line, `Host: ${host}`, ...headers, ...length, ...more], body);
  };

  test.each([
    ["GET /_millrace/stats HTTP/1.1", /"error":.*"message":/s],
    ["GET /bigdata/none HTTP/1.1", /"ErrorCode": -\d+,\s+"ErrorMessage":/],
    ["GET /v1/stream/none HTTP/1.1", /"error":\{"code":.*"message":/],
  ])("%s with a long body is refused, with a short one served", async (line, errorShape) => {
    const [most, more] = [64 * 1024, 64 * 1024 + 1].map((bytes) => "a".repeat(bytes)) as [
      string,
      string,
    ];
    const lines = (body: string) => [line, "Host: localhost", `Content-Length: ${body.length}`];
    const served = await send(lines(most), most);
    expect([200, 404]).toContain(served.status);
    const refused = await send(lines(more), more);
    expect([refused.status, refused.body]).toEqual([400, expect.stringMatching(errorShape)]);
  });

  describe.each(faces)("%s", (...face) => {
    const [, , , , errorShape] = face;

    test.each([
      "localhost:4567",
      "LOCALHOST",
      "streams.localhost",
      "127.0.0.1:4567",
      "127.8.9.1",
      "[::1]:4567",
      "millrace:4567",
      "queue.test",
    ])("Host %s is served", async (host) => {
      const reply = await ask(face, host);
      expect([200, 404]).toContain(reply.status);
    });

    test.each(["evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "192.0.2.7"])(
      "Host %s is refused: the name may have been pointed here by a page",
      async (host) => {
        const reply = await ask(face, `${host}:4567`);
        expect(reply.status).toBe(403);
        expect(reply.body).toMatch(errorShape);
        expect(reply.body).toContain("--allow-host");
      },
    );

    test.each(["a b", "a/b", "a?b", "u:p@localhost", "localhost:99999", "a, b", "[::1", "a%zz"])(
      "Host %s is no host: 400",
      async (host) => {
        const reply = await ask(face, host);
        expect(reply.status).toBe(400);
      },
    );

    test.each([
      ["Origin: http://evil.example"],
      ["Origin: null"],
      ["Origin: http://localhost:3000"],
      ["Origin: http://app.example"],
      ["Origin: http://evil.example:4567"],
      ["Sec-Fetch-Site: cross-site"],
      ["Sec-Fetch-Site: same-site"],
    ])("a page with %s is refused, and can read nothing", async (header) => {
      const reply = await ask(face, "localhost:4567", [header]);
      expect(reply.status).toBe(403);
      expect(reply.body).toMatch(errorShape);
      expect(reply.body).toContain("--allow-origin");
      expect(reply.headers.get("access-control-allow-origin")).toBeUndefined();
    });

    test.each([
      ["Origin: http://localhost:4567"],
      ["Origin: http://127.0.0.1:4567"],
      ["Sec-Fetch-Site: same-origin"],
      ["Sec-Fetch-Site: none"],
    ])("%s is served: it is the server's own", async (header) => {
      const reply = await ask(face, "localhost:4567", [header]);
      expect([200, 404]).toContain(reply.status);
    });

    test("a page that was named is answered, and may read what comes", async () => {
      const page = [`Origin: ${allowed}`, "Sec-Fetch-Site: cross-site"];
      const reply = await ask(face, "localhost:4567", page);
      expect([200, 404]).toContain(reply.status);
      expectReadable(reply);
    });

    test("a page that was named may read why its Host is refused", async () => {
      const reply = await ask(face, "evil.example", [`Origin: ${allowed}`]);
      expect(reply.status).toBe(403);
      expectReadable(reply);
    });

    test("preflights: the named page's alone", async () => {
      const [, line] = face;
      const path = line.split(" ")[1];
      const preflight = (origin: string) =>
        send([
          `OPTIONS ${path} HTTP/1.1`,
          "Host: localhost:4567",
          `Origin: ${origin}`,
          "Access-Control-Request-Method: PUT",
          "Access-Control-Request-Headers: x-v3io-function, content-type",
          "Access-Control-Request-Private-Network: true",
        ]);
      const foreign = await preflight("http://evil.example");
      expect(foreign.status).toBe(403);
      expect([...foreign.headers.keys()].filter((name) => name.startsWith("access-"))).toEqual([]);
      const named = await preflight(allowed);
      expect(named.status).toBe(200);
      expect(Object.fromEntries(named.headers)).toMatchObject({
        "access-control-allow-origin": allowed,
        "access-control-allow-methods": "PUT",
        "access-control-allow-headers": "x-v3io-function, content-type",
        "access-control-allow-private-network": "true",
        vary: "Origin",
      });
    });

    test("every reply has its Date, whatever its status", async () => {
      for (const host of ["localhost", "evil.example", "localhost:99999"]) {
        const { headers } = await ask(face, host);
        const atMs = Date.parse(headers.get("date") ?? "");
        expect(Math.abs(Date.now() - atMs)).toBeLessThan(60_000);
        expect(headers.get("date")).toBe(new Date(atMs).toUTCString());
      }
    });
  });

  test("OPTIONS * asks about the server, and is answered as the root is", async () => {
    const lines = [`Host: ${new URL(server.endpoint).host}`, `Origin: ${allowed}`];
    const preflight = "Access-Control-Request-Method: POST";
    const reply = await send(["OPTIONS * HTTP/1.1", ...lines, preflight]);
    expect(reply.status).toBe(200);
    expect(reply.headers.get("access-control-allow-methods")).toBe("POST");
    const plain = await send(["OPTIONS * HTTP/1.1", lines[0] ?? ""]);
    expect([plain.status, plain.body]).toEqual([403, expect.stringMatching(/service\/operation/)]);
    const foreign = await send(["OPTIONS * HTTP/1.1", "Host: evil.example"]);
    expect(foreign.status).toBe(403);
    expect(foreign.body).toMatch(/not evil\.example/);
  });

  test("a form of a foreign page writes no object, and its DELETE removes no stream", async () => {
    const host = "Host: localhost:4567";
    const create = '{"ShardCount":1,"RetentionPeriodHours":1}';
    const made = ["X-v3io-function: CreateStream", `Content-Length: ${create.length}`];
    await send(["PUT /bigdata/kept/ HTTP/1.1", host, ...made], create);
    for (const where of [
      "Origin: http://evil.example",
      "Origin: null",
      "Sec-Fetch-Site: cross-site",
    ]) {
      const form = ["Content-Type: text/plain", "Content-Length: 3", where];
      for (const method of ["PUT", "POST"]) {
        const written = await send([`${method} /bigdata/written HTTP/1.1`, host, ...form], "a=b");
        expect(written.status).toBe(403);
      }
      const removed = await send(["DELETE /bigdata/kept/ HTTP/1.1", host, where]);
      expect(removed.status).toBe(403);
    }
    expect((await send(["GET /bigdata/written HTTP/1.1", host])).status).toBe(404);
    const described = ["X-v3io-function: DescribeStream", "Content-Length: 2"];
    expect((await send(["POST /bigdata/kept/ HTTP/1.1", host, ...described], "{}")).status).toBe(
      200,
    );
  });

  test("a link that a person follows is served", async () => {
    const navigation = ["Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate"];
    const line = "GET /_millrace/stats HTTP/1.1";
    expect((await send([line, "Host: localhost", ...navigation])).status).toBe(200);
  });
});

test("--allow-origin '*' lets every page in, and its replies say so", async () => {
  await using open = await startServer({ flags: ["--memory", "--allow-origin", "*"] });
  const lines = ["GET /_millrace/stats HTTP/1.1", "Host: localhost", "Origin: null"];
  const reply = await sendRaw(open.endpoint, lines);
  expect([reply.status, reply.headers.get("access-control-allow-origin")]).toEqual([200, "*"]);
});

describe("--host 0.0.0.0", () => {
  test("without keys: every address is served, no other name, and the banner warns", async () => {
    await using open = await startServer({ flags: ["--memory", "--host", "0.0.0.0"] });
    expect(open.banner).toMatch(/warning .*everybody.*network/);
    const statusOf = async (host: string) =>
      (await sendRaw(open.endpoint, ["GET /_millrace/stats HTTP/1.1", `Host: ${host}`])).status;
    expect(await statusOf("192.0.2.7:4567")).toBe(200);
    expect(await statusOf("[2001:db8::1]:4567")).toBe(200);
    expect(await statusOf("evil.example")).toBe(403);
  });
});

describe("with keys", () => {
  const folder = mkdtempSync(join(tmpdir(), "millrace-door-"));
  const file = join(folder, "auth.json");
  const document = {
    principals: [{ accessKeyId: "AKONE", secretAccessKey: "secret", account: "111122223333" }],
  };
  writeFileSync(file, JSON.stringify(document));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test("any Host is served, and a client whose clock is wrong learns the time from the Date", async () => {
    const flags = ["--memory", "--host", "0.0.0.0", "--auth", file];
    await using closed = await startServer({ flags });
    expect(closed.banner).not.toMatch(/warning/);
    const lines = ["GET /bigdata/x HTTP/1.1", "Host: any.example"];
    expect((await sendRaw(closed.endpoint, lines)).status).toBe(401);
    const client = new KinesisClient({
      endpoint: closed.endpoint,
      region: "us-east-1",
      credentials: { accessKeyId: "AKONE", secretAccessKey: "secret" },
      requestHandler: new NodeHttpHandler(),
    });
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() - 3 * 3_600_000 });
    try {
      expect((await client.send(new ListStreamsCommand({}))).StreamNames).toEqual([]);
    } finally {
      vi.useRealTimers();
      client.destroy();
    }
  });
});

function expectReadable({ headers }: RawReply): void {
  expect(headers.get("access-control-allow-origin")).toBe(allowed);
  expect(headers.get("vary")).toBe("Origin");
  const exposed = headers.get("access-control-expose-headers") ?? "";
  expect(exposed).toContain("x-amzn-RequestId");
  expect(exposed).toContain("Date");
}

/** The same request by its lines, whose Host becomes `:authority`. */
async function sendOverHttp2(
  endpoint: string,
  [first = "", ...lines]: readonly string[],
  body = "",
): Promise<RawReply> {
  const [method, path] = first.split(" ");
  const named = lines.map((line) => {
    const at = line.indexOf(":");
    const name = line.slice(0, at).toLowerCase();
    return [name === "host" ? ":authority" : name, line.slice(at + 1).trim()] as const;
  });
  const session = http2.connect(endpoint);
  try {
    const pseudo = { ":method": method, ":path": path };
    const sent = { ...pseudo, ...Object.fromEntries(named) };
    const stream = session.request(sent, { endStream: body === "" });
    if (body !== "") stream.end(body);
    const [received]: Record<string, unknown>[] = await once(stream, "response");
    let text = "";
    for await (const chunk of stream) text += String(chunk);
    const entries = Object.entries(received ?? {}).map(([k, v]) => [k, String(v)] as const);
    return { status: Number(received?.[":status"]), headers: new Map(entries), body: text };
  } catch (error) {
    // What HTTP/2 takes for malformed it ends without a reply (RFC 9113, section 8.1.1).
    if (!/PROTOCOL_ERROR/.test(String(error))) throw error;
    return { status: 400, headers: new Map(), body: "" };
  } finally {
    session.destroy();
  }
}
