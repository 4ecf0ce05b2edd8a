// Whose a stored body is: the shard that it is bound to and no other can read it. A body that is bound to
// none is taken only by shards that were made before bodies were bound.

import { expect, test } from "vitest";
import { bindChunk, readHeader, verifyBody, verifySegment } from "../../../worker/engine/chunk.ts";
import { shardUid } from "../../../worker/engine/shardUid.ts";
import { packChunk } from "../../reference/pack.ts";

const stream = "9f0c1d2e-3b4a-4c5d-8e6f-708192a3b4c5";
const uid = shardUid(stream, 0);
const foreign = shardUid(stream, 1);
/** As 0.1.0 named them. */
const old = `${stream}-0`;
const record = {
  timeMs: 5,
  key: new Uint8Array(0),
  info: new Uint8Array(0),
  data: new Uint8Array(9),
};
const free = packChunk({ firstIndex: 3, timeOrdinal: 0, records: [record] });

function boundTo(shard: string): Uint8Array {
  const body = free.slice();
  bindChunk(body, shard);
  return body;
}

test("a uid says which shard of which stream it is, and that its bodies are bound", () => {
  expect(uid).toBe("2-9f0c1d2e3b4a4c5d8e6f708192a3b4c5-0");
});

test("a body is its shard's: also when it is bound again, and in a shard of 0.1.0", () => {
  expect(verifyBody(boundTo(uid), uid)).toMatchObject({ isBound: true, firstIndex: 3, count: 1 });
  const again = boundTo(foreign);
  bindChunk(again, uid);
  expect(verifyBody(again, uid).isBound).toBe(true);
  expect(verifyBody(boundTo(old), old).isBound).toBe(true);
  expect(verifyBody(free, old)).toMatchObject({ isBound: false, firstIndex: 3, count: 1 });
});

test.each([
  ["another shard's", boundTo(foreign), uid, "bad header checksum, or another shard's"],
  ["another shard's, of 0.1.0", boundTo(uid), old, "bad header checksum, or another shard's"],
  ["nobody's", free, uid, "not bound to its shard"],
  ["said to be nobody's", boundTo(uid).with(4, 1), old, "bad header checksum"],
  ["cut short", boundTo(uid).subarray(0, -1), uid, "wrong length"],
  ["longer than it says", Uint8Array.of(...boundTo(uid), 0), uid, "wrong length"],
  ["of a version to come", boundTo(uid).with(4, 3), uid, "unknown version"],
])("a body that is %s is refused", (_, body, shard, what) => {
  expect(() => verifySegment(body, shard, 7)).toThrow(
    expect.objectContaining({ code: "corrupt", detail: { shard, segment: 7, what } }),
  );
});

test("every bit of a stored body counts", () => {
  const body = boundTo(uid);
  for (let bit = 0; bit < body.length * 8; bit++) {
    const spoiled = body.with(bit >> 3, (body[bit >> 3] ?? 0) ^ (1 << (bit & 7)));
    expect(() => verifyBody(spoiled, uid)).toThrow(expect.objectContaining({ code: "corrupt" }));
  }
  expect(readHeader(body).bytes).toBe(body.length);
});
