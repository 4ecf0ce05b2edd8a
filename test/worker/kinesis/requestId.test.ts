import { expect, test } from "vitest";
import { createRequestIds } from "../../../worker/kinesis/requestId.ts";

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

test("request ids: a version 4 UUID and base64 of 72 bytes, for every byte there is", () => {
  for (let value = 0; value < 256; value++) {
    const { requestId, extendedId } = createRequestIds((bytes) => bytes.fill(value))();
    expect(requestId).toMatch(uuid);
    const decoded = Buffer.from(extendedId, "base64");
    expect([...decoded]).toEqual(Array.from({ length: 72 }, () => value));
  }
});

test("request ids: a thousand replies, no two ids alike, randomness fetched 16 times", () => {
  let fetched = 0;
  const next = createRequestIds((bytes) => {
    fetched++;
    crypto.getRandomValues(bytes);
  });
  expect(fetched).toBe(0);
  const ids = Array.from({ length: 1000 }, () => next());
  expect(fetched).toBe(16);
  expect(new Set(ids.map(({ requestId }) => requestId)).size).toBe(1000);
  expect(new Set(ids.map(({ extendedId }) => extendedId)).size).toBe(1000);
});
