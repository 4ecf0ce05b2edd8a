// The state machine of a queue over one shard, held to a plain model that keeps an object for every
// record: random receives, acknowledgements, changes of visibility, restores, undone deliveries,
// records that expire, new settings, and a clock that goes on. MODEL_RUNS sets the number of runs.

import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  Delivery,
  type Delivered,
  type Outcome,
  type Receipt,
  type Terms,
} from "../../../worker/delivery/delivery.ts";
import { RunState } from "../../../worker/delivery/run.ts";
import { RunTable } from "../../../worker/delivery/runs.ts";

const seed = Number(process.env["SEED"] ?? 20_261_127);
const numRuns = Number(process.env["MODEL_RUNS"] ?? 40);

interface ModelRecord {
  receives: number;
  firstMs: number;
  generation: number;
  isDead: boolean;
  /** Undefined unless it is in flight. */
  endMs: number | undefined;
}

/** What a queue should do, as plainly as it can be said. */
class Model {
  tip = 0;
  nowMs = 1_800_000_000_000;
  terms: Terms = { visibilityMs: 30_000, receivesMax: 3, inFlightMax: 40 };
  readonly records = new Map<number, ModelRecord>();

  open(index: number): ModelRecord {
    const found = this.records.get(index);
    if (found === undefined) throw new Error(`record ${index} is not open`);
    return found;
  }

  put(count: number): void {
    for (; count > 0; count--) {
      const fresh = { receives: 0, firstMs: 0, generation: 0, isDead: false, endMs: undefined };
      this.records.set(this.tip++, fresh);
    }
  }

  tick(): void {
    for (const record of this.records.values()) {
      if (record.endMs !== undefined && record.endMs <= this.nowMs) this.end(record);
    }
  }

  end(record: ModelRecord): void {
    record.endMs = undefined;
    record.isDead ||= this.isSpent(record);
  }

  isSpent({ receives }: ModelRecord): boolean {
    return receives >= (this.terms.receivesMax ?? Infinity);
  }

  get inFlight(): number {
    return [...this.records.values()].filter(({ endMs }) => endMs !== undefined).length;
  }

  /** Records that could be received, before those are dead that a new setting has made so. */
  available(isDead: boolean): number[] {
    const entries = [...this.records].filter(([, { endMs }]) => endMs === undefined);
    return entries.filter(([, record]) => record.isDead === isDead).map(([index]) => index);
  }
}

type Step =
  | { kind: "put"; count: number }
  | { kind: "receive"; isDead: boolean; limit: number; seconds: number | undefined }
  | { kind: "acknowledge" | "restore"; pick: number }
  | { kind: "hide"; pick: number; seconds: number }
  | { kind: "undo"; pick: number }
  | { kind: "expire"; part: number }
  | { kind: "wait"; seconds: number }
  | { kind: "terms"; receivesMax: number | undefined; inFlightMax: number };

const pick = fc.nat(1000);
const steps = fc.array(
  fc.oneof(
    fc.record({ kind: fc.constant("put" as const), count: fc.integer({ min: 1, max: 30 }) }),
    {
      weight: 4,
      arbitrary: fc.record({
        kind: fc.constant("receive" as const),
        isDead: fc.boolean(),
        limit: fc.integer({ min: 1, max: 10 }),
        seconds: fc.option(fc.integer({ min: 0, max: 60 }), { nil: undefined }),
      }),
    },
    {
      weight: 4,
      arbitrary: fc.record({
        kind: fc.constantFrom("acknowledge" as const, "restore" as const),
        pick,
      }),
    },
    fc.record({
      kind: fc.constant("hide" as const),
      pick,
      seconds: fc.integer({ min: 0, max: 100 }),
    }),
    fc.record({ kind: fc.constant("undo" as const), pick }),
    fc.record({ kind: fc.constant("expire" as const), part: fc.nat(3) }),
    fc.record({ kind: fc.constant("wait" as const), seconds: fc.integer({ min: 1, max: 45 }) }),
    fc.record({
      kind: fc.constant("terms" as const),
      receivesMax: fc.option(fc.integer({ min: 1, max: 4 }), { nil: undefined }),
      inFlightMax: fc.integer({ min: 5, max: 60 }),
    }),
  ),
  { maxLength: 120, size: "max" },
);

function start(terms: Terms): Delivery {
  return new Delivery({ next: 0, generation: 0, runs: new RunTable() }, terms);
}

class Run {
  readonly model = new Model();
  readonly delivery = start(this.model.terms);
  readonly receipts: Receipt[] = [];
  readonly deliveries: Delivered[] = [];
  readonly settled = new Set<number>();

  step(step: Step): void {
    const { model, delivery } = this;
    model.tick();
    delivery.tick(model.nowMs);
    switch (step.kind) {
      case "put":
        return model.put(step.count);
      case "wait":
        model.nowMs += step.seconds * 1000;
        return;
      case "terms": {
        const { receivesMax, inFlightMax } = step;
        const terms = { ...model.terms, inFlightMax };
        delete terms.receivesMax;
        model.terms = receivesMax === undefined ? terms : { ...terms, receivesMax };
        delivery.terms = model.terms;
        return;
      }
      case "receive":
        return this.receive(step.isDead, step.limit, step.seconds);
      case "acknowledge": {
        const receipt = this.receipts[step.pick % this.receipts.length];
        return receipt && this.acknowledge(receipt);
      }
      case "restore":
      case "hide": {
        const receipt = this.receipts[step.pick % this.receipts.length];
        return receipt && this.change(receipt, step);
      }
      case "undo": {
        const delivered = this.deliveries.at(-1);
        return delivered && this.undo(delivered);
      }
      case "expire": {
        const to = Math.floor((delivery.next * step.part) / 4);
        delivery.forget(0, to);
        for (const index of model.records.keys()) if (index < to) model.records.delete(index);
      }
    }
  }

