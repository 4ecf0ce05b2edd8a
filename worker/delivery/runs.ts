// The open records of a queue over one shard, as runs: consecutive records that share everything that
// a queue knows of a record. Runs lie in blocks of columns, in the order of their records, so that a
// million runs take 29 bytes each. Only blocks with records in flight have a column for the times at
// which their deliveries end. A record that is in no run is not open.
import { Counts, type Run, RunState } from "./run.ts";

/** Runs of one block: inserting one moves at most 15 kB. */
const blockRuns = 512;

/** Records of one run, and the highest count of receives: what 16 bits hold. */
export const runRecordsMax = 65_535;
export const receivesMax = 65_535;

export class RunTable {
  private blocks: Block[] = [];

  /** The run that holds the record. */
  get(index: number): Run | undefined {
    const block = this.blocks[this.blockAt(index)];
    if (block === undefined) return undefined;
    const at = block.find(index);
    if (at < 0 || index >= block.endAt(at)) return undefined;
    return block.runAt(at);
  }

  /** Removes records `from` to `to` from all runs. */
  clear(from: number, to: number): void {
    let b = Math.max(this.blockAt(from), 0);
    for (; b < this.blocks.length;) {
      const block = this.blocks[b] as Block;
      if (block.start >= to) return;
      const tail = block.clear(from, to);
      if (block.size === 0) this.blocks.splice(b, 1);
      else b++;
      if (tail !== undefined) return this.insert(tail);
    }
  }

  /** Adds a run of records that are in no other run; longer ones than a run may be are divided. */
  insert(run: Run): void {
    for (let from = run.from; from < run.to; from += runRecordsMax) {
      this.insertOne({ ...run, from, to: Math.min(run.to, from + runRecordsMax) });
    }
  }

  /** Replaces what is known of the run's records. */
  assign(run: Run): void {
    this.clear(run.from, run.to);
    this.insert(run);
  }

  /** The first run of a state, in the order of records. */
  first(state: RunState): Run | undefined {
    for (const block of this.blocks) {
      if (block.counts.of(state) > 0) return block.first(state);
    }
    return undefined;
  }

  /** Runs in flight whose delivery has ended at `nowMs`; they must be changed before the next call. */
  ended(nowMs: number, spanMsMax: number): Run[] {
    const ended: Run[] = [];
    for (const block of this.blocks) {
      if (block.counts.inFlight > 0) block.collectEnded(nowMs, spanMsMax, ended);
    }
    return ended;
  }

  /** When the next delivery ends; Infinity if nothing is in flight. */
  nextEndMs(): number {
    let endMs = Infinity;
    for (const block of this.blocks) {
      if (block.counts.inFlight > 0) endMs = Math.min(endMs, block.nextEndMs());
    }
    return endMs;
  }

  /** Records in all runs, by their state. */
  counts(): Counts {
    const total = new Counts();
    for (const block of this.blocks) total.addAll(block.counts);
    return total;
  }

  /** Runs that have records of `from` to `to`, cut to them. */
  *within(from: number, to: number): Generator<Run> {
    for (let b = Math.max(this.blockAt(from), 0); b < this.blocks.length; b++) {
      const block = this.blocks[b] as Block;
      if (block.start >= to) return;
      for (let at = Math.max(block.find(from), 0); at < block.size; at++) {
        const run = block.runAt(at);
        if (run.from >= to) return;
        if (run.to > from) {
          yield { ...run, from: Math.max(run.from, from), to: Math.min(run.to, to) };
        }
      }
    }
  }

  get runCount(): number {
    return this.blocks.reduce((sum, { size }) => sum + size, 0);
  }

  /** Memory of all columns. */
  get bytes(): number {
    return this.blocks.reduce((sum, block) => sum + block.bytes, 0);
  }

  private insertOne(run: Run): void {
    const last = this.blocks.at(-1);
    let b = this.blockAt(run.from);
    const isAtEnd = last === undefined || run.from >= last.end;
    if (isAtEnd && last?.extend(run) === true) return;
    if (isAtEnd && (last === undefined || last.size === blockRuns)) {
      this.blocks.push(new Block());
      b = this.blocks.length - 1;
    }
    b = Math.max(b, 0);
    let block = this.blocks[b] as Block;
    if (block.size === blockRuns) {
      const upper = block.split();
      this.blocks.splice(b + 1, 0, upper);
      if (run.from > upper.start) block = upper;
    }
    block.insert(run);
  }

  /** The last block that begins at or before a record; -1 if there is none. */
  private blockAt(index: number): number {
    let [low, high] = [0, this.blocks.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.blocks[middle] as Block).start <= index) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }
}

class Block {
  size = 0;
  readonly counts = new Counts();
  private readonly from = new Float64Array(blockRuns);
  private readonly length = new Uint16Array(blockRuns);
  private readonly state = new Uint8Array(blockRuns);
  private readonly receives = new Uint16Array(blockRuns);
  private readonly firstMs = new Float64Array(blockRuns);
  private readonly generation = new Float64Array(blockRuns);
  private endMs: Float64Array | undefined;
  /** No delivery of the block ends earlier. */
  private endMsMin = Infinity;

  get start(): number {
    return this.from[0] as number;
  }

  get end(): number {
    return this.endAt(this.size - 1);
  }

