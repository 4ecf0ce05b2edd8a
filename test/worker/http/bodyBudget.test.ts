// Room for bodies when requests are cut off: nobody waits for one that runs no code any more.
import { expect, test } from "vitest";
import { BodyBudget } from "../../../worker/http/bodyBudget.ts";

const aliveMs = 3000;

test("a request that was cut off while it waited is passed over", async () => {
  const budget = new BodyBudget({ bytesMax: 10, usualBytes: 1, usualBytesMax: 0 }, aliveMs);
  const first = await budget.wait(10, 0).turn;
  const begun: string[] = [];
  const wait = (name: string) => {
    const { turn, waiter } = budget.wait(10, 0);
    void turn.then(() => begun.push(name));
    return waiter;
  };
  wait("cut off");
  const alive = wait("alive");
  for (let nowMs = 1000; nowMs <= aliveMs; nowMs += 1000) {
    budget.renew(first, nowMs);
    budget.renew(alive, nowMs);
  }
  budget.release(first, aliveMs);
  await new Promise((done) => setImmediate(done));
  expect(begun).toEqual(["alive"]);
  expect([budget.bytes, budget.waiting]).toEqual([10, 0]);
});
