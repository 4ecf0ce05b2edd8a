// Finds the index that a reader asks for. Only a search by time within a segment reads records; all
// other searches use the entries.
import { StreamError } from "../errors.ts";
import { engine } from "../engine/instance.ts";
import type { LogEntry } from "./logTable.ts";
import type { ShardStore } from "./store.ts";
import type { SeekRequest, ShardView } from "../core/types.ts";

/** Undefined if readers may pass over the entry. */
export type LoadBody = (entry: LogEntry) => Promise<Uint8Array | undefined>;

/** Throws `locationNotFound`, and `corrupt` from `load`. */
export async function seekIndex(
  store: ShardStore,
  view: ShardView,
  request: SeekRequest,
  load: LoadBody,
): Promise<number> {
  switch (request.kind) {
    case "earliest":
      return view.firstIndex;
    case "latest":
      return view.nextIndex;
    case "index":
      if (request.index > view.nextIndex) throw new StreamError("locationNotFound");
      return Math.max(request.index, view.firstIndex);
    case "time": {
      const { timeMs, ordinal } = request;
      const entry = store.entryAtTime(timeMs, ordinal);
      if (entry === undefined || entry.firstIndex >= view.nextIndex) return view.nextIndex;
      if (entry.firstMs > timeMs) return Math.max(entry.firstIndex, view.firstIndex);
      const body = await load(entry);
      const at = body === undefined ? entry.count : engine.findTime(body, timeMs, ordinal);
      const index = entry.firstIndex + at;
      return Math.max(index, view.firstIndex);
    }
  }
}
