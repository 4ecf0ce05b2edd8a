// Hostile requests of every dialect and encoding to the real local server, in the small form of
// `node bench/http/hostile.ts`: each is answered, none by an error of the server, and the records of a client that
// does nothing wrong are all there. No time is looked at.

import { expect, test } from "vitest";
import { sendHostile } from "../../bench/http/hostile.ts";

const seed = 20_361_127;

test.each([
  ["http1", 1100],
  ["tls", 400],
] as const)(`over %s, %i requests, seed ${seed}`, async (over, requestCount) => {
  const options = { requestCount, seed, clientCount: 8, quietMs: 100, over };
  const { statuses, failures, records } = await sendHostile(options);
  expect(failures).toEqual([]);
  expect(Object.values(statuses).reduce((sum, count) => sum + count, 0)).toBe(requestCount);
  expect(records.read).toBe(records.put);
});
