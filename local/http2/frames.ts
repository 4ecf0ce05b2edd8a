/**
 * Frames of HTTP/2 (RFC 9113, sections 4, 6 and 7): their types, flags and codes, and a reader that cuts
 * the bytes of a connection into them.
 */

export const frameType = {
  data: 0,
  headers: 1,
  priority: 2,
  reset: 3,
  settings: 4,
  pushPromise: 5,
  ping: 6,
  goAway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const;

export const flag = {
  endStream: 0x1,
  acknowledged: 0x1,
  endHeaders: 0x4,
  padded: 0x8,
  priority: 0x20,
} as const;

export const code = {
  none: 0x0,
  protocol: 0x1,
  internal: 0x2,
  flowControl: 0x3,
  streamClosed: 0x5,
  frameSize: 0x6,
  refusedStream: 0x7,
  compression: 0x9,
  calm: 0xb,
} as const;

export const setting = {
  headerTableSize: 1,
  enablePush: 2,
  concurrentStreams: 3,
  initialWindowSize: 4,
  maxFrameSize: 5,
  headerListSize: 6,
} as const;

export const frameHeadBytes = 9;

/** SETTINGS_MAX_FRAME_SIZE, as long as nobody changes it. */
export const frameBytesMax = 16_384;

export const preface = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "latin1");

/** Ends the session with a code. */
export class SessionFault extends Error {
  override readonly name = "SessionFault";
  readonly code: number;

  constructor(message: string, faultCode: number = code.protocol) {
    super(message);
    this.code = faultCode;
  }
}

export interface Frame {
  type: number;
  flags: number;
  streamId: number;
  payload: Buffer;
}

const nothing = Buffer.alloc(0);

export class FrameReader {
  /** The beginning of a frame, or of the preface. */
  #held = nothing;
  #hasPreface = false;

  /** Calls `taken` for each frame that is complete. Throws a SessionFault, as `taken` may. */
  take(bytes: Buffer, taken: (frame: Frame) => void): void {
    let at = 0;
    while (this.#held.length > 0 && at < bytes.length) at = this.#takeHeld(bytes, at, taken);
    if (!this.#hasPreface && at < bytes.length) at = this.#takePreface(bytes, at);
    while (this.#hasPreface && bytes.length - at >= frameHeadBytes) {
      const end = at + frameHeadBytes + lengthOf(bytes, at);
      if (end > bytes.length) break;
      taken(readFrame(bytes, at, end));
      at = end;
    }
    if (at < bytes.length) this.#held = bytes.subarray(at);
  }

  /** Completes what is held, and no more: the other bytes need no copy. */
  #takeHeld(bytes: Buffer, from: number, taken: (frame: Frame) => void): number {
    const neededBytes = this.#neededBytes();
    const to = Math.min(bytes.length, from + neededBytes - this.#held.length);
    const held = Buffer.concat([this.#held, bytes.subarray(from, to)]);
    this.#held = held;
    if (held.length < neededBytes) return to;
    if (!this.#hasPreface) {
      this.#held = nothing;
      this.#takePreface(held, 0);
    } else if (held.length === this.#neededBytes()) {
      this.#held = nothing;
      taken(readFrame(held, 0, held.length));
    }
    return to;
  }

  /** How much of what is held must be there to go on. */
  #neededBytes(): number {
    if (!this.#hasPreface) return preface.length;
    return this.#held.length < frameHeadBytes
      ? frameHeadBytes
      : frameHeadBytes + lengthOf(this.#held, 0);
  }

  /** Returns where the preface ends; where it begins if it is not complete. */
  #takePreface(bytes: Buffer, from: number): number {
    const length = Math.min(bytes.length - from, preface.length);
    if (bytes.compare(preface, 0, length, from, from + length) !== 0) {
      throw new SessionFault("another preface than that of HTTP/2");
    }
    this.#hasPreface = length === preface.length;
    return this.#hasPreface ? from + length : from;
  }
}

function lengthOf(bytes: Buffer, at: number): number {
  const length = bytes.readUIntBE(at, 3);
  if (length > frameBytesMax) throw new SessionFault("a frame is too large", code.frameSize);
  return length;
}

function readFrame(bytes: Buffer, at: number, end: number): Frame {
  return {
    type: bytes[at + 3] ?? 0,
    flags: bytes[at + 4] ?? 0,
    streamId: bytes.readUInt32BE(at + 5) & 0x7fffffff,
    payload: bytes.subarray(at + frameHeadBytes, end),
  };
}
