/**
 * Writes frames of HTTP/2 to a socket. Frames of one turn of the event loop are one write. They are
 * gathered in memory that is used again: a page has 88 frames, and a write of its own for each would
 * cost more than copying them.
 */
import type { Socket } from "node:net";
import { flag, frameBytesMax, frameHeadBytes, frameType } from "./frames.ts";

/** Sixteen frames of data, and some small ones. */
const chunkBytes = 16 * (frameBytesMax + frameHeadBytes) + 4096;

const idleChunksMax = 16;

/** Data that waits for the client. */
const waitingBytesMax = 512 << 10;

/** Those that nobody writes. */
const idleChunks: Buffer[] = [];

export class FrameWriter {
  /** Called before what was gathered is written, so that more can be added. */
  readonly #fill: () => void;
  readonly #socket: Socket;
  #chunk: Buffer | undefined;
  #used = 0;
  /** Bytes that the socket has not taken. */
  #writtenBytes = 0;
  #isWanted = false;
  #turn: NodeJS.Immediate | undefined;

  constructor(socket: Socket, fill: () => void) {
    this.#socket = socket;
    this.#fill = fill;
  }

  /** Bytes that are still in this process. */
  get waitingBytes(): number {
    return this.#writtenBytes + this.#used;
  }

  /** Whether there is room for data. If not, `fill` is called when there is. */
  canTake(): boolean {
    this.#isWanted = this.waitingBytes >= waitingBytesMax;
    return !this.#isWanted;
  }

  /** `payload` has a character for each byte, and at most frameBytesMax. */
  write(type: number, flags: number, streamId: number, payload: string): void {
    const at = this.#begin(type, flags, streamId, payload.length);
    this.#chunk?.write(payload, at, "latin1");
  }

  /** A block of headers, as many frames as it needs. */
  writeHeaders(streamId: number, block: string, isLast: boolean): void {
    let at = 0;
    do {
      const part = block.slice(at, at + frameBytesMax);
      const isFirst = at === 0;
      at += frameBytesMax;
      const flags =
        (isFirst && isLast ? flag.endStream : 0) | (at >= block.length ? flag.endHeaders : 0);
      this.write(isFirst ? frameType.headers : frameType.continuation, flags, streamId, part);
    } while (at < block.length);
  }

  /** At most frameBytesMax of `bytes`. */
  writeData(streamId: number, bytes: Buffer, from: number, to: number, isLast: boolean): void {
    const flags = isLast ? flag.endStream : 0;
    const at = this.#begin(frameType.data, flags, streamId, to - from);
    if (this.#chunk !== undefined) bytes.copy(this.#chunk, at, from, to);
  }

  /** Writes at the end of this turn. */
  schedule(): void {
    this.#turn ??= setImmediate(() => {
      this.#turn = undefined;
      this.#fill();
      this.flush();
    });
  }

  flush(): void {
    const chunk = this.#chunk;
    if (chunk === undefined || this.#used === 0) return;
    const byteCount = this.#used;
    this.#writtenBytes += byteCount;
    this.#chunk = undefined;
    this.#used = 0;
    if (this.#socket.destroyed) return;
    this.#socket.write(chunk.subarray(0, byteCount), () => {
      if (idleChunks.length < idleChunksMax) idleChunks.push(chunk);
      this.#writtenBytes -= byteCount;
      if (this.#isWanted) this.schedule();
      this.#isWanted = false;
    });
  }

  stop(): void {
    clearImmediate(this.#turn);
  }

  /** Returns where the payload begins in the chunk. */
  #begin(type: number, flags: number, streamId: number, length: number): number {
    if (this.#used + frameHeadBytes + length > chunkBytes) this.flush();
    const chunk = (this.#chunk ??= idleChunks.pop() ?? Buffer.allocUnsafeSlow(chunkBytes));
    const at = this.#used;
    chunk.writeUIntBE(length, at, 3);
    chunk[at + 3] = type;
    chunk[at + 4] = flags;
    chunk.writeUInt32BE(streamId, at + 5);
    this.#used = at + frameHeadBytes + length;
    this.schedule();
    return at + frameHeadBytes;
  }
}
