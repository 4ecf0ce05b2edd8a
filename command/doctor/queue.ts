/** Checks a queue over a shard: its settings, and the checksums of its changes and whole states. */
import { crc32 } from "node:zlib";
import { settingsDocument } from "../../worker/queue/settingsDocument.ts";
import { bytesOf, type Database, textOf, wholeOf } from "./database.ts";
import type { Findings } from "./findings.ts";

/** Bytes of a delivery's header, and what is in it (docs/FORMAT.md, A queue's tables). */
const headerBytes = 48;
const at = { version: 4, bodyCrc: 40, headerCrc: 44 };
const magic = 0x51524c4d;
const version = 1;

export function checkQueue(database: Database, findings: Findings): void {
  const { file, tables } = database;
  if (!tables.has("queue")) return;
  const [row] = database.rows("SELECT settings FROM queue");
  const settings = findings.attempt(file, "queue", () =>
    settingsDocument.decode(row === undefined ? "" : textOf(row, "settings"), {}),
  );
  if (settings === undefined) return;
  for (const delivery of database.rows("SELECT id, body FROM delivery ORDER BY id")) {
    const what = checkDelivery(bytesOf(delivery, "body"), settings.name);
    if (what === undefined) continue;
    findings.problem(file, `queue ${settings.name}, row ${wholeOf(delivery, "id")}`, what);
  }
}

/** What is wrong, or undefined. The checksum of the header covers the name of the object. */
function checkDelivery(body: Uint8Array, name: string): string | undefined {
  if (body.length < headerBytes) return "short";
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
  if (view.getUint32(0, true) !== magic) return "bad magic";
  if (view.getUint8(at.version) !== version) return "unknown version";
  const header = crc32(body.subarray(0, at.headerCrc), crc32(name));
  if (header !== view.getUint32(at.headerCrc, true)) {
    return "bad header checksum, or another queue's";
  }
  const content = crc32(body.subarray(headerBytes));
  return content === view.getUint32(at.bodyCrc, true) ? undefined : "bad body checksum";
}
