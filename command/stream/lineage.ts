/**
 * Draws the shards of a stream as a forest: under each shard those that a split or merge made of
 * it. A shard of two parents is drawn once, under the first of them that is drawn, and names the
 * other.
 *
 *     shardId-000000000000  closed  00000000-ffffffff  100 %
 *     ├─ shardId-000000000001  closed  00000000-7fffffff  50 %
 *     │  └─ shardId-000000000003  open  00000000-ffffffff  100 %  also from 2
 *     └─ shardId-000000000002  closed  80000000-ffffffff  50 %
 */
import { formatHash, formatShare, type Shard, shortId } from "./shard.ts";

/** Paints the state of a shard. */
export type PaintState = (isOpen: boolean, text: string) => string;

/** One line for each shard. */
export function drawLineage(shards: readonly Shard[], paintState: PaintState): string[] {
  const known = new Map(shards.map((shard) => [shard.id, shard]));
  const drawn = new Set<string>();
  const lines: string[] = [];
  const draw = (shard: Shard, from: string | undefined, first: string, rest: string): void => {
    drawn.add(shard.id);
    lines.push(first + describe(shard, from, paintState));
    const children = shards.filter(
      ({ id, parents }) => parents.includes(shard.id) && !drawn.has(id),
    );
    for (const [i, child] of children.entries()) {
      // One that was drawn below a sibling meanwhile has its line.
      if (drawn.has(child.id)) continue;
      const isLast = i === children.length - 1;
      draw(child, shard.id, `${rest}${isLast ? "└─ " : "├─ "}`, `${rest}${isLast ? "   " : "│  "}`);
    }
  };
  for (const shard of shards) {
    const isRoot = shard.parents.every((parent) => !known.has(parent));
    if (isRoot && !drawn.has(shard.id)) draw(shard, undefined, "", "");
  }
  return lines;
}

function describe(shard: Shard, from: string | undefined, paintState: PaintState): string {
  const { id, firstHash, lastHash, isOpen, parents } = shard;
  const range = `${formatHash(firstHash)}-${formatHash(lastHash)}`;
  const others = parents.filter((parent) => parent !== from).map(shortId);
  const origin = from === undefined ? "from" : "also from";
  const note = others.length === 0 ? "" : `  ${origin} ${others.join(" and ")}`;
  const state = paintState(isOpen, isOpen ? "open" : "closed");
  return `${id}  ${state}  ${range}  ${formatShare(shard)}${note}`;
}
