// The registered consumers of a stream (enhanced fan-out).
import { useState } from "preact/hooks";
import { call, listConsumers, type StreamDescription } from "../api/kinesis.ts";
import type { Action } from "../api/permissions.ts";
import type { ReaderLag } from "../api/stats.ts";
import { usePoll } from "../app/poll.ts";
import { useAttempt } from "../ui/attempt.ts";
import { Failure, type Head, Table, TextField, WorkForm } from "../ui/parts.tsx";
import { formatAge, formatCount, formatSpan } from "../ui/format.ts";

interface ConsumersProps {
  stream: StreamDescription;
  readers: readonly ReaderLag[];
  may: (action: Action) => boolean;
}

const heads: readonly Head[] = [
  { name: "Name" },
  { name: "Status" },
  { name: "Behind" },
  { name: "Registered" },
  { name: "ARN" },
  { name: "actions", is: "hidden" },
];

export function ConsumersTab({ stream, readers, may }: ConsumersProps) {
  const arn = stream.StreamARN;
  const { value, error, refresh } = usePoll(`${arn}/consumers`, () => listConsumers(arn), 3000);
  const [name, setName] = useState("");
  const { failure, attempt } = useAttempt();
  const register = async () => {
    await call("RegisterStreamConsumer", { StreamARN: arn, ConsumerName: name });
    setName("");
    refresh();
  };
  const remove = async (ConsumerARN: string) => {
    await attempt(() => call("DeregisterStreamConsumer", { ConsumerARN }));
    refresh();
  };
  return (
    <section>
      <p class="muted">
        A registered consumer gets records pushed by SubscribeToShard. Readers that poll with
        GetRecords need no registration and are not listed; how far behind they are is under Charts.
      </p>
      <Failure error={error ?? failure} />
      {value?.length === 0 && <p>No consumer is registered.</p>}
      {value !== undefined && value.length > 0 && (
        <Table heads={heads}>
          {value.map((consumer) => (
            <tr key={consumer.ConsumerARN}>
              <td class="name">{consumer.ConsumerName}</td>
              <td>{consumer.ConsumerStatus.toLowerCase()}</td>
              <td>{lagOf(consumer.ConsumerName, readers)}</td>
              <td>{formatAge(consumer.ConsumerCreationTimestamp * 1000)}</td>
              <td class="mono name">{consumer.ConsumerARN}</td>
              <td>
                {may("kinesis:DeregisterStreamConsumer") && (
                  <button
                    class="quiet"
                    aria-label={`deregister ${consumer.ConsumerName}`}
                    onClick={() => void remove(consumer.ConsumerARN)}
                  >
                    deregister
                  </button>
                )}
              </td>
            </tr>
          ))}
        </Table>
      )}
      {may("kinesis:RegisterStreamConsumer") && (
        <div class="card narrow">
          <WorkForm submit="Register" disabled={name === ""} work={register}>
            <TextField
              label="New consumer"
              name="consumer"
              maxLength={128}
              value={name}
              set={setName}
            />
          </WorkForm>
        </div>
      )}
    </section>
  );
}

/** How far behind a consumer is over all shards, in words; nothing if it does not read. */
function lagOf(name: string, readers: readonly ReaderLag[]): string {
  const its = readers.filter(({ consumer }) => consumer === name);
  if (its.length === 0) return "not subscribed";
  const records = its.reduce((sum, { behindRecords }) => sum + behindRecords, 0);
  const ms = Math.max(...its.map(({ behindMs }) => behindMs));
  return records === 0 ? "at the end" : `${formatCount(records)} records, ${formatSpan(ms)}`;
}
