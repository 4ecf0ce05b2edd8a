// The lock of the Durable Streams face: bearer tokens, and the signed addresses that they lead to. A stream of
// another account cannot be named; refusals are told apart by their status.

import { afterEach, describe, expect, test, vi } from "vitest";
import { setClock } from "../../support/clock.ts";
import { serveDurable } from "../../../worker/durable/face.ts";
import { type OperationName, operations } from "../../../worker/durable/operations.ts";
import type { Env } from "../../../worker/core/bindings.ts";
import { backendWith, home, keysOf, sessionKeyOf } from "./keys.ts";
import { type Ask, type Case, describeLock } from "./suite.ts";

interface DurableInput {
  path: string;
  method: string;
  headers?: Record<string, string>;
  body?: string;
}

/** The spellings of a path, all of the same stream. */
const spellings: readonly ((name: string) => string)[] = [
  (name) => `/v1/stream/${name}`,
  (name) => `/v1/stream/${name.replaceAll("-", "%2D").replaceAll("o", "%6f")}`,
];

const at = (query: string, request: Omit<DurableInput, "path">, more: Partial<Case> = {}) =>
  spellings.map((spell) => spelt(spell, query, request, more));

const spelt = (
  spell: (name: string) => string,
  query: string,
  request: Omit<DurableInput, "path">,
  more: Partial<Case>,
): Case => ({
  on: "stream",
  input: ({ stream }) => ({ path: spell(stream) + query, ...request }),
  ...more,
});

const bytes = { "content-type": "application/octet-stream" };

const cases: Readonly<Record<OperationName, readonly Case[]>> = {
  CreateStream: at("", { method: "PUT" }, { error: "409", elsewhere: "" }),
  AppendToStream: [
    ...at("?shard=0", { method: "POST", headers: bytes, body: "a" }),
    ...at("", { method: "POST", headers: { ...bytes, "stream-key": "k" }, body: "a" }),
  ],
  ReadStream: [
    ...at("?shard=0", { method: "GET" }),
    ...at("?shard=0&offset=now", { method: "GET" }),
  ],
  HeadStream: at("", { method: "HEAD" }),
  DeleteStream: at("", { method: "DELETE" }),
  SignAddress: at("?sign=60&shard=0", { method: "POST" }),
};

describe("Durable Streams", () => {
  describeLock<OperationName>({
    operations: operations.map(({ name }) => name),
    cases,
    ask,
    actionsOf: (operation) => {
      const { action } = operations.find(({ name }) => name === operation)!;
      return { action, alias: action };
    },
    refusals: { nobody: "401", forger: "403", unknown: "403", denied: "403", stranger: "404" },
    ofPolicies: [],
  });
});

describe("a signed address", () => {
  const principals = [
    { accessKeyId: "owner", account: "111122223333" },
    {
      accessKeyId: "reader",
      account: "111122223333",
      allow: [{ actions: ["kinesis:GetRecords"], streams: ["live-*"] }],
    },
  ];
  const access = keysOf(principals);
  const owner = { authorization: `Bearer ${sessionKeyOf("owner")}` };
  const reader = { authorization: `Bearer ${sessionKeyOf("reader")}` };

  afterEach(() => {
    vi.useRealTimers();
  });

  async function makeStream(): Promise<string> {
    const path = `/v1/stream/live-${crypto.randomUUID()}`;
    expect((await send(access, path, { method: "PUT", headers: owner, body: "a" })).status).toBe(
      201,
    );
    return path;
  }

  async function sign(path: string, headers: Record<string, string>, seconds = 60) {
    const reply = await send(access, `${path}?sign=${seconds}`, { method: "POST", headers });
    expect(reply.status).toBe(200);
    const { url, expiresAt } = await reply.json<{ url: string; expiresAt: string }>();
    return { at: new URL(url).pathname + new URL(url).search, expiresAt };
  }

  test("reads its stream without headers, and nothing else", async () => {
    const [path, other] = [await makeStream(), await makeStream()];
    const { at } = await sign(path, reader);
    const read = await send(access, `${at}&offset=-1`);
    expect([read.status, await read.text()]).toEqual([200, "a"]);
    expect(read.headers.get("cache-control")).not.toContain("public");
    expect((await send(access, at, { method: "HEAD" })).status).toBe(200);
    for (const method of ["PUT", "POST", "DELETE"]) {
      expect([method, (await send(access, at, { method })).status]).toEqual([method, 403]);
    }
    expect((await send(access, at.replace(path, other))).status).toBe(403);
    expect((await send(access, at.slice(0, -1))).status).toBe(403);
    expect((await send(access, at.replace(/access=\d+/, "access=999999999999"))).status).toBe(403);
  });

  test("ends at its time", async () => {
    const path = await makeStream();
    const { at, expiresAt } = await sign(path, owner, 60);
    setClock(Date.parse(expiresAt) - 1);
    expect((await send(access, at)).status).toBe(200);
    setClock(Date.parse(expiresAt));
    expect((await send(access, at)).status).toBe(403);
  });

  test("has the rights of its issuer when it is used", async () => {
    const path = await makeStream();
    const { at } = await sign(path, reader);
    const [, { accessKeyId, account }] = principals as [object, (typeof principals)[1]];
    const less = keysOf([{ accessKeyId, account, allow: [] }]);
    expect((await send(less, at)).status).toBe(403);
    expect((await send(keysOf([principals[0]!]), at)).status).toBe(403);
    expect((await send({ MILLRACE_ACCESS: "closed" }, at)).status).toBe(403);
  });

  test("does not outlive its stream", async () => {
    const path = await makeStream();
    const { at } = await sign(path, owner);
    await send(access, path, { method: "DELETE", headers: owner });
    expect((await send(access, at)).status).toBe(404);
    await send(access, path, { method: "PUT", headers: owner, body: "b" });
    expect((await send(access, at)).status).toBe(403);
  });

  test.each(["", "0", "604801", "x", "-1", "1.5"])("is not issued for %j seconds", async (time) => {
    const path = await makeStream();
    const reply = await send(access, `${path}?sign=${time}`, { method: "POST", headers: owner });
    expect(reply.status).toBe(400);
  });
});

function send(access: Partial<Env>, path: string, init: RequestInit = {}): Promise<Response> {
  const request = new Request(`http://localhost${path}`, init);
  return serveDurable(request, backendWith(access), home);
}

async function ask(...[access, who, , input]: Parameters<Ask>): ReturnType<Ask> {
  const { path, method, headers, body } = input as DurableInput;
  const reply = await send(access, path, {
    method,
    headers: { ...headers, ...(who && { authorization: `Bearer ${who.sessionKey}` }) },
    ...(body !== undefined && { body }),
  });
  await reply.arrayBuffer();
  return { error: reply.ok ? "" : String(reply.status), output: {} };
}
