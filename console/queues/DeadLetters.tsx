// The dead letters of a queue, as a worker receives them: each is hidden from others for half a
// minute. They are put back for the workers, or acknowledged, which ends them.
import { useState } from "preact/hooks";
import type { Action } from "../api/permissions.ts";
import { call, type Queue, type QueueRecord } from "../api/kinesis.ts";
import { fromBase64 } from "../records/decode/base64.ts";
import { readText } from "../records/decode/views.ts";
import { hexText } from "../records/HexDump.tsx";
import { useAttempt } from "../ui/attempt.ts";
import { Failure } from "../ui/parts.tsx";

type Deed = "RestoreDeadLetterQueueRecords" | "AcknowledgeDeadLetterQueueRecords";

interface SettleReply {
  Failed?: { ReceiptHandle?: string; ErrorCode?: string; ErrorMessage?: string }[];
}

export function DeadLetters(props: {
  queue: Queue;
  may: (action: Action) => boolean;
  close: () => void;
  changed: () => void;
}) {
  const { queue, may } = props;
  const { QueueARN, QueueName } = queue;
  const [records, setRecords] = useState<QueueRecord[]>([]);
  const [said, say] = useState("");
  const { failure, attempt } = useAttempt();
  const attemptChange = async (work: () => Promise<void>) => {
    await attempt(work);
    props.changed();
  };
  const receive = () =>
    attemptChange(async () => {
      const { QueueRecords } = await call<{ QueueRecords: QueueRecord[] }>(
        "ReceiveDeadLetterQueueRecords",
        { QueueARN, Limit: 10, WaitTimeSeconds: 1 },
      );
      setRecords(QueueRecords);
      say(QueueRecords.length === 0 ? "No dead letter is there now." : "");
    });
  const settle = (deed: Deed, some: readonly QueueRecord[]) =>
    attemptChange(async () => {
      const Entries = some.map(({ ReceiptHandle }) => ({ ReceiptHandle }));
      const { Failed = [] } = await call<SettleReply>(deed, { QueueARN, Entries });
      const [first] = Failed;
      if (first !== undefined) throw new Error(first.ErrorMessage ?? first.ErrorCode ?? "refused");
      const gone = new Set(some);
      setRecords((before) => before.filter((record) => !gone.has(record)));
    });
  return (
    <section class="card wide" aria-label={`dead letters of ${QueueName}`}>
      <div class="bar">
        <h2>Dead letters of {QueueName}</h2>
        <span class="grow" />
        <button onClick={() => void receive()}>Receive</button>
        <button class="quiet" aria-label="close" onClick={props.close}>
          ×
        </button>
      </div>
      <Failure error={failure} />
      <p class="muted" role="status">
        {said}
      </p>
      {records.map((record) => (
        <div key={record.ReceiptHandle} class="bar letter">
          <b>{record.PartitionKey}</b>
          <code>{previewOf(record.Data)}</code>
          <span class="muted">received {record.ReceiveCount} times</span>
          {may("kinesis:RestoreDeadLetterQueueRecords") && (
            <button
              class="quiet"
              onClick={() => void settle("RestoreDeadLetterQueueRecords", [record])}
            >
              restore
            </button>
          )}
          {may("kinesis:AcknowledgeDeadLetterQueueRecords") && (
            <button
              class="quiet"
              onClick={() => void settle("AcknowledgeDeadLetterQueueRecords", [record])}
            >
              acknowledge
            </button>
          )}
        </div>
      ))}
    </section>
  );
}

function previewOf(data: string): string {
  const bytes = fromBase64(data);
  return (readText(bytes) ?? hexText(bytes)).slice(0, 300);
}
