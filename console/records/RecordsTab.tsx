// The records of a stream: followed live or read from a place, filtered, decoded, put.
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import type { Action } from "../api/permissions.ts";
import type { Shard } from "../api/kinesis.ts";
import { go, streamPath } from "../app/route.ts";
import { Failure } from "../ui/parts.tsx";
import { formatBytes, formatCount } from "../ui/format.ts";
import { shardIndex } from "../shards/lineage.ts";
import { RecordBuffer, type Row } from "./buffer.ts";
import { downloadNdjson } from "./download.ts";
import { filterText } from "./filter.ts";
import { FilterBar } from "./FilterBar.tsx";
import { queryOf, type Reading, readingOf, type Start } from "./position.ts";
import { PutPane, type Draft } from "./PutPane.tsx";
import { RecordDetail } from "./RecordDetail.tsx";
import { RecordList } from "./RecordList.tsx";
import { StartPicker } from "./StartPicker.tsx";
import { Tail, type TailState } from "./tail.ts";

/** The page is drawn anew this often at most: more cannot be read. */
const drawMs = 100;

const stateTexts: Record<TailState, string> = {
  reading: "reading",
  waiting: "live",
  reconnecting: "the server does not answer; trying again",
  paused: "paused",
  ended: "at the end: the shard is closed",
};

export interface RecordsProps {
  stream: string;
  shards: readonly Shard[];
  query: URLSearchParams;
  may: (action: Action) => boolean;
}

export function RecordsTab({ stream, shards, query, may }: RecordsProps) {
  // What is read stands in the address, so that a reload, a link and the way back show the same.
  const address = query.toString();
  const reading = useMemo(() => readingOf(new URLSearchParams(address)), [address]);
  const { start, shardId, filter } = reading;
  const [tries, tryAgain] = useState(0);
  const change = (changed: Partial<Reading>) => {
    const asked = `${streamPath(stream)}${queryOf({ ...reading, ...changed })}`;
    if (asked === location.pathname + location.search) tryAgain((times) => times + 1);
    else go(asked);
  };
  const [state, setState] = useState<TailState>("reading");
  const [error, setError] = useState<Error>();
  const [isPaused, setPaused] = useState(false);
  const [chosen, choose] = useState<Row>();
  const [draft, setDraft] = useState<Draft>();
  const buffer = useMemo(() => new RecordBuffer(), []);
  const [version, setVersion] = useState(0);
  const tail = useRef<Tail>(undefined);
  const list = useRef<HTMLDivElement>(null);

  useEffect(() => {
    buffer.clear();
    choose(undefined);
    setPaused(false);
    setError(undefined);
    setState("reading");
    let timer: ReturnType<typeof setTimeout> | undefined;
    const draw = () => {
      timer ??= setTimeout(() => {
        timer = undefined;
        setVersion((before) => before + 1);
      }, drawMs);
    };
    setVersion((before) => before + 1);
    let asked: { shards: Shard[]; filter: string | undefined };
    try {
      asked = { shards: shardsToRead(shards, shardId, start), filter: filterText(filter) };
    } catch (thrown) {
      tail.current = undefined;
      return setError(thrown as Error);
    }
    tail.current = new Tail({
      stream,
      start,
      ...asked,
      onRecords: (records) => {
        buffer.add(records);
        draw();
      },
      onState: setState,
      onError: setError,
    });
    return () => {
      clearTimeout(timer);
      tail.current?.stop();
    };
  }, [stream, reading, tries]);

  const close = () => {
    choose(undefined);
    list.current?.focus();
  };
  const pause = () => {
    if (isPaused) tail.current?.resume();
    else tail.current?.pause();
    setPaused(!isPaused);
  };

  return (
    <section class="records-tab">
      <div class="bar">
        <StartPicker
          start={start}
          stream={stream}
          shards={shards}
          pick={(to) => change({ start: to })}
        />
        <select
          aria-label="shard"
          value={shardId}
          onChange={(event) => change({ shardId: event.currentTarget.value })}
        >
          <option value="">all shards</option>
          {shards.map(({ ShardId }) => (
            <option key={ShardId} value={ShardId}>
              shard {shardIndex(ShardId)}
            </option>
          ))}
        </select>
        <button onClick={pause}>{isPaused ? "Resume" : "Pause"}</button>
        <span class={`live ${error === undefined ? state : "ended"}`} role="status">
          {error === undefined ? stateTexts[state] : "stopped"}
        </span>
        <span class="muted">
          {formatCount(buffer.arrived)} {buffer.arrived === 1 ? "record" : "records"},{" "}
          {formatBytes(buffer.arrivedBytes)}
          {buffer.dropped > 0 && `; the newest ${formatCount(buffer.rows.length)} are shown`}
        </span>
        <span class="grow" />
        <button class="quiet" onClick={() => downloadNdjson(stream, buffer.rows)}>
          download
        </button>
        {may("kinesis:PutRecord") && (
          <button class="primary" onClick={() => setDraft({ key: "", text: "" })}>
            Put a record
          </button>
        )}
      </div>
      <FilterBar filter={filter} apply={(to) => change({ filter: to })} />
      <Failure error={error} />
      <div class={chosen === undefined ? "split" : "split two"}>
        <div class="list">
          <div class="record heads" aria-hidden="true">
            <span class="time">arrived</span>
            <span class="shard">shard</span>
            <span class="key">key</span>
            <span class="data">data</span>
            <span class="size">size</span>
          </div>
          <RecordList
            box={list}
            buffer={buffer}
            version={version}
            chosen={chosen?.number}
            choose={choose}
          />
          {buffer.arrived === 0 && state === "waiting" && (
            <NothingYet stream={stream} start={start} put={() => setDraft({ key: "", text: "" })} />
          )}
        </div>
        {chosen && (
          <RecordDetail
            key={chosen.number}
            stream={stream}
            row={chosen}
            close={close}
            {...(may("kinesis:PutRecord") && { repeat: setDraft })}
          />
        )}
      </div>
      {draft && <PutPane stream={stream} draft={draft} close={() => setDraft(undefined)} />}
    </section>
  );
}

function NothingYet(props: { stream: string; start: Start; put: () => void }) {
  return (
    <p class="nothing muted">
      {props.start.kind === "latest" ? "Nothing new yet. " : "No records there. "}
      <button class="inline" onClick={props.put}>
        Put one
      </button>{" "}
      or run <code>aws kinesis put-record --stream-name {props.stream} …</code>: it appears here.
    </p>
  );
}

/**
 * The shards that a tail begins with; throws if there is no such shard. From the end these are the open ones. From an earlier place
 * they are those without a parent that is still there: the others follow from them.
 */
function shardsToRead(shards: readonly Shard[], shardId: string, start: Start): Shard[] {
  if (shardId !== "") {
    const found = shards.filter(({ ShardId }) => ShardId === shardId);
    if (found.length === 0) throw new Error(`The stream has no ${shardId}.`);
    return found;
  }
  if (start.kind === "latest") {
    return shards.filter(
      ({ SequenceNumberRange }) => SequenceNumberRange.EndingSequenceNumber === undefined,
    );
  }
  const ids = new Set(shards.map(({ ShardId }) => ShardId));
  return shards.filter(
    ({ ParentShardId, AdjacentParentShardId }) =>
      !ids.has(ParentShardId ?? "") && !ids.has(AdjacentParentShardId ?? ""),
  );
}
