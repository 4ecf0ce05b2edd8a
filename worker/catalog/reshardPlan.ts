// Plans splits and merges: pure functions. A plan names the shards to create and those to close,
// with every time that will be printed; reshardRunner.ts carries it out.
//
// Times in sequence numbers are whole seconds. A shard is created one second after the end of the
// shard that it continues (observed at the service: kinesalite test/splitShard.js), so numbers grow
// along every line of descent. Such a creation may be ahead of the clock. Nothing waits for it, and
// arrival times do not depend on it, only sequence numbers do (ShardDescription, createdAhead). The
// moment at which shards take over is in milliseconds, the same for all shards of a change.
import type { ReshardOrder } from "../core/control.ts";
import { isOver, timeLeft } from "../core/clock.ts";
import { StreamError } from "../errors.ts";
import { shardsMax } from "../limits.ts";
import {
  findShard,
  hashHex,
  hashNumber,
  type HashRange,
  splitHashRange,
} from "../core/hashRange.ts";
import { shardUid } from "../engine/shardUid.ts";
import type { Resharding, ShardDescription, ShardEnd, StreamDescription } from "../core/types.ts";

const SECOND_MS = 1000;
const DAY_MS = 86_400_000;

/**
 * Widths that differ by less than this count as equal: halves of an odd range differ by one key.
 */
const tolerance = 1e-9;

/** A shard during planning. */
interface Piece {
  index: number;
  parents: number[];
  start: bigint;
  end: bigint;
  /** Approximate number of keys in the range, for comparisons. */
  width: number;
  /** 0 for an existing shard; for others one more than that of their parents. */
  generation: number;
  /** Indexes of the shards that replace this one. */
  replacedBy?: number;
}

/**
 * Throws `shardNotFound`, `shardClosed`, `hashOutOfRange`, `shardsNotAdjacent`, `tooFewShards`,
 * `tooManyShards` before any shard is planned, and `streamNotActive` when the shards are not the
 * ones that were counted.
 */
export function planResharding(
  stream: StreamDescription,
  order: ReshardOrder,
  earliestMs: number,
  nowMs: number,
): Resharding {
  if ("to" in order && order.to > shardsMax) {
    throw new StreamError("tooManyShards", { limit: shardsMax });
  }
  const draft = new Draft(stream);
  switch (order.kind) {
    case "split":
      draft.split(draft.open(order.shard), hashNumber(order.hash));
      break;
    case "merge":
      draft.merge(draft.open(order.shard), draft.open(order.adjacent));
      break;
    case "recount":
      if (draft.pieces.length !== order.from) {
        throw new StreamError("streamNotActive", { stream: stream.name, status: "UPDATING" });
      }
      if (order.to > order.from) draft.splitAll();
      draft.growTo(order.to);
      draft.shrinkTo(order.to);
      break;
    case "recut":
      return planRecut(stream, order.to, earliestMs, nowMs);
  }
  return draft.timed(stream, earliestMs, nowMs);
}

/**
 * Divides the keys into equal shares for the open shards, in order of their numbers, new ones last.
 * Keys move between shards, as v3io and Yandex Data Streams describe the growth of a stream. Throws
 * `tooFewShards`.
 */
function planRecut(
  { name, uid, shards, cut }: StreamDescription,
  to: number,
  earliestMs: number,
  nowMs: number,
): Resharding {
  const first = Math.max(...shards.map(({ index }) => index)) + 1;
  if (to < first) throw new StreamError("tooFewShards", { stream: name, current: first, to });
  const open = shards.filter(({ closedMs }) => closedMs === undefined).map(({ index }) => index);
  const made = Array.from({ length: to - first }, (_, i) => first + i);
  const indexes = [...open.sort((a, b) => a - b), ...made];
  const ranges = splitHashRange(indexes.length, cut);
  const recut = indexes.map((index, i) => {
    const { start, end } = ranges[i] as HashRange;
    return { index, hashStart: start, hashEnd: end };
  });
  // Created before any record that it can get, like the first shards of a stream.
  const createdMs = (Math.floor(nowMs / SECOND_MS) - 2) * SECOND_MS;
  return {
    made: recut
      .filter(({ index }) => index >= first)
      .map((range) => Object.assign({ uid: shardUid(uid, range.index), createdMs }, range)),
    closing: [],
    recut,
    notBeforeMs: earliestMs,
    waitMs: earliestMs - nowMs,
  };
}

