// The records of a stream: followed live or read from a place, filtered, decoded, put.
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import type { Action } from "../api/permissions.ts";
import type { Shard } from "../api/kinesis.ts";
import { Failure } from "../ui/parts.tsx";
import { formatBytes, formatCount } from "../ui/format.ts";
import { shardIndex } from "../shards/lineage.ts";
import { RecordBuffer, type Row } from "./buffer.ts";
import { downloadNdjson } from "./download.ts";
import { type Filter, filterText, noFilter } from "./filter.ts";
import { FilterBar } from "./FilterBar.tsx";
import type { Start } from "./position.ts";
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
  const [start, setStart] = useState<Start>(startOf(query));
  const [shardId, setShardId] = useState(query.get("shard") ?? "");
  const [filter, setFilter] = useState<Filter>(noFilter);
  const [state, setState] = useState<TailState>("reading");
  const [error, setError] = useState<Error>();
  const [isPaused, setPaused] = useState(false);
  const [chosen, choose] = useState<Row>();
  const [draft, setDraft] = useState<Draft>();
  const buffer = useMemo(() => new RecordBuffer(), []);
  const [version, setVersion] = useState(0);
  const tail = useRef<Tail>(undefined);

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
    tail.current = new Tail({
      stream,
      shards: shardsToRead(shards, shardId, start),
      start,
      filter: filterText(filter),
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
  }, [stream, shardId, start, filter]);

  const pause = () => {
    if (isPaused) tail.current?.resume();
    else tail.current?.pause();
    setPaused(!isPaused);
  };

  return (
    <section class="records-tab">
      <div class="bar">
        <StartPicker start={start} stream={stream} shards={shards} pick={setStart} />
        <select
          aria-label="shard"
          value={shardId}
          onChange={(event) => setShardId(event.currentTarget.value)}
        >
          <option value="">all shards</option>
          {shards.map(({ ShardId }) => (
            <option key={ShardId} value={ShardId}>
              shard {shardIndex(ShardId)}
            </option>
          ))}
        </select>
        <button onClick={pause}>{isPaused ? "Resume" : "Pause"}</button>
        <span class={`live ${state}`} role="status">
          {stateTexts[state]}
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
      <FilterBar filter={filter} apply={setFilter} />
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
          <RecordList buffer={buffer} version={version} chosen={chosen?.number} choose={choose} />
          {buffer.arrived === 0 && state === "waiting" && (
            <NothingYet stream={stream} start={start} put={() => setDraft({ key: "", text: "" })} />
          )}
        </div>
        {chosen && (
          <RecordDetail
            key={chosen.number}
            stream={stream}
            row={chosen}
            close={() => choose(undefined)}
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

function startOf(query: URLSearchParams): Start {
  const from = query.get("from") ?? "";
  if (/^\d{1,15}$/.test(from)) return { kind: "time", timeMs: Number(from) };
  return from === "oldest" ? { kind: "oldest" } : { kind: "latest" };
}

/**
 * The shards that a tail begins with. From the end these are the open ones. From an earlier place
 * they are those without a parent that is still there: the others follow from them.
 */
function shardsToRead(shards: readonly Shard[], shardId: string, start: Start): Shard[] {
  if (shardId !== "") return shards.filter(({ ShardId }) => ShardId === shardId);
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
