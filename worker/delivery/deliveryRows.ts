// The bytes in which a queue stores what it knows of a shard's records: a whole state in parts, or what
// one commit has changed. Both are a header and the columns of some runs; docs/FORMAT.md draws them. In
// a change, a run with the state `done` says that its records are not open any more. Bytes that fail a
// check are refused by name.
//
//   byte 0        4   5    6      8       10     12     16         24    32           40     44
//        magic   ver kind part   parts   ends   runs   sequence   next  generation   body   header
//                                                                                    crc    crc
//     48  from[f64] first ms[f64] generation[f64] (end ms[f64]) length[u32] receives[u16] state[u8]
import { crc32 } from "node:zlib";
import { StreamError } from "../errors.ts";
import type { Run, RunState } from "./run.ts";

export interface RowHead {
  kind: "state" | "change";
  /** Part of a whole state, and how many it has. */
  part: number;
  parts: number;
  /** Of the commit: a change follows the state or the change with the number before. */
  sequence: number;
  next: number;
  generation: number;
}

/** State of a run whose records are not open. */
export const DONE = 255;

export type StoredRun = Omit<Run, "state"> & { state: RunState | typeof DONE };

/** "MLRQ", little-endian. */
const MAGIC = 0x51524c4d;
const VERSION = 1;
const HEAD_BYTES = 48;
const RUN_BYTES = 31;
const END_BYTES = 8;
const kinds = ["state", "change"] as const;

/** Bytes of a row with so many runs, at most. */
export function rowBytes(runs: number): number {
  return HEAD_BYTES + runs * (RUN_BYTES + END_BYTES);
}

/** `name` is that of the queue's object: it is a part of the checksum. */
export function encodeRow(name: string, head: RowHead, runs: readonly StoredRun[]): Uint8Array {
  const hasEnds = runs.some(({ endMs }) => endMs !== 0);
  const count = runs.length;
  const bytes = new Uint8Array(HEAD_BYTES + count * (RUN_BYTES + (hasEnds ? END_BYTES : 0)));
  const view = new DataView(bytes.buffer);
  view.setUint32(0, MAGIC, true);
  view.setUint8(4, VERSION);
  view.setUint8(5, kinds.indexOf(head.kind));
  view.setUint16(6, head.part, true);
  view.setUint16(8, head.parts, true);
  view.setUint16(10, hasEnds ? 1 : 0, true);
  view.setUint32(12, count, true);
  view.setFloat64(16, head.sequence, true);
  view.setFloat64(24, head.next, true);
  view.setFloat64(32, head.generation, true);
  const columns = columnsOf(bytes, count, hasEnds);
  for (const [i, run] of runs.entries()) {
    columns.from[i] = run.from;
    columns.firstMs[i] = run.firstMs;
    columns.generation[i] = run.generation;
    if (columns.endMs !== undefined) columns.endMs[i] = run.endMs;
    columns.length[i] = run.to - run.from;
    columns.receives[i] = run.receives;
    columns.state[i] = run.state;
  }
  view.setUint32(40, crc32(bytes.subarray(HEAD_BYTES)), true);
  view.setUint32(44, crc32(bytes.subarray(0, 44), crc32(name)), true);
  return bytes;
}

/** Throws `corrupt`. The runs are read when they are asked for. */
export function decodeRow(
  name: string,
  stored: Uint8Array,
): { head: RowHead; runs: () => Generator<StoredRun> } {
  const wrong = (what: string) => new StreamError("corrupt", { queue: name, what });
  if (stored.length < HEAD_BYTES) throw wrong("short");
  // Columns are read at multiples of their width.
  const bytes = stored.byteOffset % 8 === 0 ? stored : stored.slice();
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (view.getUint32(0, true) !== MAGIC) throw wrong("bad magic");
  if (view.getUint8(4) !== VERSION) throw wrong("unknown version");
  const kind = kinds[view.getUint8(5)];
  const [ends, count] = [view.getUint16(10, true), view.getUint32(12, true)];
  if (kind === undefined || ends > 1) throw wrong("unknown kind");
  const hasEnds = ends === 1;
  if (bytes.length !== HEAD_BYTES + count * (RUN_BYTES + (hasEnds ? END_BYTES : 0))) {
    throw wrong("wrong length");
  }
  if (crc32(bytes.subarray(0, 44), crc32(name)) !== view.getUint32(44, true)) {
    throw wrong("bad header checksum, or another queue's");
  }
  if (crc32(bytes.subarray(HEAD_BYTES)) !== view.getUint32(40, true)) {
    throw wrong("bad body checksum");
  }
  const head: RowHead = {
    kind,
    part: view.getUint16(6, true),
    parts: view.getUint16(8, true),
    sequence: view.getFloat64(16, true),
    next: view.getFloat64(24, true),
    generation: view.getFloat64(32, true),
  };
  return { head, runs: () => runsIn(columnsOf(bytes, count, hasEnds), count) };
}

interface Columns {
  from: Float64Array;
  firstMs: Float64Array;
  generation: Float64Array;
  endMs: Float64Array | undefined;
  length: Uint32Array;
  receives: Uint16Array;
  state: Uint8Array;
}

function* runsIn(columns: Columns, count: number): Generator<StoredRun> {
  const { from, length, state, receives, firstMs, generation, endMs } = columns;
  for (let i = 0; i < count; i++) {
    const start = from[i] as number;
    yield {
      from: start,
      to: start + (length[i] as number),
      state: state[i] as StoredRun["state"],
      receives: receives[i] as number,
      firstMs: firstMs[i] as number,
      generation: generation[i] as number,
      endMs: endMs?.[i] ?? 0,
    };
  }
}

/** The host's numbers are little-endian, as all of its platforms are. */
function columnsOf({ buffer, byteOffset }: Uint8Array, count: number, hasEnds: boolean): Columns {
  let at = byteOffset + HEAD_BYTES;
  const place = (width: number): number => {
    const start = at;
    at += width * count;
    return start;
  };
  return {
    from: new Float64Array(buffer, place(8), count),
    firstMs: new Float64Array(buffer, place(8), count),
    generation: new Float64Array(buffer, place(8), count),
    endMs: hasEnds ? new Float64Array(buffer, place(8), count) : undefined,
    length: new Uint32Array(buffer, place(4), count),
    receives: new Uint16Array(buffer, place(2), count),
    state: new Uint8Array(buffer, place(1), count),
  };
}
