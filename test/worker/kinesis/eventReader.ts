// Reads messages of application/vnd.amazon.eventstream as a client does: from pieces that end anywhere,
// with every length and checksum held to the bytes.

import { crc32 } from "node:zlib";

export interface Message {
  headers: Record<string, string>;
  payload: Uint8Array;
}

/** All messages of a whole stream. */
export function decodeMessages(bytes: Uint8Array): Message[] {
  const reader = new MessageReader();
  const messages = [...reader.push(bytes)];
  if (reader.pendingBytes > 0) throw new Error(`${reader.pendingBytes} bytes are left over`);
  return messages;
}

export class MessageReader {
  private pending = new Uint8Array(0);

  get pendingBytes(): number {
    return this.pending.length;
  }

  /** The messages that the piece completes. */
  *push(piece: Uint8Array): Generator<Message> {
    const joined = new Uint8Array(this.pending.length + piece.length);
    joined.set(this.pending);
    joined.set(piece, this.pending.length);
    this.pending = joined;
    for (;;) {
      if (this.pending.length < 4) return;
      const length = new DataView(this.pending.buffer, this.pending.byteOffset).getUint32(0);
      if (this.pending.length < length) return;
      yield decodeMessage(this.pending.slice(0, length));
      this.pending = this.pending.slice(length);
    }
  }
}

function decodeMessage(bytes: Uint8Array): Message {
  const view = new DataView(bytes.buffer);
  const headerBytes = view.getUint32(4);
  const sums = [view.getUint32(8), view.getUint32(bytes.length - 4)];
  if (sums[0] !== crc32(bytes.subarray(0, 8))) throw new Error("bad prelude checksum");
  if (sums[1] !== crc32(bytes.subarray(0, -4))) throw new Error("bad message checksum");
  const headers: Record<string, string> = {};
  let at = 12;
  const text = (length: number) => {
    at += length;
    return new TextDecoder().decode(bytes.subarray(at - length, at));
  };
  while (at < 12 + headerBytes) {
    const name = text(view.getUint8(at++));
    if (view.getUint8(at++) !== 7) throw new Error(`header ${name} is no text`);
    at += 2;
    headers[name] = text(view.getUint16(at - 2));
  }
  return { headers, payload: bytes.slice(at, -4) };
}
