// What is kept of the exchanges of one kind at one distance, and the row that it becomes.

import { addCounts, type Counts } from "./counts.ts";
import { quantile } from "../tools/load.ts";

export interface DistanceRow {
  group: "history" | "tail" | "put";
  title: string;
  /** Added to each call of a Durable Object. */
  roundTripMs: number;
  /** Files of earlier versions do not have it. */
  rounds?: number;
  exchanges: number;
  records: number;
  /** Of record data. */
  dataBytes: number;
  /** The time of all exchanges together; they follow one another. */
  busyMs: number;
  /** Of an exchange; absent where nothing is asked for. */
  p50Ms?: number;
  p90Ms?: number;
  p99Ms?: number;
  /** From sending a record to having it. */
  deliveryP50Ms?: number;
  deliveryP99Ms?: number;
  /** What the Worker asked, by `<kind>.<method>`. */
  counts: Counts;
}

type Label = Pick<DistanceRow, "group" | "title" | "roundTripMs">;

export class Tally {
  readonly label: Label;
  readonly latenciesMs: number[] = [];
  readonly deliveriesMs: number[] = [];
  readonly counts: Counts = {};
  rounds = 0;
  exchanges = 0;
  records = 0;
  dataBytes = 0;

  constructor(label: Label) {
    this.label = label;
  }

  add(latencyMs: number, records: number, dataBytes: number): void {
    this.latenciesMs.push(latencyMs);
    this.addUntimed(records, dataBytes);
  }

  /** An exchange that nobody asked for. */
  addUntimed(records: number, dataBytes: number): void {
    this.exchanges++;
    this.records += records;
    this.dataBytes += dataBytes;
  }

  /** A round is over in which the Worker asked this often. */
  endRound(counts: Counts): void {
    addCounts(this.counts, counts);
    this.rounds++;
  }

  row(): DistanceRow {
    const { latenciesMs, deliveriesMs, rounds, exchanges, records, dataBytes, counts } = this;
    return {
      ...this.label,
      rounds,
      exchanges,
      records,
      dataBytes,
      busyMs: latenciesMs.reduce((sum, ms) => sum + ms, 0),
      ...(latenciesMs.length > 0 && {
        p50Ms: quantile(latenciesMs, 0.5),
        p90Ms: quantile(latenciesMs, 0.9),
        p99Ms: quantile(latenciesMs, 0.99),
      }),
      ...(deliveriesMs.length > 0 && {
        deliveryP50Ms: quantile(deliveriesMs, 0.5),
        deliveryP99Ms: quantile(deliveriesMs, 0.99),
      }),
      counts,
    };
  }
}
