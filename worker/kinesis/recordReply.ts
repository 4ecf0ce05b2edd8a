// Prints replies with records: GetRecords, and each event of SubscribeToShard. First some members,
// then the records of a page as the engine prints them, in either format.
import { concatBytes, utf8 } from "../codec/bytes.ts";
import type { ShardNumbers, TimeSpan } from "../engine/engine.ts";
import type { Backend } from "../stream/backend.ts";
import { engine } from "../engine/instance.ts";
import { descriptionTtlMs } from "../limits.ts";
import { RecordPage } from "../http/recordPage.ts";
import { encryptionSpans } from "../core/encryption.ts";
import type { RecordRun } from "../engine/printer.ts";
import type { Page } from "../stream/reader.ts";
import type { Scope } from "../core/types.ts";
import { encodeCbor } from "./cbor.ts";
import type { WireFormat } from "./codec.ts";

/** `members` stand before `Records`; records that arrived in `encrypted` say that they are. */
export function renderRecords(
  format: WireFormat,
  members: object,
  runs: readonly RecordRun[],
  shard: ShardNumbers,
  encrypted: readonly TimeSpan[],
): RecordPage {
  if (format === "cbor") {
    const head = concatBytes([encodeCbor(members).subarray(0, -1), RECORDS_HEAD]);
    return new RecordPage(head, runs, engine.kinesisCbor(shard, encrypted), RECORDS_FOOT);
  }
  const text = JSON.stringify(members).slice(0, -1);
  const head = `${text}${text === "{" ? "" : ","}"Records":[`;
  return new RecordPage(utf8(head), runs, engine.kinesisJson(shard, encrypted), JSON_FOOT);
}

/**
 * When records of the page were encrypted. What was known of the stream some time after its last
 * record arrived is good for ever; the time between is for clocks that differ.
 */
export async function spansOf(
  backend: Backend,
  stream: Scope & { name: string },
  { lastTimeMs }: Page,
): Promise<readonly TimeSpan[]> {
  if (lastTimeMs === undefined) return [];
  const sinceMs = lastTimeMs + descriptionTtlMs;
  const { description } = await backend.streams.findSince(stream, stream.name, sinceMs);
  return encryptionSpans(description);
}

const JSON_FOOT = utf8("]}");
const RECORDS_HEAD = hex("67", "Records", "9f");
const RECORDS_FOOT = hex("ff", "ff");

/** Bytes in hexadecimal digits, and names between them as they are. */
function hex(...parts: string[]): Uint8Array {
  return concatBytes(
    parts.map((part) => (/^(?:[0-9a-f]{2})+$/.test(part) ? Buffer.from(part, "hex") : utf8(part))),
  );
}
