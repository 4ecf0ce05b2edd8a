// Chooses where reading begins.
import { useState } from "preact/hooks";
import type { Shard } from "../api/kinesis.ts";
import { Dialog, Field, TextField, WorkForm } from "../ui/parts.tsx";
import { formatTime } from "../ui/format.ts";
import { shardIndex } from "../shards/lineage.ts";
import { HistogramPicker } from "./HistogramPicker.tsx";
import type { Start } from "./position.ts";

export function StartPicker(props: {
  start: Start;
  stream: string;
  shards: readonly Shard[];
  pick: (start: Start) => void;
}) {
  const { start, pick } = props;
  const [asked, setAsked] = useState<"time" | "sequence">();
  const choose = (kind: string) => {
    if (kind === "latest" || kind === "oldest") pick({ kind });
    else if (kind === "time" || kind === "sequence") setAsked(kind);
  };
  return (
    <>
      <select
        aria-label="read from"
        value={start.kind}
        onChange={(event) => choose(event.currentTarget.value)}
      >
        <option value="latest">live, from now</option>
        <option value="oldest">from the oldest</option>
        <option value="time">
          {start.kind === "time" ? `from ${formatTime(start.timeMs)}` : "from a time…"}
        </option>
        <option value="sequence">from a sequence number…</option>
      </select>
      {(start.kind === "time" || start.kind === "sequence") && (
        <button class="quiet" onClick={() => setAsked(start.kind === "time" ? "time" : "sequence")}>
          change
        </button>
      )}
      {asked === "time" && (
        <TimeDialog
          stream={props.stream}
          pick={(timeMs) => pick({ kind: "time", timeMs })}
          close={() => setAsked(undefined)}
        />
      )}
      {asked === "sequence" && (
        <SequenceDialog shards={props.shards} pick={pick} close={() => setAsked(undefined)} />
      )}
    </>
  );
}

function TimeDialog(props: { stream: string; pick: (timeMs: number) => void; close: () => void }) {
  const [text, setText] = useState(localText(Date.now() - 15 * 60_000));
  const pick = async () => {
    props.pick(new Date(text).getTime());
    props.close();
  };
  return (
    <Dialog title="Read from a time" close={props.close}>
      <HistogramPicker stream={props.stream} pick={(ms) => setText(localText(ms))} />
      <WorkForm submit="Read" cancel={props.close} work={pick}>
        <TextField
          label="Time, in this computer's zone"
          type="datetime-local"
          step="1"
          required
          value={text}
          set={setText}
        />
      </WorkForm>
    </Dialog>
  );
}

function SequenceDialog(props: {
  shards: readonly Shard[];
  pick: (start: Start) => void;
  close: () => void;
}) {
  const [shardId, setShard] = useState(props.shards[0]?.ShardId ?? "");
  const [sequenceNumber, setNumber] = useState("");
  const pick = async () => {
    props.pick({ kind: "sequence", shardId, sequenceNumber: sequenceNumber.trim() });
    props.close();
  };
  return (
    <Dialog title="Read from a sequence number" close={props.close}>
      <WorkForm submit="Read" cancel={props.close} work={pick}>
        <Field label="Shard" hint="Other shards are read from their oldest record.">
          <select value={shardId} onChange={(event) => setShard(event.currentTarget.value)}>
            {props.shards.map(({ ShardId }) => (
              <option key={ShardId} value={ShardId}>
                shard {shardIndex(ShardId)}
              </option>
            ))}
          </select>
        </Field>
        <TextField
          label="Sequence number"
          class="mono"
          pattern="\s*\d+\s*"
          required
          value={sequenceNumber}
          set={setNumber}
        />
      </WorkForm>
    </Dialog>
  );
}

/** As a datetime-local input takes it. */
function localText(ms: number): string {
  const offsetMs = new Date(ms).getTimezoneOffset() * 60_000;
  return new Date(ms - offsetMs).toISOString().slice(0, 19);
}
