// Resource policies as operations, over HTTP, inside workerd: what may be attached to what, and what is
// read back. Who is let in by them is the business of worker/auth and its tests.

import { beforeEach, describe, expect, test } from "vitest";
import { account, arnOf, ask, createStream, expectRefusal, refusal } from "./claims.ts";

let stream: string;

beforeEach(async () => {
  stream = await createStream();
});

describe("a policy of a stream or of a consumer", () => {
  test.each([
    ["a stream", async () => arnOf(stream)],
    ["a consumer", () => register()],
  ])("%s: none, put, replaced, gone", async (_, make) => {
    const ResourceARN = await make();
    expect(await read(ResourceARN)).toBe("{}");
    const policy = policyFor(ResourceARN, "kinesis:PutRecord");
    expect(await ask("PutResourcePolicy", { ResourceARN, Policy: policy })).toEqual({});
    expect(await read(ResourceARN)).toBe(policy);
    const other = policyFor(ResourceARN, "kinesis:*");
    await ask("PutResourcePolicy", { ResourceARN, Policy: other });
    expect(await read(ResourceARN)).toBe(other);
    expect(await ask("DeleteResourcePolicy", { ResourceARN })).toEqual({});
    expect(await read(ResourceARN)).toBe("{}");
    await expectRefusal(
      "DeleteResourcePolicy",
      { ResourceARN },
      refusal(
        "ResourceNotFoundException",
        `No resource policy found for resource ARN ${ResourceARN}`,
      ),
    );
  });

  test("a stream's and its consumer's are two", async () => {
    const consumer = await register();
    const Policy = policyFor(consumer, "kinesis:SubscribeToShard");
    await ask("PutResourcePolicy", { ResourceARN: consumer, Policy });
    expect(await read(arnOf(stream))).toBe("{}");
    await ask("DeregisterStreamConsumer", { ConsumerARN: consumer });
    await expectRefusal("GetResourcePolicy", { ResourceARN: consumer }, consumerNotFound());
  });

  test.each([
    ["no JSON", "{", "it is not a JSON object"],
    ["no statement", "{}", "it has no Statement"],
    [
      "of another resource",
      policyFor(arnOf("other"), "kinesis:PutRecord"),
      `statement 1: Resource "${arnOf("other")}" is not ~`,
    ],
  ])("%s is refused, and the old one stays", async (_, Policy, problem) => {
    const ResourceARN = arnOf(stream);
    const old = policyFor(ResourceARN, "kinesis:PutRecord");
    await ask("PutResourcePolicy", { ResourceARN, Policy: old });
    await expectRefusal(
      "PutResourcePolicy",
      { ResourceARN, Policy },
      refusal(
        "InvalidArgumentException",
        `The policy is not valid: ${problem.replace("~", ResourceARN)}.`,
      ),
    );
    expect(await read(ResourceARN)).toBe(old);
  });

  test.each([
    ["a stream", arnOf("nowhere"), streamNotFound],
    ["a consumer's stream", `${arnOf("nowhere")}/consumer/reader:1`, streamNotFound],
  ])("there is none of %s that is not there", async (_, ResourceARN, error) => {
    const Policy = policyFor(ResourceARN, "kinesis:PutRecord");
    await expectRefusal("PutResourcePolicy", { ResourceARN, Policy }, error());
    await expectRefusal("GetResourcePolicy", { ResourceARN }, error());
    await expectRefusal("DeleteResourcePolicy", { ResourceARN }, error());
  });
});

async function register(): Promise<string> {
  const input = { StreamARN: arnOf(stream), ConsumerName: "reader" };
  const { Consumer } = await ask("RegisterStreamConsumer", input);
  return (Consumer as { ConsumerARN: string }).ConsumerARN;
}

async function read(ResourceARN: string): Promise<unknown> {
  return (await ask("GetResourcePolicy", { ResourceARN }))["Policy"];
}

function policyFor(Resource: string, Action: string): string {
  const statement = { Effect: "Allow", Principal: { AWS: "123456789012" }, Action, Resource };
  return JSON.stringify({ Version: "2012-10-17", Statement: [statement] });
}

function streamNotFound() {
  return refusal("ResourceNotFoundException", `Stream nowhere under account ${account} not found.`);
}

function consumerNotFound() {
  return refusal("ResourceNotFoundException", `Consumer reader, account ${account} not found.`);
}
