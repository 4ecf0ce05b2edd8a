// What a queue knows of the records of one shard, and how that changes: a pure state machine without
// storage, clock or calls. Records from `next` on were never handed out. A record before `next` is open,
// and then in a run, or it is done. Each delivery has a generation, higher than all before it. Its
// receipts contain it, so a receipt of an earlier delivery is recognized.
//
//   new ──▶ inFlight ──▶ done          acknowledged
//            │   ▲
//            ▼   │                     the delivery ends, or its time is set to 0
//           waiting                    received too often: dead ◀─▶ deadInFlight ──▶ done
//             ▲──────────────────────────────────── restored ─────────┘
import { type Counts, type Run, RunState } from "./run.ts";
import { receivesMax, RunTable } from "./runs.ts";

/** How a queue delivers. */
export interface Terms {
  /** How long a received record is hidden, when its receive does not say it. */
  visibilityMs: number;
  /** Receives after which a record is a dead letter; undefined: never. */
  receivesMax?: number;
  /** Records in flight at most. */
  inFlightMax: number;
}

/** Records that were handed out together. */
export interface Delivered {
  from: number;
  to: number;
  receives: number;
  firstMs: number;
  generation: number;
}

/** One delivery of one record, as its receipt tells it. */
export interface Receipt {
  index: number;
  receives: number;
  generation: number;
  isDead: boolean;
}

/**
 * `stale`: the receipt is of an earlier delivery, or the record is not there any more. `ended`: the
 * record is not in flight.
 */
export type Outcome = "done" | "stale" | "ended";

/** The longest time for which a record can be hidden at once: 12 hours, as Kinesis has it. */
export const hiddenMsMax = 43_200_000;

/** Generations that one millisecond has room for. */
const generationsPerMs = 64;

export class Delivery {
  next: number;
  /** The last that was given. */
  generation: number;
  terms: Terms;
  readonly runs: RunTable;
  /** Called with every range of records that changes. */
  private readonly changed: (from: number, to: number) => void;

  constructor(
    start: { next: number; generation: number; runs: RunTable },
    terms: Terms,
    changed: (from: number, to: number) => void = () => {},
  ) {
    this.next = start.next;
    this.generation = start.generation;
    this.runs = start.runs;
    this.terms = terms;
    this.changed = changed;
  }

  /** Ends the deliveries whose time is over at `nowMs`. To be called before anything else. */
  tick(nowMs: number): void {
    for (const run of this.runs.ended(nowMs, hiddenMsMax)) this.end(run);
  }

  /**
   * Hands out up to `limit` records that stand before `tip`: those that wait again, then new ones; for
   * `visibilityMs`, or for the queue's own time.
   */
  receive(limit: number, tip: number, nowMs: number, visibilityMs?: number): Delivered[] {
    return this.handOut(RunState.waiting, limit, tip, nowMs, visibilityMs);
  }

  /** The same for dead letters. */
  receiveDead(limit: number, nowMs: number, visibilityMs?: number): Delivered[] {
    return this.handOut(RunState.dead, limit, this.next, nowMs, visibilityMs);
  }

  /** How many records could be received now. */
  available(tip: number): number {
    if (this.room <= 0) return 0;
    return this.waitingCount() + Math.max(tip - this.next, 0);
  }

  availableDead(): number {
    return this.room <= 0 ? 0 : this.counts().dead;
  }

  acknowledge(receipt: Receipt): Outcome {
    const run = this.runOf(receipt);
    if (run === "done") return "done";
    if (run === "stale") return "stale";
    this.remove(run.from, run.to);
    return "done";
  }

  /** Hides the record for `visibilityMs` from now on; 0 ends its delivery. */
  hide(receipt: Receipt, visibilityMs: number, nowMs: number): Outcome {
    const run = this.runOf(receipt);
    if (run === "done" || run === "stale") return "stale";
    if (run.state !== RunState.inFlight && run.state !== RunState.deadInFlight) return "ended";
    if (visibilityMs === 0) this.end(run);
    else this.put({ ...run, endMs: nowMs + visibilityMs });
    return "done";
  }

  /** Turns a dead letter into a waiting record with no receives. */
  restore(receipt: Receipt, nowMs: number): Outcome {
    const run = this.runOf(receipt);
    if (run === "done" || run === "stale") return "stale";
    const generation = this.nextGeneration(nowMs);
    this.put({ ...run, state: RunState.waiting, receives: 0, generation, endMs: 0 });
    return "done";
  }

