// Every reserved path as curl asks for it, on an open and on a closed server, by both ports: what is
// answered without credentials, what asks for them, and that nothing else is served there or stored.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { sendRaw } from "./raw.ts";
import { bannerValue, type Server, startServer } from "./server.ts";

const folder = mkdtempSync(join(tmpdir(), "millrace-reserved-"));
const servers: Partial<Record<"open" | "closed", Server>> = {};

beforeAll(async () => {
  const auth = join(folder, "keys.json");
  const allow = [{ actions: ["millrace:GetStats"], streams: ["*"] }];
  const principals = [
    {
      accessKeyId: "OP",
      secretAccessKey: "s",
      account: "111122223333",
      allow,
      v3io: { accessKey: "op" },
    },
    {
      accessKeyId: "APP",
      secretAccessKey: "t",
      account: "111122223333",
      allow: [{ actions: ["kinesis:*", "v3io:*"], streams: ["*"] }],
      v3io: { accessKey: "app" },
    },
  ];
  writeFileSync(auth, JSON.stringify({ principals }));
  servers.open = await startServer({ flags: ["--memory"] });
  servers.closed = await startServer({ flags: ["--memory", "--auth", auth] });
});

afterAll(async () => {
  await servers.open?.stop();
  await servers.closed?.stop();
  rmSync(folder, { recursive: true, force: true });
});

const json = "application/json";
const html = "text/html; charset=utf-8";
const page = ["Accept: text/html"];

type Row = [line: string, headers: string[], open: [number, string?], closed: [number, string?]];

const table: Row[] = [
  ["GET /", page, [200, html], [200, html]],
  ["GET /", [], [403], [403]],
  ["GET /health", [], [200, json], [200, json]],
  ["HEAD /health", [], [200, json], [200, json]],
  ["POST /health", [], [405, json], [405, json]],
  ["PUT /health", [], [405, json], [405, json]],
  ["GET /metrics", [], [200, "text/plain; version=0.0.4; charset=utf-8"], [403, json]],
  ["PUT /metrics", [], [405, json], [405, json]],
  ["GET /favicon.ico", [], [204], [204]],
  ["DELETE /favicon.ico", [], [405, json], [405, json]],
  ["GET /_localstack/health", [], [200, json], [200, json]],
  ["POST /_localstack/state/reset", [], [404, json], [404, json]],
  ["GET /_millrace/stats", [], [200, json], [403, json]],
  ["PUT /_millrace/stats", [], [405, json], [405, json]],
  ["POST /_millrace/skip", [], [400, json], [403, json]],
  ["GET /_millrace/skip", [], [405, json], [405, json]],
  ["GET /_millrace/health", [], [200, json], [200, json]],
  ["GET /_millrace/permissions", [], [400, json], [403, json]],
  ["GET /_millrace/reset", [], [405, json], [405, json]],
  ["POST /_millrace/reset", ["Content-Length: 0"], [200, json], [403, json]],
  ["GET /_millrace/console/", [], [200, html], [200, html]],
  ["GET /_millrace/other", [], [404, json], [404, json]],
  ["PUT /_anything/object", [], [404, json], [404, json]],
  ["GET /_", [], [404, json], [404, json]],
];

describe.each(["open", "closed"] as const)("%s", (kind) => {
  describe.each(["endpoint", "direct"])("%s", (port) => {
    const ask = async (line: string, headers: readonly string[] = []) => {
      const { banner } = servers[kind]!;
      const address = bannerValue(banner, port).replace(/ .*$/, "");
      return await sendRaw(address, [`${line} HTTP/1.1`, "Host: localhost", ...headers]);
    };

    test.each(table)("%s %j", async (line, headers, open, closed) => {
      const { status, headers: got } = await ask(line, headers);
      const [wanted, type] = kind === "open" ? open : closed;
      expect(status).toBe(wanted);
      if (type !== undefined) expect(got.get("content-type")).toBe(type);
      if (wanted === 405) expect(got.get("allow")).toMatch(/^(GET|POST)/);
      expect(got.has("date")).toBe(true);
    });

    test("who may see the statistics sees them, and nobody else", async () => {
      const others = kind === "open" ? 200 : 403;
      for (const [key, status] of [
        ["op", 200],
        ["app", others],
        ["nobody", others],
      ] as const) {
        const reply = await ask("GET /_millrace/stats", [`X-v3io-session-key: ${key}`]);
        expect(reply.status).toBe(status);
      }
    });

    test("what is answered", async () => {
      expect(JSON.parse((await ask("GET /health")).body)).toEqual({ status: "ok" });
      const health = JSON.parse((await ask("GET /_localstack/health")).body) as object;
      expect(health).toMatchObject({
        services: { kinesis: "running" },
        version: expect.any(String),
      });
    });
  });
});
