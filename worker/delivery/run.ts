// What a queue knows of a record. Consecutive records with the same state share a run.

/** The states of an open record. The numbers are stored: docs/FORMAT.md. */
export const RunState = {
  /** It can be received. */
  waiting: 0,
  /** It was received and is hidden from others. */
  inFlight: 1,
  /** It was received too often, and can be received as a dead letter. */
  dead: 2,
  deadInFlight: 3,
} as const;

export type RunState = (typeof RunState)[keyof typeof RunState];

/** Records `from` to `to` (excluded) of a shard. */
export interface Run {
  from: number;
  to: number;
  state: RunState;
  /** Receives since the record was new, or since it was restored. */
  receives: number;
  /** Unix milliseconds; 0 before the first receive. */
  firstMs: number;
  /** Number of its last delivery; later deliveries have higher ones. */
  generation: number;
  /** When the delivery ends, Unix milliseconds; 0 unless it is in flight. */
  endMs: number;
}

/** Numbers of records, by state. */
export class Counts {
  waiting = 0;
  live = 0;
  dead = 0;
  deadInFlight = 0;

  add(state: RunState, records: number): void {
    if (state === RunState.waiting) this.waiting += records;
    else if (state === RunState.inFlight) this.live += records;
    else if (state === RunState.dead) this.dead += records;
    else this.deadInFlight += records;
  }

  addAll({ waiting, live, dead, deadInFlight }: Counts): void {
    this.waiting += waiting;
    this.live += live;
    this.dead += dead;
    this.deadInFlight += deadInFlight;
  }

  of(state: RunState): number {
    if (state === RunState.waiting) return this.waiting;
    if (state === RunState.inFlight) return this.live;
    return state === RunState.dead ? this.dead : this.deadInFlight;
  }

  /** Of both kinds. */
  get inFlight(): number {
    return this.live + this.deadInFlight;
  }

  get open(): number {
    return this.waiting + this.dead + this.inFlight;
  }
}
