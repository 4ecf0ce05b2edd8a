// A page of the records that a selection takes. It may look at many more records than it returns. How many is bounded
// in bytes and in time: a page that reaches the bound has fewer records than its limit, or none, and goes on from
// there, like every page. Records are kept in chunks of their own if the chunk that they were in has mostly others, so
// that a page holds little more than its records.
import type { Runtime } from "../core/bindings.ts";
import { isOver } from "../core/clock.ts";
import { isCorrupt } from "../core/bodyCheck.ts";
import { engine } from "../engine/instance.ts";
import { scanBytesMax, scanMsMax } from "../limits.ts";
import type { Selection } from "../scan/selection.ts";
import type { Location } from "../core/types.ts";
import { readCounters } from "./readCounters.ts";
import type { RecordRun } from "../engine/printer.ts";
import type { Page, Trimmed } from "./reader.ts";
import type { PageLimits } from "./readPlan.ts";
import { ShardScan } from "./shardScan.ts";
import { type ScanStep, take } from "./taking.ts";

/** A page that tells what was looked at. */
export type SelectedPage = Page & Required<Pick<Page, "scanned">>;

/** Throws `shardNotFound`, `locationNotFound`, `corrupt`. */
export async function selectPage(
  runtime: Runtime,
  uid: string,
  location: Location,
  limits: PageLimits,
  trimmed: Trimmed,
  selection: Selection,
): Promise<SelectedPage> {
  const scan = new ShardScan(runtime, uid, location, { selection, trimmed });
  const startMs = Date.now();
  const left = { ...limits };
  let page: SelectedPage | undefined;
  for (;;) {
    const step = await nextStep(scan, left, page);
    if (step === undefined) break;
    const runs = compactRuns(step.runs);
    page = page === undefined ? { ...step, runs } : joinPages(page, { ...step, runs });
    const isAtTip = step.next.index >= step.view.nextIndex;
    const isSpent = page.scanned.bytes >= scanBytesMax || isOver(startMs, scanMsMax, Date.now());
    if (step.isFull || isAtTip || isSpent) break;
    scan.readAhead(step);
    left.recordsMax -= step.taken.records;
    left.bytesMax -= step.taken.bytes;
    await scheduler.wait(0);
  }
  return page as SelectedPage;
}

/** The records of a page that the selection takes. */
export async function narrowPage(page: Page, selection: Selection): Promise<SelectedPage> {
  const step = await take(page, selection, { recordsMax: Infinity, bytesMax: Infinity });
  return { ...page, runs: step.runs, scanned: step.scanned };
}

/** Undefined if the records that come next cannot be read: the page ends before them, unless it begins there. */
async function nextStep(
  scan: ShardScan,
  limits: PageLimits,
  page: SelectedPage | undefined,
): Promise<ScanStep | undefined> {
  try {
    return await scan.step(limits, page !== undefined && page.runs.length > 0);
  } catch (error) {
    if (page !== undefined) return undefined;
    if (isCorrupt(error)) readCounters.damagedPages++;
    throw error;
  }
}

function joinPages(page: SelectedPage, next: SelectedPage): SelectedPage {
  return {
    runs: [...page.runs, ...next.runs],
    next: next.next,
    lastSegment: next.lastSegment,
    view: next.view,
    lastTimeMs: next.lastTimeMs ?? page.lastTimeMs,
    scanned: {
      records: page.scanned.records + next.scanned.records,
      bytes: page.scanned.bytes + next.scanned.bytes,
    },
  };
}

/** The same records: in their own chunks, where they are less than half of the chunk that they are in. */
function compactRuns(runs: readonly RecordRun[]): RecordRun[] {
  const taken = new Map<Uint8Array, number>();
  for (const { chunk, from, to } of runs) {
    taken.set(chunk, (taken.get(chunk) ?? 0) + engine.payloadBytes(chunk, from, to));
  }
  return runs.map((run) => {
    const { chunk, from, to } = run;
    if ((taken.get(chunk) ?? 0) * 2 > chunk.buffer.byteLength) return run;
    return { ...run, chunk: engine.slice(chunk, from, to), from: 0, to: to - from };
  });
}
