// Tags over HTTP, inside workerd: the three operations that name a stream and the three that name
// any resource. Texts and order of checks are those of kinesalite actions/addTagsToStream.js.

import { beforeEach, describe, expect, test } from "vitest";
import { account, arnOf, ask, createStream, expectRefusal, refusal } from "./claims.ts";

const invalid = refusal(
  "InvalidArgumentException",
  "Some tags contain invalid characters. Valid characters: " +
    "Unicode letters, digits, white space, _ . / = + - % @.",
);

let stream: string;

beforeEach(async () => {
  stream = await createStream();
});

describe("a stream's tags", () => {
  test("are none at first", async () => {
    expect(await list()).toEqual({ Tags: [], HasMoreTags: false });
  });

  test("are listed by key, whatever the order in which they came", async () => {
    await add({ b: "2", a: "1" });
    await add({ C: "", "a.b": "x" });
    expect(await keys()).toEqual(["C", "a", "a.b", "b"]);
  });

  test("have their newest value", async () => {
    await add({ a: "1", b: "2" });
    await add({ a: "new" });
    expect((await list())["Tags"]).toEqual([
      { Key: "a", Value: "new" },
      { Key: "b", Value: "2" },
    ]);
  });

  test("may have any key, even one that objects have of themselves", async () => {
    await add(JSON.parse('{"__proto__":"1","constructor":"2"}') as Record<string, string>);
    expect(await keys()).toEqual(["__proto__", "constructor"]);
  });

  test.each([
    [{ Limit: 2 }, ["a", "b"], true],
    [{ Limit: 3 }, ["a", "b", "c"], false],
    [{ Limit: 2, ExclusiveStartTagKey: "a" }, ["b", "c"], false],
    [{ Limit: 1, ExclusiveStartTagKey: "aa" }, ["b"], true],
    [{ ExclusiveStartTagKey: "c" }, [], false],
  ])("page: %j", async (page, expected, more) => {
    await add({ a: "1", b: "2", c: "3" });
    expect(await keys(page)).toEqual(expected);
    expect((await list(page))["HasMoreTags"]).toBe(more);
  });

  test("go one by one, and removing what is not there changes nothing", async () => {
    await add({ a: "1", b: "2" });
    await ask("RemoveTagsFromStream", { StreamName: stream, TagKeys: ["a", "z"] });
    expect(await keys()).toEqual(["b"]);
    await ask("RemoveTagsFromStream", { StreamARN: arnOf(stream), TagKeys: ["b"] });
    expect(await keys()).toEqual([]);
  });

  test("come with its creation and go with its deletion", async () => {
    const tagged = await createStream({ ShardCount: 1, Tags: { born: "yes" } });
    expect(await tagsOf(tagged)).toEqual([{ Key: "born", Value: "yes" }]);
    await ask("DeleteStream", { StreamName: tagged });
    await ask("CreateStream", { StreamName: tagged, ShardCount: 1 });
    expect(await tagsOf(tagged)).toEqual([]);
  });

  test("are fifty at most, old and new together", async () => {
    await add(numbered(0, 49));
    await add({ "tag-0": "new", last: "" });
    expect(await keys()).toHaveLength(50);
    await expectRefusal(
      "AddTagsToStream",
      { StreamName: stream, Tags: { "one-more": "" } },
      refusal(
        "InvalidArgumentException",
        `Failed to add tags to stream ${stream} under account ${account} because a given stream ` +
          "cannot have more than 10 tags associated with it.",
      ),
    );
    expect(await keys()).toHaveLength(50);
  });

  test("are fifty at most from the start, or there is no stream", async () => {
    const StreamName = crypto.randomUUID();
    const { message } = refusal(
      "",
      `Failed to add tags to stream ${StreamName} under account ${account} because a given stream ` +
        "cannot have more than 10 tags associated with it.",
    );
    const input = { StreamName, ShardCount: 1, Tags: numbered(0, 51) };
    await expectRefusal("CreateStream", input, refusal("InvalidArgumentException", message));
    await expectRefusal("DescribeStream", { StreamName }, notFound(StreamName));
  });
});