  receive(isDead: boolean, limit: number, seconds: number | undefined): void {
    const { model, delivery } = this;
    const { nowMs, terms } = model;
    const visibilityMs = seconds === undefined ? undefined : seconds * 1000;
    const room = terms.inFlightMax - model.inFlight;
    // What a new setting has made dead is so before it would be handed out.
    const could = model.available(isDead);
    const delivered = isDead
      ? delivery.receiveDead(limit, nowMs, visibilityMs)
      : delivery.receive(limit, model.tip, nowMs, visibilityMs);
    const indexes: number[] = [];
    for (const { from, to, receives, firstMs, generation } of delivered) {
      for (let index = from; index < to; index++) {
        const record = model.open(index);
        indexes.push(index);
        expect(record.endMs).toBeUndefined();
        expect(record.isDead).toBe(isDead);
        if (!isDead) expect(model.isSpent(record)).toBe(false);
        expect(receives).toBe(record.receives + 1);
        expect(generation).toBeGreaterThan(record.generation);
        expect(firstMs).toBe(record.firstMs || nowMs);
        Object.assign(record, { receives, firstMs, generation });
        record.endMs = nowMs + (visibilityMs ?? terms.visibilityMs);
        this.receipts.push({ index, receives, generation, isDead });
      }
    }
    this.deliveries.push(...delivered);
    expect(new Set(indexes).size).toBe(indexes.length);
    const spent = isDead
      ? []
      : could.filter((index) => {
          const record = model.open(index);
          return record.endMs === undefined && model.isSpent(record);
        });
    const wanted = Math.max(Math.min(limit, room, could.length - spent.length), 0);
    expect(indexes.length).toBe(wanted);
    // Spent ones are dead as soon as the queue has come across them; which it has is its own choice.
    for (const index of spent) {
      const run = delivery.runs.get(index);
      if (run?.state === RunState.dead) model.open(index).isDead = true;
    }
  }

  acknowledge(receipt: Receipt): void {
    const outcome = this.delivery.acknowledge(receipt);
    const record = this.model.records.get(receipt.index);
    if (record === undefined) return expect(outcome).toBe("done");
    const isLast = isLastOf(receipt, record);
    expect(outcome).toBe(isLast ? "done" : "stale");
    if (isLast) this.model.records.delete(receipt.index);
    if (isLast) this.settled.add(receipt.index);
  }

  change(receipt: Receipt, step: Extract<Step, { kind: "hide" }> | { kind: string }): void {
    const { model, delivery } = this;
    const { nowMs } = model;
    const record = model.records.get(receipt.index);
    const isLast = record !== undefined && isLastOf(receipt, record);
    if ("seconds" in step) {
      const outcome = delivery.hide(receipt, step.seconds * 1000, nowMs);
      const wanted: Outcome = !isLast ? "stale" : record.endMs === undefined ? "ended" : "done";
      expect(outcome).toBe(wanted);
      if (wanted !== "done" || record === undefined) return;
      if (step.seconds === 0) model.end(record);
      else record.endMs = nowMs + step.seconds * 1000;
      return;
    }
    if (!receipt.isDead) return;
    expect(delivery.restore(receipt, nowMs)).toBe(isLast ? "done" : "stale");
    if (!isLast) return;
    const { generation = 0 } = delivery.runs.get(receipt.index) ?? {};
    Object.assign(record, { receives: 0, isDead: false, endMs: undefined, generation });
  }

  undo(delivered: Delivered): void {
    this.delivery.undo(delivered, this.model.nowMs);
    for (let index = delivered.from; index < delivered.to; index++) {
      const record = this.model.records.get(index);
      if (record?.generation !== delivered.generation) continue;
      record.receives--;
      record.endMs = undefined;
      if (record.receives === 0) record.firstMs = 0;
      record.generation = this.delivery.runs.get(index)?.generation ?? 0;
    }
  }

  expectSame(): void {
    const { model, delivery } = this;
    const counts = delivery.counts();
    const known = [...model.records].filter(([index]) => index < delivery.next);
    expect(counts.open).toBe(known.length);
    for (const [index, record] of known) {
      const run = delivery.runs.get(index);
      const isInFlight = record.endMs !== undefined;
      const live = isInFlight ? RunState.inFlight : RunState.waiting;
      const dead = isInFlight ? RunState.deadInFlight : RunState.dead;
      const { receives, firstMs, generation } = record;
      const state = record.isDead ? dead : live;
      expect(run).toMatchObject({ state, receives, firstMs, generation });
      if (isInFlight) expect(run?.endMs).toBe(record.endMs);
    }
    for (const index of this.settled) expect(delivery.runs.get(index)).toBeUndefined();
    const endsMs = known.flatMap(([, { endMs }]) => endMs ?? []);
    expect(delivery.runs.nextEndMs()).toBeLessThanOrEqual(Math.min(Infinity, ...endsMs));
  }
}

function isLastOf(receipt: Receipt, { generation, isDead }: ModelRecord): boolean {
  return receipt.generation === generation && receipt.isDead === isDead;
}

describe("a queue over a shard", () => {
  test(`does what the model does, seed ${seed}`, () => {
    fc.assert(
      fc.property(steps, (all) => {
        const run = new Run();
        for (const step of all) {
          run.step(step);
          run.expectSame();
        }
      }),
      { seed, numRuns },
    );
  });
});
