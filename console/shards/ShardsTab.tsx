// The shards of a stream: the hash space as a band, their lineage, a table, and what can be changed.
import { useMemo, useRef, useState } from "preact/hooks";
import { call, type Shard } from "../api/kinesis.ts";
import type { Action } from "../api/permissions.ts";
import type { ShardStats } from "../api/stats.ts";
import { go, streamPath } from "../app/route.ts";
import { storedBytesOf } from "../streams/activity.ts";
import { useAttempt } from "../ui/attempt.ts";
import { Dialog, Failure, TextField, WorkForm } from "../ui/parts.tsx";
import { formatBytes, formatCount, formatTime } from "../ui/format.ts";
import { HashBand } from "./HashBand.tsx";
import { LineageTree } from "./LineageTree.tsx";
import { middleOf, neighboursOf, type PlacedShard, placeShards } from "./lineage.ts";

interface ShardsProps {
  stream: string;
  shards: readonly Shard[];
  stats: readonly ShardStats[];
  isOnDemand: boolean;
  may: (action: Action) => boolean;
  changed: () => void;
}

export function ShardsTab({ stream, shards, stats, isOnDemand, may, changed }: ShardsProps) {
  const placed = useMemo(() => placeShards(shards), [shards]);
  const [chosenId, choose] = useState<string>();
  const [isCounting, setCounting] = useState(false);
  const tab = useRef<HTMLElement>(null);
  /** The focus goes back to where the shard was chosen. */
  const close = () => {
    tab.current?.querySelector<HTMLElement>('[aria-pressed="true"]')?.focus();
    choose(undefined);
  };
  const chosen = placed.find(({ shard }) => shard.ShardId === chosenId);
  const open = placed.filter(({ isOpen }) => isOpen);
  return (
    <section ref={tab}>
      <div class="bar">
        <h2>Hash space</h2>
        <span class="muted">
          A record goes to the shard whose range has the MD5 of its partition key.
        </span>
        <span class="grow" />
        {!isOnDemand && may("kinesis:UpdateShardCount") && (
          <button onClick={() => setCounting(true)}>Change the number</button>
        )}
      </div>
      <HashBand shards={open} chosenId={chosenId} choose={choose} />
      {chosen && (
        <ShardCard
          key={chosen.shard.ShardId}
          stream={stream}
          shard={chosen}
          all={placed}
          stats={stats.find(({ index }) => index === chosen.index)}
          may={may}
          changed={changed}
          close={close}
        />
      )}
      {placed.length > open.length && (
        <>
          <h2>Lineage</h2>
          <LineageTree shards={placed} chosenId={chosenId} choose={choose} />
        </>
      )}
      <h2>All shards</h2>
      <ShardTable shards={placed} stats={stats} choose={choose} />
      {isCounting && (
        <ChangeCount
          stream={stream}
          count={open.length}
          close={() => setCounting(false)}
          changed={changed}
        />
      )}
    </section>
  );
}

function ShardCard(props: {
  stream: string;
  shard: PlacedShard;
  all: readonly PlacedShard[];
  stats: ShardStats | undefined;
  may: (action: Action) => boolean;
  changed: () => void;
  close: () => void;
}) {
  const { stream, shard, all, stats, may, changed } = props;
  const { ShardId, HashKeyRange, SequenceNumberRange } = shard.shard;
  const [at, setAt] = useState(middleOf(shard.shard) ?? "");
  const { failure, attempt } = useAttempt();
  const neighbours = shard.isOpen && may("kinesis:MergeShards") ? neighboursOf(shard, all) : [];
  const split = async () => {
    await call("SplitShard", { StreamName: stream, ShardToSplit: ShardId, NewStartingHashKey: at });
    props.close();
    changed();
  };
  const merge = (other: PlacedShard) =>
    attempt(async () => {
      await call("MergeShards", {
        StreamName: stream,
        ShardToMerge: ShardId,
        AdjacentShardToMerge: other.shard.ShardId,
      });
      props.close();
      changed();
    });
  return (
    <section class="card wide" aria-label={ShardId}>
      <div class="bar">
        <h3 class="mono">{ShardId}</h3>
        <span class={`status ${shard.isOpen ? "active" : "closed"}`}>
          {shard.isOpen ? "open" : "closed"}
        </span>
        <span class="grow" />
        <button
          class="quiet"
          onClick={() => go(`${streamPath(stream)}?shard=${ShardId}&from=oldest`)}
        >
          read it
        </button>
        <button class="quiet" aria-label="close" onClick={props.close}>
          ×
        </button>
      </div>
      <dl class="facts-list">
        <dt>Hash keys</dt>
        <dd class="mono">
          {HashKeyRange.StartingHashKey} – {HashKeyRange.EndingHashKey}
        </dd>
        <dt>Sequence numbers</dt>
        <dd class="mono">
          {SequenceNumberRange.StartingSequenceNumber}
          {SequenceNumberRange.EndingSequenceNumber
            ? ` – ${SequenceNumberRange.EndingSequenceNumber}`
            : " –"}
        </dd>
        {stats && <StatFacts stats={stats} />}
      </dl>
      <Failure error={failure} />
      {shard.isOpen && (
        <div class="pair">
          {may("kinesis:SplitShard") && (
            <WorkForm submit="Split here" disabled={at === ""} work={split}>
              <TextField
                label="Hash key where the second half begins"
                name="hashKey"
                class="mono"
                pattern="\d+"
                required
                value={at}
                set={setAt}
              />
            </WorkForm>
          )}
          <div class="merge">
            {neighbours.map((other) => (
              <button key={other.index} onClick={() => void merge(other)}>
                Merge with {other.index}
              </button>
            ))}
          </div>
        </div>
      )}
    </section>
  );
}

