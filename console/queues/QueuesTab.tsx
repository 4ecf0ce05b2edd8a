// The queues of a stream: how much they still have to hand out, and their dead letters.
import { useState } from "preact/hooks";
import type { Action } from "../api/permissions.ts";
import { call, listQueues, type Queue, type StreamDescription } from "../api/kinesis.ts";
import type { QueueStats } from "../api/stats.ts";
import { usePoll } from "../app/poll.ts";
import { formatCount } from "../ui/format.ts";
import { Dialog, Failure, Field, type Head, Table, TextField, WorkForm } from "../ui/parts.tsx";
import { DeadLetters } from "./DeadLetters.tsx";

export interface QueuesProps {
  stream: StreamDescription;
  stats: readonly QueueStats[];
  may: (action: Action) => boolean;
  changed: () => void;
}

const heads: readonly Head[] = [
  { name: "Name" },
  { name: "Status" },
  { name: "To hand out", is: "number" },
  { name: "In flight", is: "number" },
  { name: "Dead letters", is: "number" },
  { name: "ARN" },
  { name: "actions", is: "hidden" },
];

export function QueuesTab({ stream, stats, may, changed }: QueuesProps) {
  const arn = stream.StreamARN;
  const { value, error, refresh } = usePoll(`${arn}/queues`, () => listQueues(arn), 3000);
  const [opened, open] = useState<Queue>();
  const [doomed, doom] = useState<Queue>();
  const remove = async ({ QueueARN }: Queue) => {
    await call("DeleteQueue", { QueueARN });
    doom(undefined);
    if (opened?.QueueARN === QueueARN) open(undefined);
    refresh();
    changed();
  };
  return (
    <section>
      <p class="muted">
        A queue hands each record to one worker at a time, and again if it is not acknowledged.
        Records that were received too often become dead letters.
      </p>
      <Failure error={error} />
      {value?.length === 0 && <p>No queue yet.</p>}
      {value !== undefined && value.length > 0 && (
        <Table heads={heads}>
          {value.map((queue) => (
            <QueueRow
              key={queue.QueueARN}
              queue={queue}
              stats={stats.find(({ id }) => queue.QueueARN.endsWith(id))}
              may={may}
              open={() => open(queue)}
              remove={() => doom(queue)}
            />
          ))}
        </Table>
      )}
      {opened && (
        <DeadLetters
          key={opened.QueueARN}
          queue={opened}
          may={may}
          close={() => open(undefined)}
          changed={changed}
        />
      )}
      {doomed && (
        <Dialog title={`Delete ${doomed.QueueName}`} close={() => doom(undefined)}>
          <WorkForm
            submit="Delete"
            danger
            cancel={() => doom(undefined)}
            work={() => remove(doomed)}
          >
            <p>
              Its workers get nothing any more, and what was acknowledged and which letters are dead
              is forgotten. The records stay in the stream.
            </p>
          </WorkForm>
        </Dialog>
      )}
      {may("kinesis:CreateQueue") && <CreateQueue arn={arn} created={refresh} />}
    </section>
  );
}

function QueueRow(props: {
  queue: Queue;
  stats: QueueStats | undefined;
  may: (action: Action) => boolean;
  open: () => void;
  remove: () => void;
}) {
  const { queue, stats, may } = props;
  return (
    <tr>
      <td class="name">{queue.QueueName}</td>
      <td>{queue.QueueStatus.toLowerCase()}</td>
      <td class="number">{stats && formatCount(stats.undelivered + stats.waiting)}</td>
      <td class="number">{stats && formatCount(stats.inFlight)}</td>
      <td class="number">{stats && formatCount(stats.dead)}</td>
      <td class="mono">{queue.QueueARN}</td>
      <td>
        {may("kinesis:ReceiveDeadLetterQueueRecords") && (
          <button
            class="quiet"
            aria-label={`dead letters of ${queue.QueueName}`}
            onClick={props.open}
          >
            dead letters
          </button>
        )}
        {may("kinesis:DeleteQueue") && (
          <button
            class="quiet"
            aria-label={`delete queue ${queue.QueueName}`}
            onClick={props.remove}
          >
            delete
          </button>
        )}
      </td>
    </tr>
  );
}

function CreateQueue({ arn, created }: { arn: string; created: () => void }) {
  const [name, setName] = useState("");
  const [start, setStart] = useState("TRIM_HORIZON");
  const create = async () => {
    await call("CreateQueue", {
      QueueName: name,
      StreamConfigurationList: [{ StreamARN: arn, StartingPosition: { Type: start } }],
    });
    setName("");
    created();
  };
  return (
    <div class="card narrow">
      <WorkForm submit="Create" disabled={name === ""} work={create}>
        <TextField label="New queue" name="queue" maxLength={128} value={name} set={setName} />
        <Field label="Begins with">
          <select value={start} onChange={(event) => setStart(event.currentTarget.value)}>
            <option value="TRIM_HORIZON">the oldest record</option>
            <option value="LATEST">records from now on</option>
          </select>
        </Field>
      </WorkForm>
    </div>
  );
}
