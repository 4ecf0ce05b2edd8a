// The lock, as one suite for every dialect: each operation of the dialect's own table is asked for by
// nobody, by a forger, by principals who may do other things, and by one who may do this and nothing
// else. A dialect says how its requests look and what it calls a refusal; who is let in is said here.

import { env } from "cloudflare:workers";
import { expect, test } from "vitest";
import { consumerArn, queueArn, streamArn } from "../../../worker/auth/arn.ts";
import type { Env } from "../../../worker/core/bindings.ts";
import { createdSecondsOf } from "../../../worker/catalog/consumers.ts";
import { catalogOf, forgetStream } from "../../../worker/stream/directory.ts";
import { forgetQueue } from "../../../worker/stream/queueDirectory.ts";
import { unwrap } from "../../../worker/core/rpc.ts";
import { home, keysOf, secretOf, sessionKeyOf, type TestPrincipal } from "./keys.ts";

const account = "111122223333";
const stranger = "444455556666";
const scope = { account, region: home.region };

/** A stream of two shards with a consumer that is called `app`, and a queue for cases on one. */
export interface Scene {
  stream: string;
  streamArn: string;
  consumerArn: string;
  queueId: string;
  queueArn: string;
}

export interface Credentials {
  accessKeyId: string;
  secret: string;
  sessionKey: string;
}

export interface Answer {
  /** The name of the error; nothing when it was done. */
  error: string;
  output: Record<string, unknown>;
}

/** An operation with an input, and who asks for it if anybody does. */
export type Ask = (
  access: Partial<Env>,
  who: Credentials | undefined,
  operation: string,
  input: object,
) => Promise<Answer>;

export interface Case {
  /** What it is judged on: an account has no policy. */
  on: "stream" | "consumer" | "queue" | "account";
  /** Other actions that it needs besides. */
  also?: readonly string[];
  /** Good for whoever may do it; `asOwner` gets what it needs. */
  input(
    scene: Scene,
    asOwner: (operation: string, input: object) => Promise<Record<string, unknown>>,
  ): object | Promise<object>;
  /** What comes of it even then, where it takes more than the stream to do it. */
  error?: string;
  /** What comes of it in an account that has nothing, where that is not as for a stream. */
  elsewhere?: string;
}

export interface Dialect<Operation extends string> {
  /** Every operation there is, from the product's own table. */
  operations: readonly string[];
  /** For each operation one case for every way to name what it is about. */
  cases: Readonly<Record<Operation, readonly Case[]>>;
  /** How many of each operation's cases are tried: all of them when left out. */
  casesMax?: number;
  ask: Ask;
  /** What allow lists call it, and what policies do. */
  actionsOf: (operation: string) => { action: string; alias: string };
  /** What else an allow list may have that is not enough; all of the other dialect when left out. */
  foreign?: readonly string[];
  refusals: { nobody: string; forger: string; unknown: string; denied: string; stranger: string };
  /** Operations in which policies have no say, because they are about policies. */
  ofPolicies: readonly Operation[];
}

export function describeLock<Operation extends string>(dialect: Dialect<Operation>): void {
  const { cases, casesMax = Infinity, operations } = dialect;

  test("every operation has its cases", () => {
    expect(Object.keys(cases).sort()).toEqual([...operations].sort());
    expect(Object.values<readonly Case[]>(cases).every(({ length }) => length > 0)).toBe(true);
  });

  const all = Object.entries<readonly Case[]>(cases).flatMap(([operation, its]) =>
    its.slice(0, casesMax).map((each, i) => [operation as Operation, i + 1, each] as const),
  );
  test.each(all)("%s, %i", async (operation, _, example) => {
    await expectLocked(dialect, operation, example);
  });
}