/**
 * The stream after its resharding; `ends` are those of the closed shards, in the plan's order. All
 * closed shards get the same end, the last of their ends, and the new ones begin with the next
 * millisecond. So in every millisecond each key belongs to exactly one shard.
 */
export function finishResharding(
  stream: StreamDescription,
  plan: Resharding,
  ends: readonly ShardEnd[],
): StreamDescription {
  const { resharding: _, ...rest } = stream;
  const closedMs = Math.max(...ends.map((end) => end.closedMs), ...openings(stream, plan));
  const closed = new Map(
    plan.closing.map(({ index, endMs }, i) => [index, { ...ends[i], closedMs, endMs }]),
  );
  const ranges = new Map(plan.recut?.map((range) => [range.index, range]));
  const shards = stream.shards.map((shard) => ({
    ...shard,
    ...ranges.get(shard.index),
    ...closed.get(shard.index),
  }));
  const made = plan.made.map((shard) => ({
    ...shard,
    openedMs: closedMs + 1,
    ...(shard.closedMs !== undefined && { closedMs }),
  }));
  return { ...rest, shards: [...shards, ...made] };
}

/**
 * The first millisecond in which the shard had its keys; a stream's first shards have no such
 * bound.
 */
export function openedMs(shards: readonly ShardDescription[], shard: ShardDescription): number {
  if (shard.openedMs !== undefined) return shard.openedMs;
  const ends = (shard.parents ?? []).map((parent) => findShard(shards, parent)?.closedMs ?? 0);
  return Math.max(0, ...ends.map((endMs) => endMs + 1));
}

/**
 * When the shards that a change closes began; for a change that closes none, when the newest shard
 * began.
 */
function openings({ shards }: StreamDescription, { closing }: Resharding): number[] {
  if (closing.length === 0) return shards.map((shard) => openedMs(shards, shard) - 1);
  return closing.map(({ index }) => {
    const shard = findShard(shards, index);
    return shard === undefined ? 0 : openedMs(shards, shard);
  });
}

/** The remaining time before a change may close shards. */
export function waitLeft({ notBeforeMs, waitMs = notBeforeMs }: Resharding, nowMs: number): number {
  return timeLeft(notBeforeMs - waitMs, waitMs, nowMs);
}

/** The times at which the number of shards was changed within the day before `nowMs`. */
export function recentRecounts({ recountsMs = [] }: StreamDescription, nowMs: number): number[] {
  return recountsMs.filter((timeMs) => !isOver(timeMs, DAY_MS, nowMs));
}

/** Open shards in the order of hash keys, and their replacements. */
class Draft {
  readonly pieces: Piece[];
  private readonly shards: readonly ShardDescription[];
  private readonly name: string;
  private readonly old: Piece[];
  private readonly made: Piece[] = [];
  private nextIndex: number;

  constructor({ name, shards }: StreamDescription) {
    this.name = name;
    this.shards = shards;
    // The newest shard is always open, so it is always listed.
    this.nextIndex = Math.max(...shards.map((shard) => shard.index)) + 1;
    this.pieces = shards
      .filter((shard) => shard.closedMs === undefined)
      .map(({ index, hashStart, hashEnd }) =>
        piece(index, [], hashNumber(hashStart), hashNumber(hashEnd), 0),
      )
      .sort((a, b) => (a.start < b.start ? -1 : 1));
    this.old = [...this.pieces];
  }

