// Requests of an operator on a server with keys: credentials of each kind, and what is allowed.
import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, test } from "vitest";
import { unwrap } from "../../../worker/core/rpc.ts";
import { serveOperator } from "../../../worker/operator/routes.ts";
import { catalogOf } from "../../../worker/stream/directory.ts";
import { backendWith, home, keysOf, secretOf, sessionKeyOf, signedRequest } from "./keys.ts";

const account = "111122223333";

const access = keysOf([
  { accessKeyId: "owner", account },
  {
    accessKeyId: "reader",
    account,
    allow: [
      { actions: ["kinesis:Get*", "millrace:GetStats"], streams: ["seen-*"] },
      { actions: ["kinesis:ListStreams"], streams: ["*"] },
    ],
  },
  { accessKeyId: "other", account: "444455556666" },
]);

let stream: string;

beforeEach(async () => {
  stream = `seen-${crypto.randomUUID()}`;
  const scope = { account, region: home.region };
  const spec = { name: stream, shardCount: 1, retentionHours: 24, mode: "PROVISIONED" as const };
  unwrap(await catalogOf(env, scope).createStream(scope, spec));
});

async function ask(request: Request): Promise<{ status: number; body: Record<string, unknown> }> {
  const reply = await serveOperator(request, backendWith(access), home);
  return { status: reply.status, body: await reply.json() };
}

function statsPath(): string {
  return `/_millrace/stats?stream=${stream}`;
}

function signed(path: string, accessKeyId: string, secret = secretOf(accessKeyId)) {
  const key = { accessKeyId, secretAccessKey: secret };
  return ask(signedRequest({ method: "GET" }, key, home.region, path));
}

describe("statistics", () => {
  test.each(["owner", "reader"])("%s may, by a signature or a session key", async (name) => {
    expect(await signed(statsPath(), name)).toMatchObject({ status: 200, body: { shards: [{}] } });
    const headers = { "x-v3io-session-key": sessionKeyOf(name) };
    const reply = await ask(new Request(`http://localhost${statsPath()}`, { headers }));
    expect(reply).toMatchObject({ status: 200, body: { shards: [{}] } });
  });

  test("a wrong secret is refused", async () => {
    expect(await signed(statsPath(), "reader", "guessed")).toMatchObject({
      status: 403,
      body: { error: "InvalidSignatureException" },
    });
  });

  test("an unknown key is refused", async () => {
    expect(await signed(statsPath(), "nobody")).toMatchObject({
      status: 403,
      body: { error: "UnrecognizedClientException" },
    });
  });

  test("no credentials are refused", async () => {
    const reply = await ask(new Request(`http://localhost${statsPath()}`));
    expect(reply.status).toBe(403);
  });

  test("the query is signed: another stream's does not fit", async () => {
    const key = { accessKeyId: "owner", secretAccessKey: secretOf("owner") };
    const { headers } = signedRequest({ method: "GET" }, key, home.region, statsPath());
    const moved = new Request("http://localhost/_millrace/stats?stream=other", { headers });
    expect(await ask(moved)).toMatchObject({
      status: 403,
      body: { error: "InvalidSignatureException" },
    });
  });

  test("a list without it refuses it, and another account does not see the stream", async () => {
    const hidden = statsPath().replace("seen-", "unseen-");
    expect(await signed(hidden, "reader")).toMatchObject({
      status: 403,
      body: { error: "AccessDeniedException" },
    });
    expect(await signed(statsPath(), "other")).toMatchObject({
      status: 404,
      body: { error: "streamNotFound" },
    });
  });
});

describe("permissions", () => {
  const actions = ["kinesis:GetRecords", "kinesis:PutRecord", "millrace:GetStats"];
  const query = actions.map((action) => `action=${encodeURIComponent(action)}`).join("&");

  test.each([
    ["owner", actions],
    ["reader", ["kinesis:GetRecords", "millrace:GetStats"]],
  ])("of %s for a stream are %j", async (name, allowed) => {
    expect(await signed(`/_millrace/permissions?${query}&stream=${stream}`, name)).toEqual({
      status: 200,
      body: { account, isOpen: false, allowed },
    });
  });

  test("a policy that denies is heard", async () => {
    const scope = { account, region: home.region };
    const arn = `arn:aws:kinesis:${home.region}:${account}:stream/${stream}`;
    const statement = {
      Effect: "Deny",
      Principal: "*",
      Action: "kinesis:GetRecords",
      Resource: arn,
    };
    const policy = JSON.stringify({ Version: "2012-10-17", Statement: [statement] });
    unwrap(await catalogOf(env, scope).changePolicy({ stream }, policy));
    const { body } = await signed(`/_millrace/permissions?${query}&stream=${stream}`, "owner");
    expect(body["allowed"]).toEqual(["kinesis:PutRecord", "millrace:GetStats"]);
  });

  test("without a stream they are those for lists and for what is not there yet", async () => {
    const asked = "action=kinesis%3AListStreams&action=kinesis%3ACreateStream";
    expect((await signed(`/_millrace/permissions?${asked}`, "reader")).body["allowed"]).toEqual([
      "kinesis:ListStreams",
    ]);
  });

  test.each(["", "?action=x", "?action=kinesis%3A", `?${"action=a%3Ab&".repeat(101)}`])(
    "the query %s is refused",
    async (text) => {
      expect(
        await signed(`/_millrace/permissions${text.replace(/&$/, "")}`, "owner"),
      ).toMatchObject({
        status: 400,
        body: { error: "invalidQuery" },
      });
    },
  );
});
