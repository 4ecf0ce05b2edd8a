// Dead letters of queues: what makes them, and their own operations.

import { beginAtNoon, noonMs, setClock } from "../../support/clock.ts";
import { beforeEach, describe, expect, test } from "vitest";
import { ask, createStream, putText } from "./claims.ts";
import { textIn } from "./client.ts";
import {
  acknowledge,
  createArnOver,
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

const createArn = (attributes?: object) => createArnOver(stream, attributes);

describe("dead letters", () => {
  const once = { DeadLetterConfiguration: { TargetType: "BUILT_IN", MaxReceiveCount: 1 } };

  test("are received, hidden, acknowledged and restored by their own operations", async () => {
    const queue = await createArn({ ...once, VisibilityTimeoutSeconds: 10 });
    for (const text of ["a", "b"]) await putText(stream, text);
    const [live, other] = await receive(queue);
    setClock(noonMs + 10_000);
    expect(await receive(queue)).toEqual([]);
    // The last delivery has ended: its handle is of a record that is dead now.
    expect(await acknowledge(queue, [live!])).toEqual([0, stale]);
    const dead = await receiveDead(queue);
    expect(dead.map(textIn)).toEqual(["a", "b"]);
    expect(dead.map(({ ReceiveCount }) => ReceiveCount)).toEqual([2, 2]);
    expect(await receiveDead(queue)).toEqual([]);
    expect(await acknowledge(queue, dead)).toEqual([0, wrong, wrong]);
    const [a, b] = dead;
    expect(await settle("AcknowledgeDeadLetterQueueRecords", queue, handles([a!]))).toEqual([1]);
    const free = [{ ReceiptHandle: b!.ReceiptHandle, VisibilityTimeoutSeconds: 0 }];
    expect(await settle("UpdateDeadLetterQueueRecordsVisibility", queue, free)).toEqual([1]);
    const [again] = await receiveDead(queue);
    expect(again).toMatchObject({ RecordId: other?.RecordId, ReceiveCount: 3 });
    expect(await settle("RestoreDeadLetterQueueRecords", queue, handles([again!]))).toEqual([1]);
    expect(await settle("RestoreDeadLetterQueueRecords", queue, handles([again!]))).toEqual([
      0,
      stale,
    ]);
    const [restored] = await receive(queue);
    expect(restored).toMatchObject({
      RecordId: other?.RecordId,
      ReceiveCount: 1,
      FirstReceiveTimestamp: noonMs / 1000,
    });
    expect(await acknowledge(queue, [restored!])).toEqual([1]);
    expect(await receive(queue)).toEqual([]);
    expect(await receiveDead(queue)).toEqual([]);
  });

  test("are made by the setting of the moment, and never with NONE", async () => {
    const none = { DeadLetterConfiguration: { TargetType: "NONE" } };
    const queue = await createArn({ ...none, VisibilityTimeoutSeconds: 0 });
    await putText(stream, "a");
    for (let i = 1; i <= 20; i++) {
      expect(await receive(queue)).toMatchObject([{ ReceiveCount: i }]);
    }
    await ask("UpdateQueue", { QueueARN: queue, QueueAttributes: once });
    expect(await receive(queue)).toEqual([]);
    expect((await receiveDead(queue)).map(textIn)).toEqual(["a"]);
  });
});