async function expectLocked<Operation extends string>(
  dialect: Dialect<Operation>,
  operation: Operation,
  example: Case,
): Promise<void> {
  const { on, error = "", elsewhere = dialect.refusals.stranger } = example;
  const { refusals } = dialect;
  const scene = await makeScene(on);
  const access = keysOf(principalsFor(dialect, operation, example, scene));
  const owner = credentialsOf("owner");
  const input = await example.input(scene, async (name, prepared) => {
    const answer = await dialect.ask(access, owner, name, prepared);
    expect([name, answer.error]).toEqual([name, ""]);
    return answer.output;
  });
  const outcome = async (who: Credentials | undefined) =>
    (await dialect.ask(access, who, operation, input)).error;

  expect({
    nobody: await outcome(undefined),
    "who signs with another secret": await outcome({ ...owner, secret: "?", sessionKey: "?" }),
    "who is not known": await outcome(credentialsOf("nobody")),
    "who may do it with other streams": await outcome(credentialsOf("elsewhere")),
    "who may do everything else": await outcome(credentialsOf("else")),
    "another account": await outcome(credentialsOf("stranger")),
  }).toEqual({
    nobody: refusals.nobody,
    "who signs with another secret": refusals.forger,
    "who is not known": refusals.unknown,
    "who may do it with other streams": refusals.denied,
    "who may do everything else": refusals.denied,
    "another account": on === "account" ? error : elsewhere,
  });
  if (on !== "account") {
    const isExempt = dialect.ofPolicies.includes(operation);
    await attachDeny(scene, on, dialect.actionsOf(operation).alias);
    expect(await outcome(credentialsOf("denied"))).toBe(isExempt ? error : refusals.denied);
    await attachDeny(scene, on, dialect.actionsOf(operation).alias);
    if (on !== "stream" && !isExempt) {
      // A Deny of the stream holds for its consumers and queues.
      await attachDeny(scene, "stream", dialect.actionsOf(operation).alias, "denied-above");
      expect(await outcome(credentialsOf("denied-above"))).toBe(refusals.denied);
    }
  }
  for (const i of (example.also ?? []).keys()) {
    expect(await outcome(credentialsOf(`without-${i}`))).toBe(refusals.denied);
  }
  expect(await outcome(credentialsOf("only"))).toBe(error);
}

function principalsFor<Operation extends string>(
  { operations, actionsOf, foreign }: Dialect<Operation>,
  operation: Operation,
  { on, also = [] }: Case,
  { stream }: Scene,
): TestPrincipal[] {
  const { action } = actionsOf(operation);
  const others = operations.map((name) => actionsOf(name).action).filter((name) => name !== action);
  others.push(...(foreign ?? [action.startsWith("kinesis:") ? "v3io:*" : "kinesis:*"]));
  const streams = [on === "account" ? "*" : stream];
  return [
    { accessKeyId: "owner", account },
    { accessKeyId: "denied", account },
    { accessKeyId: "denied-above", account },
    { accessKeyId: "stranger", account: stranger },
    { accessKeyId: "only", account, allow: [{ actions: [action, ...also], streams }] },
    ...also.map((missing, i) => ({
      accessKeyId: `without-${i}`,
      account,
      allow: [{ actions: [action, ...also.filter((other) => other !== missing)], streams }],
    })),
    { accessKeyId: "else", account, allow: [{ actions: others, streams: ["*"] }] },
    { accessKeyId: "elsewhere", account, allow: [{ actions: ["*"], streams: ["bills-*"] }] },
  ];
}

function credentialsOf(accessKeyId: string): Credentials {
  return { accessKeyId, secret: secretOf(accessKeyId), sessionKey: sessionKeyOf(accessKeyId) };
}

async function makeScene(on: Case["on"]): Promise<Scene> {
  const name = `orders-${crypto.randomUUID()}`;
  const spec = { name, shardCount: 2, retentionHours: 48, mode: "PROVISIONED" as const };
  const catalog = catalogOf(env, scope);
  unwrap(await catalog.createStream(scope, spec));
  const consumer = unwrap(await catalog.registerConsumer(name, "app"));
  const createdSeconds = createdSecondsOf(consumer);
  const queueId = on === "queue" ? await makeQueue(name) : "";
  return {
    queueId,
    queueArn: queueArn({ ...scope, id: queueId }),
    stream: name,
    streamArn: streamArn({ ...scope, name }),
    consumerArn: consumerArn({ ...scope, name, consumer: "app", createdSeconds }),
  };
}

async function makeQueue(stream: string): Promise<string> {
  const spec = {
    name: stream,
    stream,
    position: { type: "LATEST" as const },
    visibilitySeconds: 30,
  };
  return unwrap(await catalogOf(env, scope).createQueue(spec)).queue.id;
}

async function attachDeny(
  { stream, streamArn: arn, consumerArn: ofConsumer, queueId: queue, queueArn: ofQueue }: Scene,
  on: "stream" | "consumer" | "queue",
  Action: string,
  who = "denied",
): Promise<void> {
  const Principal = { AWS: `arn:aws:iam::${account}:user/${who}` };
  const Resource = { stream: arn, consumer: ofConsumer, queue: ofQueue }[on];
  const policy = JSON.stringify({ Statement: [{ Effect: "Deny", Principal, Action, Resource }] });
  const keys = {
    stream: { stream },
    consumer: { stream, consumer: { name: "app" } },
    queue: { queue },
  };
  unwrap(await catalogOf(env, scope).changePolicy(keys[on], policy));
  forgetStream(scope, stream);
  forgetQueue(scope, queue);
}