  /** Undoes a delivery whose reply was not sent. */
  undo({ from, to, generation }: Delivered, nowMs: number): void {
    const again = this.nextGeneration(nowMs);
    const runs = Array.from(this.runs.within(from, to));
    for (const run of runs) {
      if (run.generation !== generation) continue;
      const isDead = run.state === RunState.dead || run.state === RunState.deadInFlight;
      const receives = Math.max(run.receives - 1, 0);
      const state = isDead ? RunState.dead : RunState.waiting;
      const firstMs = receives === 0 ? 0 : run.firstMs;
      this.put({ ...run, state, receives, firstMs, generation: again, endMs: 0 });
    }
  }

  /** Marks records `from` to `to` as done: they have expired, or cannot be read. */
  forget(from: number, to: number): void {
    if (to > this.next && from <= this.next) this.next = to;
    this.remove(from, to);
  }

  counts(): Counts {
    return this.runs.counts();
  }

  /** Room for records in flight. */
  private get room(): number {
    return this.terms.inFlightMax - this.counts().inFlight;
  }

  private waitingCount(): number {
    return this.counts().waiting;
  }

  private handOut(
    state: typeof RunState.waiting | typeof RunState.dead,
    limit: number,
    tip: number,
    nowMs: number,
    visibilityMs = this.terms.visibilityMs,
  ): Delivered[] {
    const delivered: Delivered[] = [];
    const generation = this.nextGeneration(nowMs);
    const endMs = nowMs + visibilityMs;
    let left = Math.min(limit, this.room);
    while (left > 0) {
      const run = this.runs.first(state) ?? this.takeNew(left, tip);
      if (run === undefined) break;
      if (state === RunState.waiting && this.isSpent(run)) {
        this.put({ ...run, state: RunState.dead });
        continue;
      }
      const taken: Run = {
        from: run.from,
        to: Math.min(run.to, run.from + left),
        state: state === RunState.dead ? RunState.deadInFlight : RunState.inFlight,
        receives: Math.min(run.receives + 1, receivesMax),
        firstMs: run.firstMs || nowMs,
        generation,
        endMs,
      };
      this.put(taken);
      const { from, to, receives, firstMs } = taken;
      delivered.push({ from, to, receives, firstMs, generation });
      left -= to - from;
    }
    return delivered;
  }

  /** Up to `count` records that were never handed out. */
  private takeNew(count: number, tip: number): Run | undefined {
    const from = this.next;
    const to = Math.min(tip, from + count);
    if (to <= from) return undefined;
    this.next = to;
    return { from, to, state: RunState.waiting, receives: 0, firstMs: 0, generation: 0, endMs: 0 };
  }

  /** True if the record was received as often as the queue lets it be. */
  private isSpent({ receives }: Run): boolean {
    const { receivesMax: most } = this.terms;
    return most !== undefined && receives >= most;
  }

  private end(run: Run): void {
    const isDead = run.state === RunState.deadInFlight || this.isSpent(run);
    this.put({ ...run, state: isDead ? RunState.dead : RunState.waiting, endMs: 0 });
  }

  /**
   * The record of a receipt as a run by itself. A delivery that was lost in a crash is known by a
   * generation that is higher than the record's: it is taken up again.
   */
  private runOf(receipt: Receipt): Run | "done" | "stale" {
    const { index, receives, generation, isDead } = receipt;
    if (index >= this.next) this.skipTo(index + 1);
    const found = this.runs.get(index);
    if (found === undefined) return "done";
    const run = { ...found, from: index, to: index + 1 };
    const isRunDead = run.state === RunState.dead || run.state === RunState.deadInFlight;
    if (run.generation === generation) return isRunDead === isDead ? run : "stale";
    if (run.generation > generation) return "stale";
    const firstMs = run.firstMs || Math.floor(generation / generationsPerMs);
    const state = isDead ? RunState.deadInFlight : RunState.inFlight;
    return { ...run, state, receives: Math.max(receives, run.receives), firstMs, generation };
  }

  /** Records before `index` that were not handed out wait as new ones. */
  private skipTo(index: number): void {
    const from = this.next;
    this.next = index;
    const state = RunState.waiting;
    this.put({ from, to: index, state, receives: 0, firstMs: 0, generation: 0, endMs: 0 });
  }

  private put(run: Run): void {
    this.runs.assign(run);
    this.changed(run.from, run.to);
  }

  private remove(from: number, to: number): void {
    this.runs.clear(from, to);
    this.changed(from, to);
  }

  private nextGeneration(nowMs: number): number {
    this.generation = Math.max(this.generation + 1, Math.floor(nowMs) * generationsPerMs);
    return this.generation;
  }
}
