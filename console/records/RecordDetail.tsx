// One record, decoded in every way that fits.
import { randomKey } from "./randomKey.ts";
import { useEffect, useState } from "preact/hooks";
import { Copy } from "../ui/parts.tsx";
import { cutText, formatBytes, formatCount, formatTime } from "../ui/format.ts";
import type { Row } from "./buffer.ts";
import { fromBase64, toBase64 } from "./decode/base64.ts";
import { printExactly } from "./decode/exactJson.ts";
import { decodeViews, readText, type View } from "./decode/views.ts";
import { HexDump, hexText } from "./HexDump.tsx";
import { JsonTree } from "./JsonTree.tsx";
import type { Draft } from "./PutPane.tsx";

/** Records of an aggregate that are shown, and how much of each. */
const userRecordsMax = 500;
const userTextMax = 2000;

export function RecordDetail(props: {
  stream: string;
  row: Row;
  close: () => void;
  /** Missing if the caller may not put. */
  repeat?: (draft: Draft) => void;
}) {
  const { repeat } = props;
  const { record, dataBytes } = props.row;
  const [views, setViews] = useState<View[]>([]);
  const [chosen, setChosen] = useState(0);
  useEffect(() => {
    void decodeViews(fromBase64(record.Data)).then(setViews);
  }, [record]);
  const view = views[chosen];
  return (
    <aside
      class="detail"
      aria-label="record"
      onKeyDown={(event) => event.key === "Escape" && props.close()}
    >
      <div class="bar">
        <h3>{record.PartitionKey}</h3>
        <span class="grow" />
        {repeat && (
          <button
            class="quiet"
            onClick={() => repeat({ key: record.PartitionKey, base64: record.Data, text: "" })}
          >
            put again
          </button>
        )}
        <Copy label="curl" text={() => curlOf(props.stream, record.PartitionKey, record.Data)} />
        <button class="quiet" aria-label="close" onClick={props.close}>
          ×
        </button>
      </div>
      <dl class="facts-list">
        <dt>Arrived</dt>
        <dd>{formatTime(record.ApproximateArrivalTimestamp * 1000)}</dd>
        <dt>Shard</dt>
        <dd class="mono">{record.shardId}</dd>
        <dt>Sequence</dt>
        <dd class="mono">{record.SequenceNumber}</dd>
        <dt>Size</dt>
        <dd>{formatBytes(dataBytes)}</dd>
      </dl>
      <div class="tabs small" role="group" aria-label="shown as">
        {views.map(({ label }, i) => (
          <button key={label} aria-pressed={i === chosen} onClick={() => setChosen(i)}>
            {label}
          </button>
        ))}
        <span class="grow" />
        {view && <Copy text={() => textOf(view)} />}
      </div>
      {view && <ViewBody view={view} />}
    </aside>
  );
}

function ViewBody({ view }: { view: View }) {
  switch (view.kind) {
    case "json":
      return (
        <div class="code">
          <JsonTree value={view.value} depth={0} />
        </div>
      );
    case "text":
      return (
        <pre class="code" tabIndex={0}>
          {cutText(view.text)}
        </pre>
      );
    case "hex":
      return <HexDump bytes={view.bytes} />;
    case "aggregate":
      return (
        <ol class="aggregate">
          {view.records.slice(0, userRecordsMax).map((record, i) => (
            <li key={i}>
              <b>{record.partitionKey}</b>{" "}
              <code>{cutText(readText(record.data) ?? hexText(record.data), userTextMax)}</code>
            </li>
          ))}
          {view.records.length > userRecordsMax && (
            <li class="muted">
              {formatCount(view.records.length - userRecordsMax)} more; copy has all
            </li>
          )}
        </ol>
      );
  }
}

function textOf(view: View): string {
  switch (view.kind) {
    case "json":
      return printExactly(view.value, toBase64) ?? view.text ?? "";
    case "text":
      return view.text;
    case "hex":
      return hexText(view.bytes);
    case "aggregate":
      return view.records.map(({ data }) => readText(data) ?? hexText(data)).join("\n");
  }
}

/**
 * An open server takes any signature; with keys, curl signs by itself. Records of other dialects may have no key,
 * and those of Kinesis must.
 */
function curlOf(stream: string, key: string | undefined, Data: string): string {
  const PartitionKey = key || randomKey();
  const body = JSON.stringify({ StreamName: stream, PartitionKey, Data });
  return [
    `curl ${location.origin}/ --aws-sigv4 aws:amz:us-east-1:kinesis \\`,
    '  --user "$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY" \\',
    "  -H 'content-type: application/x-amz-json-1.1' \\",
    "  -H 'x-amz-target: Kinesis_20131202.PutRecord' \\",
    `  -d '${body.replaceAll("'", "'\\''")}'`,
  ].join("\n");
}
