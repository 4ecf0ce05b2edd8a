// The list of streams, with what arrives in each now.
import { useState } from "preact/hooks";
import { listStreams, type StreamSummary } from "../api/kinesis.ts";
import { usePermissions } from "../app/permissions.ts";
import { usePoll } from "../app/poll.ts";
import { streamPath } from "../app/route.ts";
import { useVisible } from "../app/visible.ts";
import { Failure, type Head, Link, Sparkline, Table } from "../ui/parts.tsx";
import { formatAge, formatBytes, formatCount, formatRate } from "../ui/format.ts";
import { CreateStream } from "./CreateStream.tsx";
import { DeleteStream } from "./DeleteStream.tsx";
import { FirstSteps } from "./FirstSteps.tsx";
import { useStreamActivity } from "./activity.ts";

type Asked = { dialog: "create" } | { dialog: "delete"; stream: string };

/** More rows than this are shown in parts. */
const pageRows = 50;

/** How often a row in sight asks, at most; with many streams so seldom that the page makes five calls a second. */
const sampleMsMin = 2000;
const callMs = 200;

const heads: readonly Head[] = [
  { name: "Name" },
  { name: "Status" },
  { name: "Shards", is: "number" },
  { name: "Records/s", is: "number" },
  { name: "activity", is: "hidden" },
  { name: "Bytes/s", is: "number" },
  { name: "Stored", is: "number" },
  { name: "Last arrival" },
  { name: "Retention" },
  { name: "actions", is: "hidden" },
];

export function StreamsPage() {
  const { value: streams, error, refresh } = usePoll("streams", listStreams, 3000);
  const may = usePermissions();
  const [asked, setAsked] = useState<Asked>();
  const [wanted, setWanted] = useState("");
  const [rows, setRows] = useState(pageRows);
  const close = () => {
    setAsked(undefined);
    refresh();
  };
  const found = streams?.filter(({ StreamName }) => StreamName.includes(wanted)) ?? [];
  const shown = found.slice(0, rows);
  return (
    <>
      <div class="bar">
        <h1>Streams</h1>
        {streams !== undefined && streams.length > 0 && (
          <>
            <span class="muted">{formatCount(streams.length)}</span>
            <input
              type="search"
              placeholder="filter by name"
              aria-label="filter by name"
              value={wanted}
              onInput={(event) => setWanted(event.currentTarget.value)}
            />
          </>
        )}
        <span class="grow" />
        {may("kinesis:CreateStream") && (
          <button class="primary" onClick={() => setAsked({ dialog: "create" })}>
            Create stream
          </button>
        )}
      </div>
      <Failure error={error} />
      {streams?.length === 0 && <FirstSteps create={() => setAsked({ dialog: "create" })} />}
      {shown.length > 0 && (
        <Table heads={heads}>
          {shown.map((stream) => (
            <StreamRow
              key={stream.StreamARN}
              stream={stream}
              intervalMs={Math.max(sampleMsMin, shown.length * callMs)}
              remove={() => setAsked({ dialog: "delete", stream: stream.StreamName })}
            />
          ))}
        </Table>
      )}
      {streams !== undefined && streams.length > 0 && found.length === 0 && (
        <p>No stream has “{wanted}” in its name.</p>
      )}
      {found.length > rows && (
        <button onClick={() => setRows(rows + pageRows)}>
          Show more ({formatCount(found.length - rows)} left)
        </button>
      )}
      {asked?.dialog === "create" && <CreateStream close={close} />}
      {asked?.dialog === "delete" && <DeleteStream stream={asked.stream} close={close} />}
    </>
  );
}

function StreamRow(props: { stream: StreamSummary; intervalMs: number; remove: () => void }) {
  const { stream, intervalMs, remove } = props;
  const name = stream.StreamName;
  const isThere = stream.StreamStatus !== "CREATING" && stream.StreamStatus !== "DELETING";
  const [row, isShown] = useVisible<HTMLTableRowElement>();
  const activity = useStreamActivity(name, { isThere, isShown, intervalMs });
  const may = usePermissions(name, isShown);
  const { rates, storedBytes, lastArrivalMs, summary } = activity;
  const now = rates.at(-1);
  return (
    <tr ref={row}>
      <td class="name">
        <Link to={streamPath(name)}>{name}</Link>
      </td>
      <td>
        <span class={`status ${stream.StreamStatus.toLowerCase()}`}>
          {stream.StreamStatus.toLowerCase()}
        </span>{" "}
        <span class="muted">
          {stream.StreamModeDetails?.StreamMode === "ON_DEMAND" ? "on demand" : ""}
        </span>
      </td>
      <td class="number">{summary?.OpenShardCount ?? ""}</td>
      <td class="number">{now === undefined ? "" : formatRate(now.recordsPerSecond)}</td>
      <td>
        <Sparkline
          values={rates.map((rate) => rate.recordsPerSecond)}
          label={`records a second into ${name} while this page is open`}
        />
      </td>
      <td class="number">{now === undefined ? "" : formatBytes(now.bytesPerSecond)}</td>
      <td class="number">{storedBytes === undefined ? "" : formatBytes(storedBytes)}</td>
      <td>{lastArrivalMs === undefined ? "" : formatAge(lastArrivalMs)}</td>
      <td>{summary === undefined ? "" : `${summary.RetentionPeriodHours} h`}</td>
      <td>
        {may("kinesis:DeleteStream") && (
          <button class="quiet" aria-label={`delete ${name}`} onClick={remove}>
            delete
          </button>
        )}
      </td>
    </tr>
  );
}
