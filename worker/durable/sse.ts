// The data event of server-sent events (WHATWG HTML, section 9.2). After each line end in a text a new data
// line begins, so that no text can end the event or begin another one. Bytes are in base64. There is no space
// after the colon: a client removes one space there, so one that belongs to the data would be lost.
import { utf8 } from "../codec/bytes.ts";
import { jsonMediaType, mediaTypeOf } from "../core/mediaType.ts";
import type { BriefStream } from "../stream/knownStreams.ts";

export type Encoding = "text" | "base64";

const decoder = new TextDecoder("utf-8", { fatal: false, ignoreBOM: true });

export function encodingOf({ contentType }: Pick<BriefStream, "contentType">): Encoding {
  const type = mediaTypeOf(contentType);
  return type === jsonMediaType || type.startsWith("text/") ? "text" : "base64";
}

/** No event if there is no data: clients take an empty event for a message. */
export function dataEvent(data: Uint8Array, encoding: Encoding): Uint8Array {
  if (data.length === 0) return data;
  const text =
    encoding === "base64"
      ? Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString("base64")
      : decoder.decode(data);
  return utf8(`event: data\ndata:${text.replaceAll(/\r\n|\r|\n/g, "\ndata:")}\n\n`);
}
