// The hash space as a band: each open shard is as wide as its share.
import type { PlacedShard } from "./lineage.ts";

export function HashBand(props: {
  shards: readonly PlacedShard[];
  chosenId: string | undefined;
  choose: (shardId: string) => void;
}) {
  const sorted = [...props.shards].sort((a, b) => a.from - b.from);
  return (
    <div class="band" role="group" aria-label="hash space, by shard">
      {sorted.map(({ shard, index, from, to }) => (
        <button
          key={shard.ShardId}
          style={{ flexGrow: (to - from) * 1000 }}
          aria-pressed={shard.ShardId === props.chosenId}
          aria-label={`shard ${index}, ${((to - from) * 100).toFixed(1)} % of the keys`}
          title={`${shard.ShardId}: ${((to - from) * 100).toFixed(1)} %`}
          onClick={() => props.choose(shard.ShardId)}
        >
          <span>{index}</span>
        </button>
      ))}
    </div>
  );
}
