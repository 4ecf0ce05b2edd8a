// The lock of the v3io face. A session key is the whole of a credential there, and a stream of another
// account cannot be named; refusals are told apart by their status.

import { describe, expect, test } from "vitest";
import { isActionPattern } from "../../../worker/auth/pattern.ts";
import { serveV3io } from "../../../worker/v3io/face.ts";
import { type OperationName, operations } from "../../../worker/v3io/operations.ts";
import { home, keysOf, backendWith, secretOf, sessionKeyOf } from "./keys.ts";
import { type Ask, type Case, type Credentials, describeLock } from "./suite.ts";

const start = "AQAAAAAAAAAAAAAAAAAAAA==";

/** A request as this dialect has it: a place below the container, and a function or a plain verb. */
interface V3ioInput {
  path: string;
  function?: string;
  method?: string;
  body?: object;
}

/** The spellings of a path, all of the same stream. */
const spellings: readonly ((path: string) => string)[] = [
  (path) => `/bigdata/${path}`,
  (path) => `//bigdata//${path.replaceAll("/", "//")}/`,
  (path) => `/%62igdata/${path.replaceAll("-", "%2D").replaceAll("/", "%2F")}`,
];

const at = (below: string, request: Omit<V3ioInput, "path">, more: Partial<Case> = {}) =>
  spellings.map((spell) => spelt(spell, below, request, more));

const spelt = (
  spell: (path: string) => string,
  below: string,
  request: Omit<V3ioInput, "path">,
  more: Partial<Case>,
): Case => ({
  on: "stream",
  input: ({ stream }) => ({ path: spell(stream + below), ...request }),
  elsewhere: "404",
  ...more,
});

const call = (name: string, body: object = {}): Omit<V3ioInput, "path"> => ({
  function: name,
  method: "PUT",
  body,
});

const update = { UpdateExpression: "a = 1" };

/** Beside a stream that another account does not have, its own store takes whatever it puts. */
const takesAll = { elsewhere: "" };

/** What everybody with good credentials may do. */
const unguarded = ["GetClusterMD"] as const;

type Guarded = Exclude<OperationName, (typeof unguarded)[number]>;

const guarded = operations.filter(({ alias }) => alias !== undefined);

const cases: Readonly<Record<Guarded, readonly Case[]>> = {
  CreateStream: at("", call("CreateStream", { ShardCount: 1 }), { error: "409", elsewhere: "" }),
  UpdateStream: at("", call("UpdateStream", { ShardCount: 4 })),
  DescribeStream: at("", call("DescribeStream")),
  PutRecords: at("", call("PutRecords", { Records: [{ Data: "AA==", ShardId: 0 }] })),
  Seek: at("/0", call("Seek", { Type: "EARLIEST" })),
  SeekShard: at("/0", call("SeekShard", { Type: "EARLIEST" })),
  GetRecords: at("/0", call("GetRecords", { Location: start })),
  GetItem: at("/state", call("GetItem", { AttributesToGet: "*" }), { error: "404" }),
  GetItems: at("", call("GetItems", { AttributesToGet: "*" })),
  PutItem: at("/state", call("PutItem", { Item: { a: { N: "1" } } }), takesAll),
  UpdateItem: at("/state", call("UpdateItem", update), takesAll),
  ListContainers: [{ on: "account", input: () => ({ path: "/", method: "GET" }) }],
  ListObjects: [
    { on: "account", input: () => ({ path: "/bigdata/", method: "GET" }) },
    {
      on: "stream",
      input: ({ stream }) => ({ path: `/bigdata/?prefix=${stream}/`, method: "GET" }),
      elsewhere: "404",
    },
    {
      on: "stream",
      input: ({ stream }) => ({ path: `//%62igdata?prefix=/${stream}`, method: "GET" }),
      elsewhere: "404",
    },
  ],
  GetObject: [
    ...at("/state", { method: "GET" }, { error: "404" }),
    ...at("/state", { method: "HEAD" }, { error: "404" }),
  ],
  PutObject: [
    ...at("/state", { method: "PUT" }, takesAll),
    ...at("/state", { method: "POST" }, takesAll),
  ],
  DeleteObject: [
    {
      on: "stream",
      input: async ({ stream }, asOwner) => {
        const path = `/bigdata/${stream}/state`;
        await asOwner("PutObject", { path, method: "PUT" });
        return { path, method: "DELETE" };
      },
      elsewhere: "404",
    },
  ],
  // A directory that is not there has been removed.
  DeleteStream: [
    ...at("", { method: "DELETE" }).filter((_, i) => i !== 1),
    ...at("", { method: "DELETE" }, { elsewhere: "" }).filter((_, i) => i === 1),
  ],
};

const who = (accessKeyId: string): Credentials => ({
  accessKeyId,
  secret: secretOf(accessKeyId),
  sessionKey: sessionKeyOf(accessKeyId),
});

describe("v3io", () => {
  describeLock<Guarded>({
    operations: guarded.map(({ name }) => name),
    cases,
    ask,
    actionsOf: (operation) => {
      const { action, alias } = guarded.find(({ name }) => name === operation)!;
      return { action, alias: alias! };
    },
    refusals: { nobody: "401", forger: "403", unknown: "403", denied: "403", stranger: "404" },
    ofPolicies: [],
  });

  test("every other operation is one that everybody may do, with good credentials", async () => {
    const others = operations.filter((each) => !guarded.includes(each)).map(({ name }) => name);
    expect(others).toEqual(unguarded);
    const access = keysOf([{ accessKeyId: "none", account: "111122223333", allow: [] }]);
    const input = { path: "/bigdata/", ...call("GetClusterMD") };
    expect((await ask(access, undefined, "GetClusterMD", input)).error).toBe("401");
    expect((await ask(access, who("other"), "GetClusterMD", input)).error).toBe("403");
    expect((await ask(access, who("none"), "GetClusterMD", input)).error).toBe("");
  });

  test("every operation has actions that lists and policies can name", () => {
    for (const { name, action, alias = action } of operations) {
      expect([name, isActionPattern(action), isActionPattern(alias)]).toEqual([name, true, true]);
    }
  });
});

async function ask(...[access, who, , input]: Parameters<Ask>): ReturnType<Ask> {
  const { path, function: name, method = "PUT", body } = input as V3ioInput;
  const request = new Request(`http://localhost${path}`, {
    method,
    headers: {
      ...(who !== undefined && { "x-v3io-session-key": who.sessionKey }),
      ...(name !== undefined && { "x-v3io-function": name }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const reply = await serveV3io(request, backendWith(access), home);
  await reply.arrayBuffer();
  return { error: reply.ok ? "" : String(reply.status), output: {} };
}
