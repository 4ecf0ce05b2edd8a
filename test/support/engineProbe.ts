// The engine with what no request calls: exports that are there for work on filtered reads, and texts of records in
// one call. Tests and benchmarks hold these against the model and against plain TypeScript.
import { checkRange, EngineMemory } from "../../worker/engine/memory.ts";
import { Engine, type ShardNumbers } from "../../worker/engine/engine.ts";
import { collect, printBase64 } from "../../worker/engine/printer.ts";
import { HASH_BYTES, PACK_ROW } from "../../worker/engine/recordBatch.ts";

/** u32 fields of a walked record: start in the chunk, key, info and data bytes, ms after the first. */
export const WALK_FIELDS = 5;

/** Totals over a run of records. */
export interface ScanTotals {
  keyBytes: number;
  infoBytes: number;
  dataBytes: number;
  /** Data bytes once encoded, record by record. */
  base64Bytes: number;
}

/** Sequence numbers are equally long in all shards. */
const anyShard: ShardNumbers = { createdMs: 0, index: 0 };

export class EngineProbe extends Engine {
  private readonly windows = new EngineMemory(this.raw, 0);

  /** Lays a chunk into the input window; returns its address for the raw exports. */
  load(chunk: Uint8Array): number {
    return this.windows.load(chunk);
  }

  /** Rows of WALK_FIELDS u32 for records `from` to `to`. */
  walk(chunk: Uint8Array, from: number, to: number): Uint32Array {
    const { words, table } = this.windows;
    const address = this.windows.loadHead(chunk, checkRange(chunk, from, to));
    const rows = new Uint32Array((to - from) * WALK_FIELDS);
    for (let done = from; done < to;) {
      const stop = Math.min(to, done + this.raw.WALK_RECORDS_MAX.value);
      this.raw.walkRecords(address, done, stop);
      const walked = words.subarray(table, table + (stop - done) * WALK_FIELDS);
      rows.set(walked, (done - from) * WALK_FIELDS);
      done = stop;
    }
    return rows;
  }

  /** Totals over records `from` to `to`. */
  scan(chunk: Uint8Array, from: number, to: number): ScanTotals {
    const { words, result } = this.windows;
    this.raw.scanRecords(this.windows.loadHead(chunk, checkRange(chunk, from, to)), from, to);
    const total = (i: number): number =>
      (words[result + i * 2] as number) + (words[result + i * 2 + 1] as number) * 2 ** 32;
    return {
      keyBytes: total(0),
      infoBytes: total(1),
      dataBytes: total(2),
      base64Bytes: total(3),
    };
  }

  /** Exact bytes of `renderKinesisJson`. */
  measureKinesisJson(chunk: Uint8Array, from: number, to: number): number {
    return this.kinesisJson(anyShard).measureRecords(chunk, from, to);
  }

  renderKinesisJson(chunk: Uint8Array, from: number, to: number, shard: ShardNumbers): Uint8Array {
    return this.kinesisJson(shard).render(chunk, from, to);
  }

  /** Exact bytes of `renderKinesisCbor`. */
  measureKinesisCbor(chunk: Uint8Array, from: number, to: number): number {
    return this.kinesisCbor(anyShard).measureRecords(chunk, from, to);
  }

  renderKinesisCbor(chunk: Uint8Array, from: number, to: number, shard: ShardNumbers): Uint8Array {
    return this.kinesisCbor(shard).render(chunk, from, to);
  }

  /** Exact bytes of `renderV3ioJson`. */
  measureV3ioJson(chunk: Uint8Array, from: number, to: number): number {
    return this.v3ioJson().measureRecords(chunk, from, to);
  }

  renderV3ioJson(chunk: Uint8Array, from: number, to: number): Uint8Array {
    return this.v3ioJson().render(chunk, from, to);
  }

  /** MD5 of each key, HASH_BYTES apart, as records without data are hashed to be routed. */
  hashKeys(keys: readonly Uint8Array[]): Uint8Array {
    const { bytes, words, input, inputBytes, output, table } = this.windows;
    const payload = this.raw.PACK_PAYLOAD.value;
    const hashes = new Uint8Array(keys.length * HASH_BYTES);
    for (let done = 0; done < keys.length;) {
      let at = payload;
      let count = 0;
      while (done + count < keys.length && count < this.raw.PACK_RECORDS_MAX.value) {
        const key = keys[done + count] as Uint8Array;
        if (at + key.length > input + inputBytes) break;
        bytes.set(key, at);
        words.set([key.length, 0, 0, 0], table + count * PACK_ROW);
        at += key.length;
        count++;
      }
      if (count === 0) throw new RangeError("hashKeys: a key exceeds the window");
      this.raw.hashRecords(count);
      const made = bytes.subarray(output, output + count * HASH_BYTES);
      hashes.set(made, done * HASH_BYTES);
      done += count;
    }
    return hashes;
  }

  /** Base64 with padding, as ASCII bytes. */
  encodeBase64(data: Uint8Array): Uint8Array {
    return collect(printBase64(this.windows, data));
  }
}
