// Takes the records of a page that a selection selects, until a limit is reached. The scanner counts its work, and stops
// when that of one turn is done, also in the middle of a record: whatever the records and the pattern are, the isolate
// is free again after it.
import { readHeader, timeMsAt } from "../engine/chunk.ts";
import { engine } from "../engine/instance.ts";
import type { RecordRun } from "../engine/printer.ts";
import { noneSelected } from "../engine/scanner.ts";
import { scanner } from "../engine/scannerInstance.ts";
import { scanTurnWork } from "../limits.ts";
import type { Location, ShardView } from "../core/types.ts";
import type { Selection } from "../scan/selection.ts";
import type { Amount, Page } from "./reader.ts";
import type { PageLimits } from "./readPlan.ts";

export interface ScanStep {
  /** The records that were taken, in order. */
  runs: RecordRun[];
  next: Location;
  lastSegment: number;
  view: ShardView;
  /** Arrival of the last record that was looked at; undefined if there was none. */
  lastTimeMs: number | undefined;
  taken: Amount;
  /** What was looked at. */
  scanned: Amount;
  /** True if the limits ended it. */
  isFull: boolean;
}

/** The records of a page that a selection takes, within limits. Other requests run while it takes long. */
export async function take(
  page: Page,
  selection: Selection | undefined,
  limits: PageLimits,
  hasRecords = false,
): Promise<ScanStep> {
  const taking = new Taking(limits, hasRecords);
  for (const run of page.runs) {
    await taking.takeFrom(run, selection);
    if (taking.stop !== undefined) return stepTo(page, run, taking.stop, taking);
  }
  const { runs, taken, scanned } = taking;
  const { next, lastSegment, view, lastTimeMs } = page;
  return { runs, next, lastSegment, view, lastTimeMs, taken, scanned, isFull: false };
}

/** A step that ends before record `stop` of a run. */
function stepTo(page: Page, { chunk, segment }: RecordRun, stop: number, taking: Taking): ScanStep {
  const header = readHeader(chunk);
  const { runs, taken, scanned } = taking;
  const isBehind = stop === header.count;
  return {
    runs,
    next: {
      segment: segment === undefined ? page.next.segment : segment + Number(isBehind),
      index: header.firstIndex + stop,
    },
    lastSegment: segment ?? page.next.segment,
    view: page.view,
    lastTimeMs: stop === 0 ? undefined : timeMsAt(chunk, header, stop - 1),
    taken,
    scanned,
    isFull: true,
  };
}

/** Takes records until a limit is reached. */
class Taking {
  readonly runs: RecordRun[] = [];
  readonly taken: Amount = { records: 0, bytes: 0 };
  readonly scanned: Amount = { records: 0, bytes: 0 };
  /** The record of the last run to go on from, when a limit is reached. */
  stop: number | undefined;
  private readonly limits: PageLimits;
  private hasRecords: boolean;
  /** What is left of the turn's. */
  private work = scanTurnWork;

  constructor(limits: PageLimits, hasRecords: boolean) {
    this.limits = limits;
    this.hasRecords = hasRecords;
  }

  async takeFrom(run: RecordRun, selection: Selection | undefined): Promise<void> {
    const { chunk, from, to } = run;
    const recordsLeft = this.limits.recordsMax - this.taken.records;
    const selected =
      selection === undefined
        ? [from, Math.min(to, from + recordsLeft)]
        : await this.select(run, selection, recordsLeft);
    for (let i = 0; i < selected.length && this.stop === undefined; i += 2) {
      const start = selected[i] as number;
      const end = this.fit(chunk, start, selected[i + 1] as number);
      if (end > start) this.runs.push({ ...run, from: start, to: end });
    }
    const end = this.stop ?? to;
    if (end === from) return;
    this.scanned.records += end - from;
    this.scanned.bytes += engine.payloadBytes(chunk, from, end);
  }

  /** Runs of records: when the work of a turn is done, other requests get theirs. */
  private async select(
    { chunk, from, to }: RecordRun,
    { program }: Selection,
    limit: number,
  ): Promise<number[]> {
    const selected = noneSelected(from);
    for (;;) {
      this.work = scanner().selectOn(selected, program, chunk, to, limit, this.work);
      if (selected.next >= to || selected.count >= limit) return selected.runs;
      if (this.work > 0) continue;
      await scheduler.wait(0);
      this.work = scanTurnWork;
    }
  }

  /** The end of the records of a range that there is room for. */
  private fit(chunk: Uint8Array, from: number, to: number): number {
    const bytesLeft = this.limits.bytesMax - this.taken.bytes;
    let end = to;
    if (engine.payloadBytes(chunk, from, to) > bytesLeft) {
      end = engine.fit(chunk, from, to - from, Math.max(bytesLeft, 0));
      if (this.hasRecords && engine.payloadBytes(chunk, from, end) > bytesLeft) end = from;
      this.stop = end;
      if (end === from) return end;
    }
    this.hasRecords = true;
    this.taken.records += end - from;
    this.taken.bytes += engine.payloadBytes(chunk, from, end);
    if (this.taken.records >= this.limits.recordsMax) this.stop = end;
    return end;
  }
}
