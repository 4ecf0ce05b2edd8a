// Pages share the memory they are printed in: a reply must have its bytes before the next page is
// printed, whenever it is read.

import { describe, expect, test } from "vitest";
import { engine } from "../../../worker/engine/instance.ts";
import { RecordPage } from "../../../worker/http/recordPage.ts";
import { batchOf } from "../../../worker/engine/recordBatch.ts";
import { stampChunk } from "../../../worker/engine/chunk.ts";
import type { RecordRun } from "../../../worker/engine/printer.ts";

const encoder = new TextEncoder();
const nothing = new Uint8Array(0);

describe("pages printed before any is read", () => {
  test.each([
    ["small", 1000, ["a", "b", "c"]],
    ["of a megabyte", 1_000_000, ["a", "b", "c"]],
    // Two of these have room at once, and a third would wait until one is read.
    ["that are sent piece by piece", 1_700_000, ["a", "b"]],
    ["of records beyond the window", 2_300_000, ["a", "b"]],
  ])("%s", async (_, dataBytes, letters) => {
    const pages = letters.map((letter) => pageOf(letter, dataBytes));
    const replies = await Promise.all(
      pages.map((page) => page.respond({ headers: { "x-letter": "yes" } })),
    );
    const copies = pages.map((page) => page.bytes());
    for (const [i, letter] of letters.entries()) {
      const reply = replies[i] as Response;
      expect(reply.headers.get("x-letter")).toBe("yes");
      const text = await reply.text();
      expect(new TextDecoder().decode(copies[i])).toBe(text);
      const records = JSON.parse(text) as { Data: string }[];
      expect(records.map(({ Data }) => atob(Data))).toEqual(
        Array.from({ length: 3 }, () => letter.repeat(dataBytes)),
      );
    }
  });
});

/** Three records of one letter, over two runs. */
function pageOf(letter: string, dataBytes: number): RecordPage {
  const record = { key: nothing, info: nothing, data: encoder.encode(letter.repeat(dataBytes)) };
  const runs: RecordRun[] = [0, 1, 2].map((firstIndex) => {
    const chunk = engine.pack(batchOf([record]));
    stampChunk(chunk, { firstIndex, timeMs: 1, timeOrdinal: firstIndex });
    return { chunk, from: 0, to: 1 };
  });
  return new RecordPage(encoder.encode("["), runs, engine.v3ioJson(), encoder.encode("]"));
}
