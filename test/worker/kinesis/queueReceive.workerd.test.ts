// What is received from a queue and when, and batches in which entries succeed and fail one by one.

import { beginAtNoon, noonMs, setClock } from "../../support/clock.ts";
import { beforeEach, describe, expect, test, vi } from "vitest";
import { arnOf, ask, createStream, kinesisInCbor, putText } from "./claims.ts";
import { base64, textIn } from "./client.ts";
import {
  acknowledge,
  createArnOver,
  createOver,
  handles,
  receive,
  receiveDead,
  settle,
  stale,
  wrong,
} from "./queueClaims.ts";

let stream: string;

beginAtNoon();

beforeEach(async () => {
  stream = await createStream();
});

const create = (input?: object, position?: object) => createOver(stream, input, position);
const createArn = (attributes?: object) => createArnOver(stream, attributes);

describe("receiving", () => {
  test("gives data, key and times, and a RecordId that all queues of the stream share", async () => {
    const first = await createArn();
    const second = await createArn();
    const { SequenceNumber } = await putText(stream, "hello");
    setClock(noonMs + 250);
    const [record] = await receive(first);
    expect(record).toEqual({
      ReceiptHandle: record?.ReceiptHandle,
      RecordId: SequenceNumber,
      Data: base64("hello"),
      PartitionKey: "k",
      ApproximateArrivalTimestamp: noonMs / 1000,
      FirstReceiveTimestamp: (noonMs + 250) / 1000,
      ReceiveCount: 1,
    });
    expect(record?.ReceiptHandle.length).toBeLessThanOrEqual(1024);
    const [same] = await receive(second);
    expect(same).toMatchObject({ RecordId: SequenceNumber, ReceiveCount: 1 });
    expect(same?.ReceiptHandle).not.toBe(record?.ReceiptHandle);
  });

  test("in CBOR has bytes as bytes", async () => {
    const queue = await createArn();
    await putText(stream, "hello");
    const { text } = await kinesisInCbor("ReceiveQueueRecords", { QueueARN: queue, Limit: 1 });
    expect(text).toContain('"Data":{"0":104,"1":101,"2":108,"3":108,"4":111}');
  });

  test("LATEST begins after the creation, AT_TIMESTAMP at the time", async () => {
    await putText(stream, "before");
    const latest = (await create({}, { Type: "LATEST" })).QueueARN;
    setClock(noonMs + 5000);
    await putText(stream, "after");
    const at = (await create({}, { Type: "AT_TIMESTAMP", Timestamp: noonMs / 1000 + 1 })).QueueARN;
    const oldest = await createArn();
    expect((await receive(latest)).map(textIn)).toEqual(["after"]);
    expect((await receive(at)).map(textIn)).toEqual(["after"]);
    expect((await receive(oldest)).map(textIn)).toEqual(["before", "after"]);
  });

  test("hides a record for the time of the receive, of the queue, or of a change", async () => {
    const queue = await createArn({ VisibilityTimeoutSeconds: 10 });
    await putText(stream, "a");
    const [first] = await receive(queue);
    setClock(noonMs + 9999);
    expect(await receive(queue)).toEqual([]);
    setClock(noonMs + 10_000);
    const [second] = await receive(queue, { VisibilityTimeoutSeconds: 100 });
    expect(second).toMatchObject({
      RecordId: first?.RecordId,
      ReceiveCount: 2,
      FirstReceiveTimestamp: noonMs / 1000,
    });
    expect(await acknowledge(queue, [first!])).toEqual([0, stale]);
    const entry = { ReceiptHandle: second!.ReceiptHandle, VisibilityTimeoutSeconds: 5 };
    expect(await settle("UpdateQueueRecordsVisibility", queue, [entry])).toEqual([1]);
    setClock(noonMs + 15_000);
    const [third] = await receive(queue);
    expect(third?.ReceiveCount).toBe(3);
    const free = { ReceiptHandle: third!.ReceiptHandle, VisibilityTimeoutSeconds: 0 };
    expect(await settle("UpdateQueueRecordsVisibility", queue, [free])).toEqual([1]);
    expect(await settle("UpdateQueueRecordsVisibility", queue, [free])).toEqual([0, wrong]);
    const [fourth] = await receive(queue);
    expect(fourth?.ReceiveCount).toBe(4);
    expect(await acknowledge(queue, [fourth!])).toEqual([1]);
    expect(await acknowledge(queue, [fourth!])).toEqual([1]);
    const late = { ReceiptHandle: fourth!.ReceiptHandle, VisibilityTimeoutSeconds: 5 };
    expect(await settle("UpdateQueueRecordsVisibility", queue, [late])).toEqual([0, stale]);
  });

  test("a batch: entries succeed and fail one by one, in their order", async () => {
    const queue = await createArn({ VisibilityTimeoutSeconds: 10 });
    const other = await createArn();
    for (const text of ["a", "b", "c"]) await putText(stream, text);
    const old = await receive(queue);
    const foreign = await receive(other);
    setClock(noonMs + 10_000);
    const now = await receive(queue);
    const entries = [now[0], { ReceiptHandle: "AAAA" }, foreign[0], old[1], now[0], now[2]];
    const Entries = entries.map((entry) => ({ ReceiptHandle: entry!.ReceiptHandle }));
    const reply = await ask("AcknowledgeQueueRecords", { QueueARN: queue, Entries });
    expect(reply["Successful"]).toEqual([Entries[0], Entries[4], Entries[5]]);
    expect(reply["Failed"]).toMatchObject([
      { ...Entries[1], ErrorCode: wrong },
      { ...Entries[2], ErrorCode: wrong },
      { ...Entries[3], ErrorCode: stale },
    ]);
    expect(await settle("AcknowledgeDeadLetterQueueRecords", queue, handles([now[1]!]))).toEqual([
      0,
      wrong,
    ]);
  });

  test("waits, and is woken by a put, by a restore, and by the end of a timeout", async () => {
    vi.useRealTimers();
    stream = await createStream({ ShardCount: 3 });
    const queue = await createArn({
      VisibilityTimeoutSeconds: 1,
      DeadLetterConfiguration: { TargetType: "BUILT_IN", MaxReceiveCount: 2 },
    });
    const waiting = receive(queue, { WaitTimeSeconds: 20 });
    await putText(stream, "a");
    const [first] = await waiting;
    const [again] = await receive(queue, { WaitTimeSeconds: 20 });
    expect(again).toMatchObject({ RecordId: first?.RecordId, ReceiveCount: 2 });
    const [dead] = await receiveDead(queue, {
      WaitTimeSeconds: 20,
      VisibilityTimeoutSeconds: 60,
    });
    const restored = receive(queue, { WaitTimeSeconds: 20 });
    const entries = handles([dead!]);
    expect(await settle("RestoreDeadLetterQueueRecords", queue, entries)).toEqual([1]);
    expect(await restored).toMatchObject([{ RecordId: first?.RecordId, ReceiveCount: 1 }]);
  });

  test("ten mebibytes at most, and one record at least", async () => {
    stream = await createStream();
    await ask("UpdateMaxRecordSize", { StreamARN: arnOf(stream), MaxRecordSizeInKiB: 10_240 });
    const queue = await createArn();
    const data = "x".repeat(4_000_000);
    for (let i = 0; i < 4; i++) await putText(stream, data);
    const first = await receive(queue);
    expect(first.map(({ Data }) => Data.length)).toEqual([5_333_336, 5_333_336]);
    const rest = await receive(queue);
    expect(rest.map(({ ReceiveCount }) => ReceiveCount)).toEqual([1, 1]);
    expect(await acknowledge(queue, [...first, ...rest])).toEqual([4]);
  });
});