  get bytes(): number {
    return this.columns().reduce((sum, { byteLength }) => sum + byteLength, 0);
  }

  endAt(at: number): number {
    return (this.from[at] as number) + (this.length[at] as number);
  }

  runAt(at: number): Run {
    return {
      from: this.from[at] as number,
      to: this.endAt(at),
      state: this.state[at] as RunState,
      receives: this.receives[at] as number,
      firstMs: this.firstMs[at] as number,
      generation: this.generation[at] as number,
      endMs: this.endMs?.[at] ?? 0,
    };
  }

  /** The last run that begins at or before a record; -1 if there is none. */
  find(index: number): number {
    let [low, high] = [0, this.size];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.from[middle] as number) <= index) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }

  first(state: RunState): Run {
    return this.runAt(this.state.indexOf(state));
  }

  collectEnded(nowMs: number, spanMsMax: number, into: Run[]): void {
    // An end that is further ahead than any may be was set before the clock was set back.
    if (this.endMsMin > nowMs && this.endMsMin - nowMs <= spanMsMax) return;
    this.endMsMin = Infinity;
    for (let at = 0; at < this.size; at++) {
      if (!isInFlight(this.state[at] as RunState)) continue;
      const endMs = this.endMs?.[at] ?? 0;
      if (endMs <= nowMs || endMs - nowMs > spanMsMax) into.push(this.runAt(at));
      else this.endMsMin = Math.min(this.endMsMin, endMs);
    }
  }

  nextEndMs(): number {
    return this.endMsMin;
  }

  /** Takes the run into the last one, if it continues it. */
  extend(run: Run): boolean {
    const at = this.size - 1;
    const last = this.runAt(at);
    const isSame =
      last.to === run.from &&
      last.state === run.state &&
      last.receives === run.receives &&
      last.firstMs === run.firstMs &&
      last.generation === run.generation &&
      last.endMs === run.endMs &&
      run.to - last.from <= runRecordsMax;
    if (!isSame) return false;
    this.length[at] = run.to - last.from;
    this.counts.add(run.state, run.to - run.from);
    return true;
  }

  /** There must be room. */
  insert(run: Run): void {
    const at = this.find(run.from) + 1;
    for (const column of this.columns()) column.copyWithin(at + 1, at, this.size);
    this.size++;
    this.write(at, run);
    this.counts.add(run.state, run.to - run.from);
  }

  /**
   * Removes records `from` to `to`. If they lie inside one run, what follows them of it is returned,
   * to be inserted.
   */
  clear(from: number, to: number): Run | undefined {
    let first = Math.max(this.find(from), 0);
    if (this.endAt(first) <= from) first++;
    let after = first;
    for (; after < this.size && (this.from[after] as number) < to; after++) {
      this.counts.add(this.state[after] as RunState, -(this.length[after] as number));
    }
    if (first === after) return undefined;
    const [head, foot] = [this.runAt(first), this.runAt(after - 1)];
    const pieces = head.from < from ? [{ ...head, to: from }] : [];
    if (foot.to > to) pieces.push({ ...foot, from: to });
    const tail = pieces.length > after - first ? pieces.pop() : undefined;
    const end = first + pieces.length;
    for (const column of this.columns()) column.copyWithin(end, after, this.size);
    this.size += end - after;
    for (const [i, piece] of pieces.entries()) {
      this.write(first + i, piece);
      this.counts.add(piece.state, piece.to - piece.from);
    }
    if (this.counts.inFlight === 0) {
      this.endMs = undefined;
      this.endMsMin = Infinity;
    }
    return tail;
  }

  /** Moves the upper half into a block of its own. */
  split(): Block {
    const upper = new Block();
    const middle = this.size >>> 1;
    if (this.endMs !== undefined) upper.endMs = new Float64Array(blockRuns);
    const columns = this.columns();
    for (const [i, column] of upper.columns().entries()) {
      column.set((columns[i] as Float64Array).subarray(middle, this.size));
    }
    upper.size = this.size - middle;
    upper.endMsMin = this.endMsMin;
    this.size = middle;
    for (let at = 0; at < upper.size; at++) {
      const records = upper.length[at] as number;
      upper.counts.add(upper.state[at] as RunState, records);
      this.counts.add(upper.state[at] as RunState, -records);
    }
    return upper;
  }

  private write(at: number, run: Run): void {
    this.from[at] = run.from;
    this.length[at] = run.to - run.from;
    this.state[at] = run.state;
    this.receives[at] = run.receives;
    this.firstMs[at] = run.firstMs;
    this.generation[at] = run.generation;
    if (isInFlight(run.state)) {
      this.endMs ??= new Float64Array(blockRuns);
      this.endMsMin = Math.min(this.endMsMin, run.endMs);
    }
    if (this.endMs !== undefined) this.endMs[at] = run.endMs;
  }

  private columns(): (Float64Array | Uint16Array | Uint8Array)[] {
    const { from, length, state, receives, firstMs, generation, endMs } = this;
    const columns = [from, length, state, receives, firstMs, generation];
    return endMs === undefined ? columns : [...columns, endMs];
  }
}

function isInFlight(state: RunState): boolean {
  return state === RunState.inFlight || state === RunState.deadInFlight;
}
