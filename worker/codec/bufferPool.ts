// Memory that is used again for bodies of requests and for the records read from them: new memory is filled with
// zeros first, and V8 collects everything after each twenty megabytes of it, and then compiles anew what ran fast. Who
// takes bytes writes all of them before anybody reads them, and no view of what was given back shows anything any
// more: its buffer is detached, so no request ever sees the bytes of another one.

import { reusedBytesMax, reusedLargestBytes } from "../limits.ts";

/** Buffers are multiples of this. */
const stepBytes = 128 * 1024;

export class BufferPool {
  private readonly largestBytes: number;
  private readonly bytesMax: number;
  private readonly free: ArrayBuffer[] = [];
  private freeBytes = 0;
  /** Buffers that are lent, and what is lent with them. */
  private readonly lent = new WeakMap<ArrayBufferLike, Uint8Array<ArrayBuffer>[]>();

  /** Larger bytes are not lent; at most `bytesMax` wait for their next use. */
  constructor(largestBytes: number, bytesMax: number) {
    this.largestBytes = largestBytes;
    this.bytesMax = bytesMax;
  }

  /** Bytes with any contents, the beginning of a longer buffer. Undefined if they are too many. */
  lend(length: number): Uint8Array<ArrayBuffer> | undefined {
    if (length > this.largestBytes) return undefined;
    const at = this.free.findIndex(({ byteLength }) => byteLength >= length);
    const [found] = at < 0 ? [] : this.free.splice(at, 1);
    this.freeBytes -= found?.byteLength ?? 0;
    const buffer = found ?? new ArrayBuffer(Math.ceil(length / stepBytes) * stepBytes);
    this.note(buffer);
    return new Uint8Array(buffer, 0, length);
  }

  /** A buffer of the pool has got another identity, as when a stream was read into it. */
  note(buffer: ArrayBuffer): void {
    this.lent.set(buffer, []);
  }

  /** The same, to be given back together with other bytes; new memory if those are not lent. */
  lendWith(owner: Uint8Array, length: number): Uint8Array<ArrayBuffer> {
    const together = this.lent.get(owner.buffer);
    const bytes = together && this.lend(length);
    if (bytes === undefined) return new Uint8Array(length);
    together?.push(bytes);
    return bytes;
  }

  /** Takes back what was lent, and what was lent with it; the views are empty from now on. */
  giveBack(bytes: Uint8Array<ArrayBuffer>): void {
    const together = this.lent.get(bytes.buffer);
    if (together === undefined) return;
    this.lent.delete(bytes.buffer);
    const buffer = bytes.buffer.transfer();
    if (this.freeBytes + buffer.byteLength <= this.bytesMax) {
      this.free.push(buffer);
      this.freeBytes += buffer.byteLength;
    }
    for (const each of together) this.giveBack(each);
  }
}

/** Of the isolate: bodies of requests, and the records that the engine has read from them. */
export const bodyPool = new BufferPool(reusedLargestBytes, reusedBytesMax);
