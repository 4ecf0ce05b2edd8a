// Prints the reply of GetRecords: some members, then the records of a page as the engine prints
// them, in either format.
import { concatBytes, utf8 } from "../codec/bytes.ts";
import { engine } from "../engine/instance.ts";
import { RecordPage } from "../http/recordPage.ts";
import type { RecordRun } from "../engine/printer.ts";
import { scannedHeaders } from "../http/selection.ts";
import type { Page } from "../stream/reader.ts";

import { writeArrayHead } from "../codec/cborWriter.ts";
import type { BodyCodec } from "./codec.ts";

export class RecordReply {
  private readonly members: object;
  private readonly runs: readonly RecordRun[];
  /** Further headers of the reply. */
  readonly headers: Readonly<Record<string, string>>;

  /** `members` stand before `Records`, which is left out when there are none. */
  constructor(members: object, page: Page) {
    this.members = members;
    this.runs = page.runs;
    this.headers = scannedHeaders(page);
  }

  /** The members alone when there are no records. */
  print(codec: BodyCodec): RecordPage | Uint8Array {
    const { runs } = this;
    const members = codec.encode(this.members);
    if (runs.length === 0) return members;
    return codec.format === "json" ? jsonPage(members, runs) : cborPage(members, runs);
  }
}

function jsonPage(members: Uint8Array, runs: readonly RecordRun[]): RecordPage {
  const head = concatBytes([members.subarray(0, -1), utf8(',"Records":[')]);
  return new RecordPage(head, runs, engine.yandexJson(), utf8("]}"));
}

/** The members are a map of a few, sorted by name; one more comes after them. */
function cborPage(members: Uint8Array, runs: readonly RecordRun[]): RecordPage {
  const count = runs.reduce((sum, { from, to }) => sum + to - from, 0);
  const name = Uint8Array.of(0x60 + "Records".length);
  const head = concatBytes([members, name, utf8("Records"), writeArrayHead(count)]);
  head[0] = (head[0] as number) + 1;
  return new RecordPage(head, runs, engine.yandexCbor(), new Uint8Array(0));
}
