/** Checks a queue over a shard: its settings, the checksums of its changes and whole states, and that the shard has what it has handed out. */
import { crc32 } from "node:zlib";
import { settingsDocument } from "../../worker/queue/settingsDocument.ts";
import { bytesOf, type Database, textOf, wholeOf } from "./database.ts";
import type { Findings } from "./findings.ts";

/** Bytes of a delivery's header, and what is in it (docs/FORMAT.md, A queue's tables). */
const headerBytes = 48;
const at = { version: 4, next: 24, bodyCrc: 40, headerCrc: 44 };
const magic = 0x51524c4d;
const version = 1;

/** `ends`: the index behind the last record of each shard, by uid. */
export function checkQueue(
  database: Database,
  ends: ReadonlyMap<string, { endIndex: number }>,
  findings: Findings,
): void {
  const { file, tables } = database;
  if (!tables.has("queue")) return;
  const [row] = database.rows("SELECT settings FROM queue");
  const settings = findings.attempt(file, "queue", () =>
    settingsDocument.decode(row === undefined ? "" : textOf(row, "settings"), {}),
  );
  if (settings === undefined) return;
  let next = 0;
  for (const delivery of database.rows("SELECT id, body FROM delivery ORDER BY id")) {
    const body = bytesOf(delivery, "body");
    const what = checkDelivery(body, settings.name);
    if (what === undefined) {
      next = Math.max(next, viewOf(body).getFloat64(at.next, true));
      continue;
    }
    findings.problem(file, `queue ${settings.name}, row ${wholeOf(delivery, "id")}`, what);
  }
  const { endIndex = Infinity } = ends.get(settings.shard) ?? {};
  if (next <= endIndex) return;
  const what = `records up to ${next - 1} were handed out, and shard ${settings.shard} ends at ${endIndex}: its last rows are lost`;
  findings.problem(file, `queue ${settings.name}`, what);
}

function viewOf({ buffer, byteOffset, byteLength }: Uint8Array): DataView {
  return new DataView(buffer, byteOffset, byteLength);
}

/** What is wrong, or undefined. The checksum of the header covers the name of the object. */
function checkDelivery(body: Uint8Array, name: string): string | undefined {
  if (body.length < headerBytes) return "short";
  const view = viewOf(body);
  if (view.getUint32(0, true) !== magic) return "bad magic";
  if (view.getUint8(at.version) !== version) return "unknown version";
  const header = crc32(body.subarray(0, at.headerCrc), crc32(name));
  if (header !== view.getUint32(at.headerCrc, true)) {
    return "bad header checksum, or another queue's";
  }
  const content = crc32(body.subarray(headerBytes));
  return content === view.getUint32(at.bodyCrc, true) ? undefined : "bad body checksum";
}