function StatFacts({ stats }: { stats: ShardStats }) {
  const { first, last, tail, segments } = stats;
  return (
    <>
      <dt>Records kept</dt>
      <dd>
        {formatCount(stats.records)}
        {first && last && ` · ${formatTime(first.arrivalMs)} to ${formatTime(last.arrivalMs)}`}
      </dd>
      <dt>Tail</dt>
      <dd>
        {formatBytes(tail.bytes)} in {formatCount(tail.chunks)} chunks
      </dd>
      <dt>Segments</dt>
      <dd>
        {formatCount(segments.count)} · {formatBytes(segments.sqliteBytes)} in SQLite ·{" "}
        {formatBytes(segments.r2Bytes)} in the bucket
        {segments.damaged > 0 && <b class="bad"> · {segments.damaged} damaged</b>}
      </dd>
      <dt>Since the object started</dt>
      <dd>
        {formatCount(stats.commits)} commits · {formatCount(stats.rowsWritten)} rows ·{" "}
        {formatCount(stats.reads)} reads
      </dd>
    </>
  );
}

function ShardTable(props: {
  shards: readonly PlacedShard[];
  stats: readonly ShardStats[];
  choose: (shardId: string) => void;
}) {
  const byIndex = new Map(props.stats.map((one) => [one.index, one]));
  return (
    <div class="scroll">
      <table>
        <thead>
          <tr>
            <th class="number">Shard</th>
            <th>State</th>
            <th>Share</th>
            <th>Parents</th>
            <th class="number">Records</th>
            <th class="number">Tail</th>
            <th class="number">Segments</th>
            <th class="number">In the bucket</th>
            <th>First record</th>
            <th>Last record</th>
          </tr>
        </thead>
        <tbody>
          {props.shards.map(({ shard, index, isOpen, from, to, parents }) => {
            const stats = byIndex.get(index);
            return (
              <tr key={shard.ShardId} class={isOpen ? "" : "muted"}>
                <td class="number">
                  <button class="inline" onClick={() => props.choose(shard.ShardId)}>
                    {index}
                  </button>
                </td>
                <td>{isOpen ? "open" : "closed"}</td>
                <td>{((to - from) * 100).toFixed(1)} %</td>
                <td>{parents.map((parent) => parent.index).join(" + ")}</td>
                <td class="number">{stats && formatCount(stats.records)}</td>
                <td class="number">{stats && formatBytes(stats.tail.bytes)}</td>
                <td class="number">
                  {stats &&
                    `${formatCount(stats.segments.count)} · ${formatBytes(storedBytesOf(stats))}`}
                </td>
                <td class="number">{stats && formatBytes(stats.segments.r2Bytes)}</td>
                <td>{stats?.first && formatTime(stats.first.arrivalMs)}</td>
                <td>{stats?.last && formatTime(stats.last.arrivalMs)}</td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}

function ChangeCount(props: {
  stream: string;
  count: number;
  close: () => void;
  changed: () => void;
}) {
  const [count, setCount] = useState(String(props.count));
  const change = async () => {
    await call("UpdateShardCount", {
      StreamName: props.stream,
      TargetShardCount: Number(count),
      ScalingType: "UNIFORM_SCALING",
    });
    props.close();
    props.changed();
  };
  return (
    <Dialog title="Change the number of shards" close={props.close}>
      <WorkForm submit="Change" cancel={props.close} work={change}>
        <TextField
          label="Open shards"
          hint="From half to twice the present number."
          name="count"
          type="number"
          min={1}
          max={10000}
          required
          value={count}
          set={setCount}
        />
      </WorkForm>
    </Dialog>
  );
}