describe("characters of a tag", () => {
  test.each(["ä", "ж", "漢", "a b", "_./=+-@", "team:blue", "0"])("allowed: %s", async (text) => {
    await add({ [text]: text });
    expect((await list())["Tags"]).toEqual([{ Key: text, Value: text }]);
  });

  test.each([
    ["key", { "a;b": "1" }],
    ["value", { a: "1;b" }],
    ["emoji", { "🙂": "1" }],
    ["invalid before illegal", { "a%": "1", b: "*" }],
  ])("invalid: %s", (_, Tags) =>
    expectRefusal("AddTagsToStream", { StreamName: stream, Tags }, invalid),
  );

  test.each([
    ["AddTagsToStream", "add tags to", () => ({ StreamName: stream, Tags: { a: "1%" } })],
    ["RemoveTagsFromStream", "remove tags from", () => ({ StreamName: stream, TagKeys: ["a%"] })],
    ["TagResource", "add tags to", () => ({ ResourceARN: arnOf(stream), Tags: { "%": "" } })],
    ["UntagResource", "remove tags from", () => ({ ResourceARN: arnOf(stream), TagKeys: ["%"] })],
  ])("a percent sign is valid and yet illegal: %s", (operation, change, input) =>
    expectRefusal(
      operation,
      input(),
      refusal(
        "InvalidArgumentException",
        `Failed to ${change} stream ${stream} under account ${account} because some tags ` +
          "contained illegal characters. The allowed characters are Unicode letters, " +
          "white-spaces, '_',',','/','=','+','-','@'.",
      ),
    ),
  );

  test("are looked at after the stream", () =>
    expectRefusal(
      "AddTagsToStream",
      { StreamName: "nowhere", Tags: { "*": "" } },
      notFound("nowhere"),
    ));
});

describe("a resource's tags", () => {
  test("of a stream are the stream's", async () => {
    await ask("TagResource", { ResourceARN: arnOf(stream), Tags: { b: "2", a: "1" } });
    expect(await keys()).toEqual(["a", "b"]);
    await ask("UntagResource", { ResourceARN: arnOf(stream), TagKeys: ["a"] });
    const { Tags } = await ask("ListTagsForResource", { ResourceARN: arnOf(stream) });
    expect(Tags).toEqual([{ Key: "b", Value: "2" }]);
  });

  test("of a consumer are its own, and go with it", async () => {
    const register = { StreamARN: arnOf(stream), ConsumerName: "reader", Tags: { a: "1" } };
    const { Consumer } = await ask("RegisterStreamConsumer", register);
    const { ConsumerARN: ResourceARN } = Consumer as { ConsumerARN: string };
    await ask("TagResource", { ResourceARN, Tags: { b: "2" } });
    const tags = [
      { Key: "a", Value: "1" },
      { Key: "b", Value: "2" },
    ];
    expect(await ask("ListTagsForResource", { ResourceARN })).toEqual({ Tags: tags });
    expect(await keys()).toEqual([]);
    await ask("DeregisterStreamConsumer", { ConsumerARN: ResourceARN });
    const gone = refusal(
      "ResourceNotFoundException",
      `Consumer reader, account ${account} not found.`,
    );
    await expectRefusal("ListTagsForResource", { ResourceARN }, gone);
    await ask("RegisterStreamConsumer", { StreamARN: arnOf(stream), ConsumerName: "reader" });
    const again = await ask("DescribeStreamConsumer", {
      StreamARN: arnOf(stream),
      ConsumerName: "reader",
    });
    const { ConsumerARN } = again["ConsumerDescription"] as { ConsumerARN: string };
    expect(await ask("ListTagsForResource", { ResourceARN: ConsumerARN })).toEqual({ Tags: [] });
  });

  test.each([
    ["a stream that is not there", arnOf("nowhere"), notFound("nowhere")],
    [
      "a stream of another account",
      arnOf("nowhere").replace(account, "123456789012"),
      notFound("nowhere", "123456789012"),
    ],
    [
      "a channel",
      "arn:aws:kinesis:us-east-1:000000000000:channel/c",
      refusal(
        "ResourceNotFoundException",
        "Channel arn:aws:kinesis:us-east-1:000000000000:channel/c not found: " +
          "channels are not available here.",
      ),
    ],
    [
      "what only looks like a resource",
      "arn:aws:kinesis:us-east-1:000000000000:other/stream/x",
      refusal(
        "InvalidArgumentException",
        "ResourceARN arn:aws:kinesis:us-east-1:000000000000:other/stream/x is not the ARN of " +
          "a stream, of a consumer or of a queue.",
      ),
    ],
  ])("are refused for %s", async (_, ResourceARN, error) => {
    await expectRefusal("TagResource", { ResourceARN, Tags: { a: "1" } }, error);
    await expectRefusal("UntagResource", { ResourceARN, TagKeys: ["a"] }, error);
    await expectRefusal("ListTagsForResource", { ResourceARN }, error);
  });
});

function add(Tags: Record<string, string>) {
  return ask("AddTagsToStream", { StreamName: stream, Tags });
}

function list(page: object = {}) {
  return ask("ListTagsForStream", { StreamName: stream, ...page });
}

async function keys(page: object = {}): Promise<string[]> {
  return ((await list(page))["Tags"] as { Key: string }[]).map(({ Key }) => Key);
}

async function tagsOf(StreamName: string) {
  return (await ask("ListTagsForStream", { StreamName }))["Tags"];
}

function numbered(from: number, to: number): Record<string, string> {
  return Object.fromEntries(
    Array.from({ length: to - from }, (_, i) => [`tag-${from + i}`, `${i}`]),
  );
}

function notFound(name: string, owner = account) {
  return refusal("ResourceNotFoundException", `Stream ${name} under account ${owner} not found.`);
}
