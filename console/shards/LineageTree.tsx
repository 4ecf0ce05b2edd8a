// How the shards came from each other: time runs to the right, the hash space downwards.
import type { PlacedShard } from "./lineage.ts";

const columnWidth = 130;
const boxWidth = 84;
const heightMin = 160;
const heightMax = 1040;

export function LineageTree(props: {
  shards: readonly PlacedShard[];
  chosenId: string | undefined;
  choose: (shardId: string) => void;
}) {
  const { shards } = props;
  const columns = Math.max(...shards.map(({ column }) => column)) + 1;
  const inColumn = (column: number) => shards.filter((shard) => shard.column === column).length;
  const most = Math.max(...Array.from({ length: columns }, (_, column) => inColumn(column)));
  const height = Math.min(heightMax, Math.max(heightMin, most * 26));
  const top = ({ from }: PlacedShard) => from * height;
  const middle = ({ from, to }: PlacedShard) => ((from + to) / 2) * height;
  return (
    <div class="scroll">
      <svg
        class="tree"
        width={columns * columnWidth}
        height={height}
        role="group"
        aria-label="lineage of the shards"
      >
        {shards.flatMap((shard) =>
          shard.parents.map((parent) => {
            const [x, y] = [parent.column * columnWidth + boxWidth, middle(parent)];
            const [toX, toY] = [shard.column * columnWidth, middle(shard)];
            const bend = (x + toX) / 2;
            return (
              <path
                key={`${parent.index}-${shard.index}`}
                d={`M${x} ${y}C${bend} ${y} ${bend} ${toY} ${toX} ${toY}`}
              />
            );
          }),
        )}
        {shards.map((placed) => {
          const { shard, index, isOpen, column, from, to } = placed;
          const boxHeight = Math.max(3, (to - from) * height - 2);
          return (
            <g
              key={shard.ShardId}
              class={isOpen ? "open" : "closed"}
              role="button"
              tabIndex={0}
              aria-pressed={shard.ShardId === props.chosenId}
              aria-label={`shard ${index}, ${isOpen ? "open" : "closed"}`}
              onClick={() => props.choose(shard.ShardId)}
              onKeyDown={(event) => {
                if (event.key !== "Enter" && event.key !== " ") return;
                event.preventDefault();
                props.choose(shard.ShardId);
              }}
            >
              <title>{shard.ShardId}</title>
              <rect
                x={column * columnWidth}
                y={top(placed) + 1}
                width={boxWidth}
                height={boxHeight}
                rx={3}
              />
              {boxHeight >= 12 && (
                <text x={column * columnWidth + boxWidth / 2} y={top(placed) + 1 + boxHeight / 2}>
                  {index}
                </text>
              )}
            </g>
          );
        })}
      </svg>
    </div>
  );
}