  open(index: number): Piece {
    const found = this.pieces.find((each) => each.index === index);
    if (found !== undefined) return found;
    const isListed = this.shards.some((shard) => shard.index === index);
    throw new StreamError(isListed ? "shardClosed" : "shardNotFound", {
      stream: this.name,
      shard: index,
    });
  }

  split(whole: Piece, at: bigint): void {
    if (at <= whole.start || at > whole.end) {
      throw new StreamError("hashOutOfRange", { stream: this.name, shard: whole.index });
    }
    const halves = [this.make([whole], whole.start, at - 1n), this.make([whole], at, whole.end)];
    this.pieces.splice(this.pieces.indexOf(whole), 1, ...halves);
  }

  merge(first: Piece, second: Piece): void {
    if (first.end + 1n !== second.start) {
      const { index: shard } = first;
      throw new StreamError("shardsNotAdjacent", {
        stream: this.name,
        shard,
        adjacent: second.index,
      });
    }
    const whole = this.make([first, second], first.start, second.end);
    this.pieces.splice(this.pieces.indexOf(first), 2, whole);
  }

  splitAll(): void {
    const divisible = this.pieces.filter(({ start, end }) => end > start);
    for (const each of divisible) this.split(each, middle(each));
  }

  growTo(count: number): void {
    while (this.pieces.length < count) {
      const widest = this.pieces.reduce((a, b) => (b.width > a.width * (1 + tolerance) ? b : a));
      this.split(widest, middle(widest));
    }
  }

  /** Merges the two narrowest neighbours; the first pair if several are equal. */
  shrinkTo(count: number): void {
    while (this.pieces.length > count) {
      let best = 0;
      let bestWidth = Infinity;
      for (let i = 0; i + 1 < this.pieces.length; i++) {
        const width = (this.pieces[i] as Piece).width + (this.pieces[i + 1] as Piece).width;
        if (width >= bestWidth * (1 - tolerance)) continue;
        best = i;
        bestWidth = width;
      }
      this.merge(this.pieces[best] as Piece, this.pieces[best + 1] as Piece);
    }
  }

  timed(stream: StreamDescription, earliestMs: number, nowMs: number): Resharding {
    const closing = this.old.filter(isReplaced);
    const created = new Map(stream.shards.map((shard) => [shard.index, shard.createdMs]));
    const latestMs = Math.max(nowMs, ...closing.map(({ index }) => created.get(index) ?? 0));
    const base = Math.floor(latestMs / SECOND_MS);
    const endMs = (each: Replaced) => (base + each.replacedBy - 1) * SECOND_MS;
    return {
      made: this.made.map((each) => ({
        uid: shardUid(stream.uid, each.index),
        index: each.index,
        createdMs: (base + each.generation) * SECOND_MS,
        hashStart: hashHex(each.start),
        hashEnd: hashHex(each.end),
        parents: each.parents,
        createdAhead: true,
        ...(isReplaced(each) && {
          closedMs: earliestMs,
          endIndex: 0,
          endMs: endMs(each),
        }),
      })),
      closing: closing.map((each) => ({ index: each.index, endMs: endMs(each) })),
      notBeforeMs: earliestMs,
      waitMs: earliestMs - nowMs,
    };
  }

  private make(parents: Piece[], start: bigint, end: bigint): Piece {
    const generation = Math.max(...parents.map((parent) => parent.generation)) + 1;
    for (const parent of parents) parent.replacedBy = generation;
    const indexes = parents.map(({ index }) => index);
    const made = piece(this.nextIndex++, indexes, start, end, generation);
    this.made.push(made);
    return made;
  }
}

type Replaced = Piece & { replacedBy: number };

function isReplaced(each: Piece): each is Replaced {
  return each.replacedBy !== undefined;
}

function piece(
  index: number,
  parents: number[],
  start: bigint,
  end: bigint,
  generation: number,
): Piece {
  return { index, parents, start, end, width: Number(end - start + 1n), generation };
}

/** First key of a range's second half. */
function middle({ start, end }: Piece): bigint {
  return start + (end - start + 2n) / 2n;
}
