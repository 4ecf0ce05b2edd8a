// Keys of the KMS over HTTP, inside workerd: setting one and taking it away, and what producers and
// consumers are then told of each record.

import { beginAtNoon, noonMs, setClock } from "../../support/clock.ts";
import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeEach, expect, test } from "vitest";
import { encryptionSpansMax } from "../../../worker/limits.ts";
import { catalogOf, forgetStream } from "../../../worker/stream/directory.ts";
import {
  account,
  arnOf,
  ask,
  createStream,
  expectRefusal,
  kinesis,
  kinesisInCbor,
  putText,
  refusal,
  region,
  summaryOf,
} from "./claims.ts";
import { base64 } from "./client.ts";

const key = { EncryptionType: "KMS", KeyId: "alias/mine" };

let stream: string;

beginAtNoon();

beforeEach(async () => {
  stream = await createStream();
});

test("is none at first", async () => {
  expect(await summaryOf(stream)).toMatchObject({ EncryptionType: "NONE" });
  expect(await summaryOf(stream)).not.toHaveProperty("KeyId");
});

test("a key is kept and reported, replaced, and taken away", async () => {
  await ask("StartStreamEncryption", { StreamName: stream, ...key });
  expect(await summaryOf(stream)).toMatchObject(key);
  await ask("StartStreamEncryption", { StreamARN: arnOf(stream), ...key, KeyId: "other" });
  expect(await summaryOf(stream)).toMatchObject({ EncryptionType: "KMS", KeyId: "other" });
  await ask("StopStreamEncryption", { StreamName: stream, ...key });
  expect(await summaryOf(stream)).toMatchObject({ EncryptionType: "NONE" });
  expect(await summaryOf(stream)).not.toHaveProperty("KeyId");
});

test("who puts a record is told of the key, by every way of putting, and of none without one", async () => {
  const record = { Data: base64("a"), PartitionKey: "k" };
  const one = { StreamName: stream, ...record };
  const many = { StreamName: stream, Records: [record, record] };
  const long = JSON.stringify(many).replace('"Records"', '"\\u0052ecords"');
  const tell = async () => {
    const replies = [
      await kinesis("PutRecord", one),
      await kinesis("PutRecords", many),
      await kinesis("PutRecords", long),
      await kinesisInCbor("PutRecord", { ...one, Data: new Uint8Array(1) }),
      await kinesisInCbor("PutRecords", {
        ...many,
        Records: [{ ...record, Data: new Uint8Array(1) }],
      }),
    ];
    expect(replies.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200]);
    return replies.map(({ output }) => typeIn(output));
  };
  expect(await tell()).toEqual(["", "", "", "", ""]);
  await ask("StartStreamEncryption", { StreamName: stream, ...key });
  expect(await tell()).toEqual(["KMS", "KMS", "KMS", "KMS", "KMS"]);
  await ask("StopStreamEncryption", { StreamName: stream, ...key });
  expect(await tell()).toEqual(["", "", "", "", ""]);
});

test("a record says whether there was a key when it arrived, whatever has come since", async () => {
  let seconds = 0;
  const then = async (operation: string) => {
    await ask(operation, { StreamName: stream, ...key });
    setClock(noonMs + 1000 * ++seconds);
    await putText(stream, `${seconds}`);
    setClock(noonMs + 1000 * ++seconds);
  };
  await putText(stream, "0");
  setClock(noonMs + 1000 * ++seconds);
  await then("StartStreamEncryption");
  await then("StartStreamEncryption");
  await then("StopStreamEncryption");
  await then("StopStreamEncryption");
  await then("StartStreamEncryption");
  const expected = ["", "KMS", "KMS", "", "", "KMS"];
  expect(await typesRead(kinesis)).toEqual(expected);
  expect(await typesRead(kinesisInCbor)).toEqual(expected);
});

test("a stream that had a key before its times were kept: all of its records had it", async () => {
  await putText(stream, "a");
  await ask("StartStreamEncryption", { StreamName: stream, ...key });
  await runInDurableObject(catalogOf(env, { account, region }), (_, { storage: { sql } }) => {
    const remove = "UPDATE stream SET description = json_remove(description, '$.encryptions')";
    sql.exec(`${remove} WHERE name = ?`, stream);
  });
  forgetStream({ account, region }, stream);
  expect(await typesRead(kinesis)).toEqual(["KMS"]);
  setClock(noonMs + 1000);
  await ask("StopStreamEncryption", { StreamName: stream, ...key });
  setClock(noonMs + 2000);
  await putText(stream, "b");
  expect(await typesRead(kinesis)).toEqual(["KMS", ""]);
});

test.each(["StartStreamEncryption", "StopStreamEncryption"])("%s of type NONE", (operation) =>
  expectRefusal(
    operation,
    { StreamName: stream, EncryptionType: "NONE", KeyId: "x" },
    refusal(
      "InvalidArgumentException",
      "EncryptionType NONE is not valid here. The only valid value is KMS.",
    ),
  ),
);

test("a stream remembers no more than so many times of encryption, the latest", async () => {
  for (let i = 0; i <= encryptionSpansMax; i++) {
    setClock(noonMs + i * 1000);
    await ask("StartStreamEncryption", { StreamName: stream, ...key });
    if (i === 0 || i === encryptionSpansMax) await putText(stream, `${i}`);
    setClock(noonMs + i * 1000 + 500);
    await ask("StopStreamEncryption", { StreamName: stream, ...key });
  }
  expect(await typesRead(kinesis)).toEqual(["", "KMS"]);
});

/** What each record of the stream's shard says of its encryption. */
async function typesRead(call: typeof kinesisInCbor): Promise<unknown[]> {
  const place = {
    StreamName: stream,
    ShardId: "shardId-000000000000",
    ShardIteratorType: "TRIM_HORIZON",
  };
  const { output } = await call("GetShardIterator", place);
  const page = await call("GetRecords", { ShardIterator: output.ShardIterator });
  return page.output.Records.map((record) => typeIn(record));
}

function typeIn(reply: object): unknown {
  return "EncryptionType" in reply ? reply.EncryptionType : "";
}
