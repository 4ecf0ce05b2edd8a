// workerd that ends again and again: it is started anew, up to a bound within a minute. Then a user must
// look, because a request may be what ends it each time.

import { expect, test } from "vitest";
import type { Failure } from "../../local/failure.ts";
import { createRecovery } from "../../local/recovery.ts";

test("ten ends within a minute are mended, the eleventh ends the server", async () => {
  let starts = 0;
  const failures: Failure[] = [];
  const restart = createRecovery({
    start: async () => void starts++,
    isOver: () => failures.length > 0,
    giveUp: (failure) => failures.push(failure),
    log: () => {},
  });
  for (let i = 0; i < 10; i++) {
    restart();
    await expect.poll(() => starts).toBe(i + 1);
    await new Promise(setImmediate);
  }
  expect(failures).toEqual([]);
  restart();
  expect(failures.map(({ message }) => message)).toEqual([
    "workerd ended 11 times within a minute",
  ]);
  restart();
  expect([starts, failures.length]).toEqual([10, 1]);
});
