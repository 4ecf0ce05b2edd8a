// Room for bodies when requests are cut off: nobody waits for one that runs no code any more.
import { expect, test } from "vitest";
import { BodyBudget, type Room } from "../../worker/http/bodyBudget.ts";

const aliveMs = 3000;

test("a request that was cut off while it waited is passed over", async () => {
  const budget = new BodyBudget(10, aliveMs);
  const first = await budget.wait(10, 0).turn;
  const begun: string[] = [];
  const wait = (name: string) => {
    const { turn, waiter } = budget.wait(10, 0);
    const began = turn.then((room: Room) => {
      begun.push(name);
      return room;
    });
    return { began, waiter };
  };
  wait("cut off");
  const alive = wait("alive");
  for (let nowMs = 1000; nowMs <= aliveMs; nowMs += 1000) {
    budget.renew(first, nowMs);
    budget.renew(alive.waiter, nowMs);
  }
  budget.release(first, aliveMs);
  await alive.began;
  expect(begun).toEqual(["alive"]);
  expect([budget.bytes, budget.waiting]).toEqual([10, 0]);
});
