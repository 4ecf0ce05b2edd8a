// Reads a page of a stream that may be a fork: records before the place where it has branched off are
// in the shards of its ancestors, under their own uids, so they are stored and cached once. A page goes
// on from one shard to the next while it has room.
import type { Ancestor } from "../core/durable.ts";
import type { Runtime } from "../core/bindings.ts";
import type { Location } from "../core/types.ts";
import type { RecordRun } from "../engine/printer.ts";
import { freshView, type Page, readPage, type Trimmed, viewBehind } from "./reader.ts";
import type { PageLimits } from "./readPlan.ts";
import type { Selection } from "../scan/selection.ts";
import { narrowPage, selectPage } from "./selectedPage.ts";
import { payloadShareOf } from "../engine/chunk.ts";

export interface ForkedShard {
  uid: string;
  ancestors: readonly Ancestor[];
}

/**
 * As `readPage`; with a selection, only the records that it takes. The view of the page is that of
 * the shard itself.
 */
export async function readForkedPage(
  runtime: Runtime,
  { uid, ancestors }: ForkedShard,
  location: Location,
  limits: PageLimits,
  trimmed: Trimmed,
  selection?: Selection,
): Promise<Page> {
  const runs: RecordRun[] = [];
  let isMixed = false;
  let at = location;
  let { recordsMax, bytesMax } = limits;
  for (const ancestor of ancestors) {
    while (at.index < ancestor.endIndex) {
      const left = Math.min(recordsMax, ancestor.endIndex - at.index);
      const read = await readPage(
        runtime,
        ancestor.uid,
        at,
        { recordsMax: left, bytesMax },
        trimmed,
      );
      const page = selection === undefined ? read : await narrowPage(read, selection);
      runs.push(...page.runs);
      isMixed ||= page.view.isMixed === true;
      recordsMax -= page.next.index - at.index;
      bytesMax -= read.runs.reduce((bytes, run) => bytes + payloadShareOf(run), 0);
      const isStuck = page.next.index <= at.index;
      at = page.next;
      if (recordsMax <= 0 || bytesMax <= 0 || isStuck) {
        const view = await viewBehind(runtime, uid, at.index, await freshView(runtime, uid));
        return { ...page, runs, view: { ...view, isMixed } };
      }
    }
  }
  const rest = { recordsMax: Math.max(recordsMax, 1), bytesMax: Math.max(bytesMax, 1) };
  const left = runs.length === 0 ? limits : rest;
  const own =
    selection === undefined
      ? await readPage(runtime, uid, at, left, trimmed)
      : await selectPage(runtime, uid, at, left, trimmed, selection);
  if (runs.length === 0) return own;
  const view = isMixed ? { ...own.view, isMixed } : own.view;
  return { ...own, runs: [...runs, ...own.runs], view };
}
