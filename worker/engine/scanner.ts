// The scanner with types: a WASM module of its own, with a memory that holds the largest record (assembly/scan/). Its
// memory is touched as far as the chunks that it gets are long. Programs are made by worker/scan/.
import { crc32 } from "node:zlib";
import { bodyChecksum, CHUNK_HEADER_BYTES, readHeader } from "./chunk.ts";
import { checkRange, recordStart } from "./memory.ts";

/** The exports of assembly/scan/scan.ts. Addresses and counts are u32. */
export interface ScannerExports {
  memory: WebAssembly.Memory;
  INPUT: WebAssembly.Global;
  INPUT_BYTES: WebAssembly.Global;
  PROGRAM: WebAssembly.Global;
  PROGRAM_BYTES: WebAssembly.Global;
  RUNS: WebAssembly.Global;
  RUNS_MAX: WebAssembly.Global;
  RESULT: WebAssembly.Global;
  STATE: WebAssembly.Global;
  STATE_BYTES: WebAssembly.Global;
  FOLDED: WebAssembly.Global;
  DEPTH_MAX: WebAssembly.Global;
  selectRecords(chunk: number, from: number, to: number, limit: number, work: number): number;
  foldBytes(start: number, bytes: number): number;
}

/** The records of a chunk that match. */
export interface Selected {
  /** A pair of each run: its first record, and the one after its last. */
  runs: number[];
  /** Records that match. */
  count: number;
  /** The record to go on from: `to`, unless the limit was reached before. */
  next: number;
  /** Where the test of that record has stopped, if it has begun. */
  state: Uint8Array | undefined;
}

const U32_MAX = 2 ** 32 - 1;

/** Where STATE tells that a text has lost its escapes: assembly/scan/work.ts. */
const PLAIN_END_AT = 56;

/** The work of a call that may take its time. */
const workMax = 2 ** 30;

export class Scanner {
  readonly raw: ScannerExports;
  private readonly bytes: Uint8Array;
  private readonly words: Uint32Array;
  private loaded: Uint8Array | undefined;
  /** The selection that can go on with the records that lie in the memory. */
  private holder: Selected | undefined;

  /** The release build imports nothing; the debug build imports the function that a failed assert calls. */
  constructor(module: WebAssembly.Module, imports: WebAssembly.Imports = {}) {
    const raw = new WebAssembly.Instance(module, imports).exports as unknown as ScannerExports;
    this.raw = raw;
    this.bytes = new Uint8Array(raw.memory.buffer);
    this.words = new Uint32Array(raw.memory.buffer);
  }

  /** The records among `from` to `to` of a verified chunk that the program selects, at most `limit` of them. */
  select(
    program: Uint8Array,
    chunk: Uint8Array,
    from: number,
    to: number,
    limit: number,
  ): Selected {
    const selected = noneSelected(from);
    while (selected.next < to && selected.count < limit) {
      this.selectOn(selected, program, chunk, to, limit, workMax);
    }
    return selected;
  }

  /**
   * Goes on with a selection until `work` is done; it is complete when its `next` is `to` or it has found `limit`
   * records. Returns the work that is left. A unit of work is a byte, or a step that takes as long.
   */
  selectOn(
    selected: Selected,
    program: Uint8Array,
    chunk: Uint8Array,
    to: number,
    limit: number,
    work: number,
  ): number {
    const { raw, bytes, words } = this;
    this.loadProgram(program);
    const [state, length] = [raw.STATE.value as number, raw.STATE_BYTES.value as number];
    // Others may have scanned since the last call.
    if (this.holder !== selected) {
      this.loadRecords(chunk, selected.next, to);
      if (selected.state === undefined) bytes.fill(0, state, state + length);
      else bytes.set(selected.state, state);
      // The scanner removes escapes in place. Now they are there again.
      words[(state + PLAIN_END_AT) >>> 2] = 0;
    }
    const left = Math.min(limit - selected.count, U32_MAX);
    const input = raw.INPUT.value as number;
    this.take(selected, raw.selectRecords(input, selected.next, to, left, work));
    const isPaused = words[state >>> 2] !== 0;
    selected.state = isPaused ? bytes.slice(state, state + length) : undefined;
    this.holder = isPaused ? selected : undefined;
    return words[(raw.RESULT.value >>> 2) + 2] as number;
  }

  /**
   * False if the body of a chunk with a verified header has another checksum than its header says.
   * True if that is right, and the program selects none of the records. Undefined if it selects one,
   * or if so much work is too little to say.
   */
  rulesOut(program: Uint8Array, chunk: Uint8Array, work: number): boolean | undefined {
    const { raw, bytes, words } = this;
    const { count } = readHeader(chunk);
    this.loadProgram(program);
    const input = this.loadRecords(chunk, 0, count);
    if (this.checksumOf(input + CHUNK_HEADER_BYTES, chunk) !== bodyChecksum(chunk)) return false;
    const [state, length] = [raw.STATE.value as number, raw.STATE_BYTES.value as number];
    bytes.fill(0, state, state + length);
    const runs = raw.selectRecords(input, 0, count, 1, work);
    const isDone = words[raw.RESULT.value >>> 2] === count && words[state >>> 2] === 0;
    return runs === 0 && isDone ? true : undefined;
  }

  /** CRC-32 of what is behind the header of a chunk, which lies at an address. */
  private checksumOf(address: number, chunk: Uint8Array): number {
    const { raw, bytes } = this;
    const folded = raw.FOLDED.value as number;
    const length = raw.foldBytes(address, chunk.length - CHUNK_HEADER_BYTES);
    // Short ones are not folded.
    if (length === 0) return crc32(chunk.subarray(CHUNK_HEADER_BYTES));
    return crc32(bytes.subarray(folded, folded + length));
  }

  loadProgram(program: Uint8Array): void {
    if (this.loaded === program) return;
    if (program.length > this.raw.PROGRAM_BYTES.value) throw new RangeError("program: too long");
    this.bytes.set(program, this.raw.PROGRAM.value);
    this.loaded = program;
  }

  /** Columns, and the payload of records `from` to `to`, in their places. */
  loadRecords(chunk: Uint8Array, from: number, to: number): number {
    this.holder = undefined;
    const header = checkRange(chunk, from, to);
    if (header.bytes > this.raw.INPUT_BYTES.value) throw new RangeError("scan: a chunk too long");
    const input = this.raw.INPUT.value as number;
    const columns = header.bytes - header.payloadBytes;
    const start = recordStart(chunk, header, from);
    const end = recordStart(chunk, header, to);
    if (start === columns) this.bytes.set(chunk.subarray(0, end), input);
    else {
      this.bytes.set(chunk.subarray(0, columns), input);
      this.bytes.set(chunk.subarray(start, end), input + start);
    }
    return input;
  }

  private take(selected: Selected, runs: number): void {
    const { words, raw } = this;
    const row = raw.RUNS.value >>> 2;
    for (let i = 0; i < runs * 2; i += 2) {
      const [from, to] = [words[row + i] as number, words[row + i + 1] as number];
      if (selected.runs.at(-1) === from) selected.runs[selected.runs.length - 1] = to;
      else selected.runs.push(from, to);
    }
    const result = raw.RESULT.value >>> 2;
    selected.next = words[result] as number;
    selected.count += words[result + 1] as number;
  }
}

/** A selection that begins with record `from`. */
export function noneSelected(from: number): Selected {
  return { runs: [], count: 0, next: from, state: undefined };
}
