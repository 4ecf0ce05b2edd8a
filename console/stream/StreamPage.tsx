// One stream: its head, and a tab for each thing to do with it.
import { useEffect, useRef, useState } from "preact/hooks";
import { listShards } from "../api/kinesis.ts";
import { usePermissions } from "../app/permissions.ts";
import { usePoll } from "../app/poll.ts";
import { go, streamPath, streamsPath, type StreamTab } from "../app/route.ts";
import { Failure, Link } from "../ui/parts.tsx";
import { formatBytes, formatCount, formatRate } from "../ui/format.ts";
import { ChartsTab } from "../charts/ChartsTab.tsx";
import { RecordsTab } from "../records/RecordsTab.tsx";
import { ShardsTab } from "../shards/ShardsTab.tsx";
import { QueuesTab } from "../queues/QueuesTab.tsx";
import { DeleteStream } from "../streams/DeleteStream.tsx";
import { type StreamActivity, useStreamActivity } from "../streams/activity.ts";
import { ConsumersTab } from "./ConsumersTab.tsx";
import { SettingsTab } from "./SettingsTab.tsx";

const tabNames: readonly [StreamTab, string][] = [
  ["records", "Records"],
  ["shards", "Shards"],
  ["charts", "Charts"],
  ["consumers", "Consumers"],
  ["queues", "Queues"],
  ["settings", "Settings"],
];

/** How often the shards are asked for that nothing has changed, as far as the page knows. */
const shardsMs = 10_000;

export interface StreamProps {
  stream: string;
  tab: StreamTab;
  query: URLSearchParams;
}

/** A stream that was made anew under the name is another one: what is shown of the earlier one goes. */
export function StreamPage(props: StreamProps) {
  const [creations, setCreations] = useState(0);
  return (
    <CreationPage key={creations} {...props} remade={() => setCreations((count) => count + 1)} />
  );
}

function CreationPage({ stream, tab, query, remade }: StreamProps & { remade: () => void }) {
  const activity = useStreamActivity(stream);
  const shards = usePoll(`${stream}/shards`, () => listShards(stream), shardsMs);
  // A split or a merge shows in the statistics at once.
  const shardCount = activity.stats?.length;
  useEffect(shards.refresh, [shardCount, activity.summary?.OpenShardCount]);
  const may = usePermissions(stream);
  const [isDeleting, setDeleting] = useState(false);
  const { summary, error } = activity;
  const known = useRef<number>(undefined);
  const createdSeconds = summary?.StreamCreationTimestamp;
  useEffect(() => {
    if (createdSeconds === undefined) return;
    if (known.current !== undefined && known.current !== createdSeconds) remade();
    known.current = createdSeconds;
  }, [createdSeconds]);
  if (summary === undefined && error !== undefined) {
    return (
      <>
        <h1>{stream}</h1>
        <Failure error={error} />
        <Link to={streamsPath()}>Back to the streams</Link>
      </>
    );
  }
  const isGone = error?.name === "ResourceNotFoundException";
  return (
    <>
      <div class="bar">
        <h1>{stream}</h1>
        {summary && !isGone && (
          <span class={`status ${summary.StreamStatus.toLowerCase()}`}>
            {summary.StreamStatus.toLowerCase()}
          </span>
        )}
        <Facts activity={activity} />
        <span class="grow" />
        {may("kinesis:DeleteStream") && (
          <button class="quiet" onClick={() => setDeleting(true)}>
            delete
          </button>
        )}
      </div>
      <Failure error={error ?? (shards.value === undefined ? shards.error : undefined)} />
      <nav class="tabs" aria-label="parts of the stream">
        {tabNames.map(([name, label]) => (
          <Link key={name} to={streamPath(stream, name)} current={name === tab}>
            {label}
          </Link>
        ))}
      </nav>
      {tab === "records" && shards.value && (
        <RecordsTab stream={stream} shards={shards.value} query={query} may={may} />
      )}
      {tab === "shards" && shards.value && (
        <ShardsTab
          stream={stream}
          shards={shards.value}
          stats={activity.stats ?? []}
          may={may}
          isOnDemand={summary?.StreamModeDetails?.StreamMode === "ON_DEMAND"}
          changed={() => {
            shards.refresh();
            activity.refresh();
          }}
        />
      )}
      {tab === "charts" && <ChartsTab stream={stream} activity={activity} />}
      {tab === "consumers" && summary && (
        <ConsumersTab stream={summary} readers={activity.readers} may={may} />
      )}
      {tab === "queues" && summary && (
        <QueuesTab stream={summary} stats={activity.queues} may={may} changed={activity.refresh} />
      )}
      {tab === "settings" && summary && (
        <SettingsTab
          stream={summary}
          may={may}
          changed={activity.refresh}
          shards={shards.value ?? []}
        />
      )}
      {isDeleting && (
        <DeleteStream
          stream={stream}
          close={() => setDeleting(false)}
          deleted={() => go(streamsPath())}
        />
      )}
    </>
  );
}

function Facts({ activity }: { activity: StreamActivity }) {
  const { summary, rates, storedBytes } = activity;
  const now = rates.at(-1);
  if (summary === undefined) return null;
  const facts = [
    `${formatCount(summary.OpenShardCount)} ${summary.OpenShardCount === 1 ? "shard" : "shards"}`,
    `${summary.RetentionPeriodHours} h kept`,
    ...(storedBytes === undefined ? [] : [`${formatBytes(storedBytes)} stored`]),
    ...(now === undefined
      ? []
      : [`${formatRate(now.recordsPerSecond)} records/s`, `${formatBytes(now.bytesPerSecond)}/s`]),
  ];
  return <span class="muted facts">{facts.join(" · ")}</span>;
}
