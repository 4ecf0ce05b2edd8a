// Messages of application/vnd.amazon.eventstream, big-endian (Smithy, "Amazon Event Stream
// specification"; CRC-32 of IEEE):
//
//   0   4  bytes of the whole message        12   n  headers
//   4   4  bytes of the headers              .    m  payload
//   8   4  CRC of the eight bytes before     end  4  CRC of everything before
//
// A header is the length of its name (u8), the name, 7 for a text, the length of the value (u16),
// the value. The first message of a reply is an `initial-response`: Botocore fails without it and
// the SDK for Go waits for it for ever.
import { crc32 } from "node:zlib";
import { utf8 } from "../codec/bytes.ts";

export const eventStreamType = "application/vnd.amazon.eventstream";

const PRELUDE_BYTES = 12;
const CRC_BYTES = 4;
const TEXT = 7;

/** The members of the reply that are not events: none. */
export function initialResponse(contentType: string, payload: Uint8Array): Uint8Array {
  return eventMessage("initial-response", contentType, payload);
}

export function eventMessage(type: string, contentType: string, payload: Uint8Array): Uint8Array {
  const headers = { ":message-type": "event", ":event-type": type, ":content-type": contentType };
  return encodeMessage(headers, payload);
}

/** Ends the stream: nothing may follow. */
export function exceptionMessage(
  name: string,
  contentType: string,
  payload: Uint8Array,
): Uint8Array {
  return encodeMessage(
    { ":message-type": "exception", ":exception-type": name, ":content-type": contentType },
    payload,
  );
}

export function encodeMessage(
  headers: Readonly<Record<string, string>>,
  payload: Uint8Array,
): Uint8Array {
  const fields = Object.entries(headers).map(([name, value]) => [utf8(name), utf8(value)] as const);
  const headerBytes = fields.reduce(
    (bytes, [name, value]) => bytes + 1 + name.length + 1 + 2 + value.length,
    0,
  );
  const message = new Uint8Array(PRELUDE_BYTES + headerBytes + payload.length + CRC_BYTES);
  const view = new DataView(message.buffer);
  view.setUint32(0, message.length);
  view.setUint32(4, headerBytes);
  view.setUint32(8, crc32(message.subarray(0, 8)));
  let at = PRELUDE_BYTES;
  for (const [name, value] of fields) {
    message[at] = name.length;
    message.set(name, at + 1);
    at += 1 + name.length;
    message[at] = TEXT;
    view.setUint16(at + 1, value.length);
    message.set(value, at + 3);
    at += 3 + value.length;
  }
  message.set(payload, at);
  const end = message.length - CRC_BYTES;
  view.setUint32(end, crc32(message.subarray(0, end)));
  return message;
}
