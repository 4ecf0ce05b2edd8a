// Puts records: one from text or a file, or many from a file of NDJSON.
import { randomKey } from "./randomKey.ts";
import { useState } from "preact/hooks";
import { call } from "../api/kinesis.ts";
import { Dialog, Field, TextField, WorkForm } from "../ui/parts.tsx";
import { formatCount } from "../ui/format.ts";
import { fromBase64, toBase64 } from "./decode/base64.ts";
import { readText } from "./decode/views.ts";
import { putLines } from "./putLines.ts";

/** What the pane begins with. */
export interface Draft {
  key: string;
  text: string;
  /** Data of a record that is put again; shown as text if it is text. */
  base64?: string;
}

const editedBase64Max = 300_000;

export function PutPane(props: { stream: string; draft: Draft; close: () => void }) {
  const { stream, draft, close } = props;
  // A long text takes a browser seconds to lay out: it is put again as it is.
  const isLong = (draft.base64?.length ?? 0) > editedBase64Max;
  const repeated =
    draft.base64 === undefined || isLong ? undefined : readText(fromBase64(draft.base64));
  const isBinary = draft.base64 !== undefined && repeated === undefined;
  const [key, setKey] = useState(draft.key);
  const [text, setText] = useState(repeated ?? draft.text);
  const [file, setFile] = useState<File>();
  const [done, setDone] = useState("");
  const put = async () => {
    const bytes = file ? new Uint8Array(await file.arrayBuffer()) : new TextEncoder().encode(text);
    const Data = isBinary && file === undefined ? draft.base64 : toBase64(bytes);
    const { ShardId, SequenceNumber } = await call<{ ShardId: string; SequenceNumber: string }>(
      "PutRecord",
      { StreamName: stream, PartitionKey: key === "" ? randomKey() : key, Data },
    );
    setDone(`Stored in ${ShardId} as ${SequenceNumber}.`);
  };
  return (
    <Dialog title={`Put into ${stream}`} close={close}>
      <WorkForm submit="Put" cancel={close} work={put}>
        <TextField
          label="Partition key"
          hint="Empty: a random one."
          name="putKey"
          maxLength={256}
          value={key}
          set={setKey}
        />
        <Field label={isBinary ? "Data: the bytes of the record, unless a file is chosen" : "Data"}>
          <textarea
            name="putData"
            class="mono"
            rows={8}
            spellcheck={false}
            disabled={file !== undefined || isBinary}
            value={text}
            onInput={(event) => setText(event.currentTarget.value)}
          />
        </Field>
        <Field label="Or a file">
          <input
            type="file"
            onChange={(event) => setFile(event.currentTarget.files?.[0] ?? undefined)}
          />
        </Field>
        <p role="status">{done}</p>
      </WorkForm>
      <PutMany stream={stream} />
    </Dialog>
  );
}

function PutMany({ stream }: { stream: string }) {
  const [file, setFile] = useState<File>();
  const [progress, setProgress] = useState({ put: 0, share: 0 });
  const put = async () => {
    if (file === undefined) return;
    await putLines(stream, file, (count, share) => setProgress({ put: count, share }));
  };
  return (
    <details>
      <summary>Put many, from NDJSON</summary>
      <WorkForm submit="Put all" disabled={file === undefined} work={put}>
        <p class="muted">
          One record a line: an object with <code>partitionKey</code> and <code>data</code> (or{" "}
          <code>dataBase64</code>), as “download” writes it. Any other line is the data itself.
        </p>
        <Field label="File">
          <input
            type="file"
            name="lines"
            onChange={(event) => setFile(event.currentTarget.files?.[0] ?? undefined)}
          />
        </Field>
        {progress.put > 0 && (
          <p role="status">
            <progress max={1} value={progress.share} /> {formatCount(progress.put)} records
          </p>
        )}
      </WorkForm>
    </details>
  );
}
