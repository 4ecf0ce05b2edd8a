// The budget that all pages of an isolate share while their segments are loaded: never more than it has
// but for a page that is alone, everybody in the order in which they came, and nothing taken for ever,
// whatever becomes of those who took it.

import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { segmentBytes } from "../../../worker/limits.ts";
import { type Lease, MemoryBudget, type Turn } from "../../../worker/core/memoryBudget.ts";
import { expectedBytes, readInTurn, pageMemory } from "../../../worker/stream/loadBudget.ts";
import { Random } from "../../engine/random.ts";

const leaseMs = 1000;

/** Pages that are loaded until a test says that they are there. */
class Pages {
  readonly budget = new MemoryBudget(100, leaseMs);
  /** Names of those that have begun, in order. */
  readonly begun: string[] = [];
  private readonly ends = new Map<string, PromiseWithResolvers<void>>();

  load(name: string, bytes: number, turn?: Turn): Promise<string> {
    const work = async () => {
      const end = Promise.withResolvers<void>();
      this.ends.set(name, end);
      this.begun.push(name);
      await end.promise;
      return name;
    };
    return this.budget.run(bytes, work, turn);
  }

  async end(name: string, failure?: Error): Promise<void> {
    await settled();
    const end = this.ends.get(name);
    if (end === undefined) throw new Error(`${name} has not begun`);
    if (failure === undefined) end.resolve();
    else end.reject(failure);
    await settled();
  }
}

/** Everything that needs no time has happened. */
function settled(): Promise<void> {
  return new Promise((done) => setImmediate(done));
}

let pages: Pages;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["Date", "setInterval", "clearInterval"] });
  pages = new Pages();
});

afterEach(() => {
  vi.useRealTimers();
});

describe("the budget", () => {
  test("lets pages load side by side while there is room, and the next one after that", async () => {
    const loads = [pages.load("a", 60), pages.load("b", 40), pages.load("c", 1)];
    await settled();
    expect(pages.begun).toEqual(["a", "b"]);
    expect([pages.budget.bytes, pages.budget.waiting]).toEqual([100, 1]);
    await pages.end("b");
    expect(pages.begun).toEqual(["a", "b", "c"]);
    await pages.end("a");
    await pages.end("c");
    expect(await Promise.all(loads)).toEqual(["a", "b", "c"]);
    expect([pages.budget.bytes, pages.budget.waiting]).toEqual([0, 0]);
  });

  test("lets a page that is larger than all of it go alone", async () => {
    const loads = [pages.load("small", 10), pages.load("huge", 500), pages.load("next", 10)];
    await settled();
    expect(pages.begun).toEqual(["small"]);
    await pages.end("small");
    expect(pages.begun).toEqual(["small", "huge"]);
    await pages.end("huge");
    expect(pages.begun).toEqual(["small", "huge", "next"]);
    await pages.end("next");
    await Promise.all(loads);
  });

  test("lets nobody overtake, however little they need", async () => {
    const loads = ["first", "large", "tiny"].map((name, i) => pages.load(name, [60, 50, 1][i]!));
    await settled();
    expect(pages.begun).toEqual(["first"]);
    await pages.end("first");
    expect(pages.begun).toEqual(["first", "large", "tiny"]);
    await pages.end("large");
    await pages.end("tiny");
    await Promise.all(loads);
  });

  test("lets pages that have loaded their segments go before those that have not", async () => {
    const loads = [pages.load("a", 100), pages.load("b", 60), pages.load("c", 60, "first")];
    await settled();
    await pages.end("a");
    expect(pages.begun).toEqual(["a", "c"]);
    await pages.end("c");
    expect(pages.begun).toEqual(["a", "c", "b"]);
    await pages.end("b");
    await Promise.all(loads);
  });

  test("has back at once what a page turns out not to need, and gives no more than was taken", async () => {
    const end = Promise.withResolvers<void>();
    const first = pages.budget.run(100, async (lease) => {
      if (lease === undefined) throw new Error("no lease");
      pages.budget.shrink(lease, 150);
      expect(pages.budget.bytes).toBe(100);
      pages.budget.shrink(lease, 30);
      await end.promise;
    });
    const next = pages.load("next", 70);
    await settled();
    expect(pages.begun).toEqual(["next"]);
    expect(pages.budget.bytes).toBe(100);
    end.resolve();
    await pages.end("next");
    await Promise.all([first, next]);
    expect(pages.budget.bytes).toBe(0);
  });

  test("gives up a lease of several times the usual length after so long, and not before", async () => {
    const end = Promise.withResolvers<void>();
    const held = pages.budget.run(100, async (lease) => {
      if (lease === undefined) throw new Error("no lease");
      pages.budget.renew(lease, 3);
      await end.promise;
    });
    const next = pages.load("next", 70);
    await vi.advanceTimersByTimeAsync(3 * pages.budget.leaseMs - 1);
    expect(pages.begun).toEqual([]);
    await vi.advanceTimersByTimeAsync(pages.budget.leaseMs);
    expect(pages.begun).toEqual(["next"]);
    end.resolve();
    await pages.end("next");
    await Promise.all([held, next]);
  });

  test("gives work that is to go on at once its short time twice: the process may have been held up", async () => {
    const budget = new MemoryBudget(100, leaseMs);
    const ends = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const leases: Lease[] = [];
    const onExpiry = vi.fn();
    void budget.run(100, async (lease) => {
      leases.push(Object.assign(lease!, { onExpiry }));
      await ends[0]!.promise;
    });
    void budget.run(100, async (lease) => {
      leases.push(lease!);
      await ends[1]!.promise;
    });
    await settled();
    budget.expectSoon(leases[0]!);
    // Held up for long: the next look comes before the work goes on.
    vi.setSystemTime(Date.now() + 3 * budget.soonMs);
    await vi.advanceTimersByTimeAsync(budget.soonMs);
    expect([leases.length, onExpiry.mock.calls.length]).toEqual([1, 0]);
    await vi.advanceTimersByTimeAsync(budget.soonMs);
    expect([leases.length, onExpiry.mock.calls.length]).toEqual([2, 1]);
    for (const { resolve } of ends) resolve();
  });

  test("makes nobody wait who needs nothing", async () => {
    const held = pages.load("held", 100);
    await settled();
    const free = pages.load("free", 0);
    await pages.end("free");
    expect(await free).toBe("free");
    await pages.end("held");
    await held;
  });

  test("has its bytes back after a failure, which is told", async () => {
    const failing = pages.load("failing", 100);
    const waiting = pages.load("waiting", 100);
    const told = expect(failing).rejects.toThrow("no such bucket");
    await pages.end("failing", new Error("no such bucket"));
    await told;
    expect(pages.begun).toEqual(["failing", "waiting"]);
    await pages.end("waiting");
    await waiting;
    const thrown = pages.budget.run(100, () => {
      throw new Error("at once");
    });
    await expect(thrown).rejects.toThrow("at once");
    expect(pages.budget.bytes).toBe(0);
  });

  test("has them back from a request that never ends, after a while", async () => {
    void pages.load("cut off", 100);
    const next = pages.load("next", 100);
    await vi.advanceTimersByTimeAsync(leaseMs - 1);
    expect(pages.begun).toEqual(["cut off"]);
    await vi.advanceTimersByTimeAsync(2);
    await settled();
    expect(pages.begun).toEqual(["cut off", "next"]);
    expect(pages.budget.bytes).toBe(100);
    // One that ends after all gives back what is its own, and no more.
    await pages.end("cut off");
    expect(pages.budget.bytes).toBe(100);
    await pages.end("next");
    await next;
    expect(vi.getTimerCount()).toBe(0);
  });

  test("has them back from a request that began before the clock was set back", async () => {
    void pages.load("cut off", 100);
    await settled();
    vi.setSystemTime(Date.now() - 3_600_000);
    const next = pages.load("next", 100);
    await settled();
    expect(pages.begun).toEqual(["cut off", "next"]);
    await pages.end("next");
    await next;
  });

  test("is never passed by more than one page alone, and serves in order, at random", async () => {
    const random = new Random(4);
    const sizes = new Map<string, number>();
    const loads: Promise<string>[] = [];
    let ended = 0;
    while (ended < 500) {
      await settled();
      const under = pages.begun.slice(0).filter((name) => sizes.has(name));
      const bytes = under.reduce((sum, name) => sum + sizes.get(name)!, 0);
      expect(pages.budget.bytes).toBe(bytes);
      if (under.length > 1) expect(bytes).toBeLessThanOrEqual(100);
      if (random.chance(0.5) && under.length > 0) {
        const name = random.pick(under);
        await pages.end(name);
        sizes.delete(name);
        ended++;
      } else if (loads.length < 520) {
        const name = String(loads.length);
        sizes.set(name, random.between(1, random.chance(0.1) ? 300 : 60));
        loads.push(pages.load(name, sizes.get(name)!));
      }
    }
    expect(pages.begun).toEqual(pages.begun.map((_, i) => String(i)));
  });
});

describe("a shard's segments", () => {
  test("are taken to be as large as the last that were read", async () => {
    expect(expectedBytes("large")).toBe(segmentBytes);
    const during: number[] = [];
    const load = async () => {
      during.push(pageMemory.bytes);
      return [10_000_000, 8_000_000].map((bytes) => settledWith(new Uint8Array(bytes)));
    };
    await readInTurn("large", 2, load);
    expect(expectedBytes("large")).toBe(9_000_000);
    expect(expectedBytes("other")).toBe(segmentBytes);
    const loads = await readInTurn("large", 1, load);
    expect(loads).toHaveLength(2);
    expect(during).toEqual([2 * segmentBytes, 9_000_000]);
    expect(pageMemory.bytes).toBe(0);
  });

  test("that cannot be had say nothing of their size", async () => {
    const failed = { status: "rejected" as const, reason: new Error("gone") };
    expect(await readInTurn("failing", 1, async () => [failed])).toEqual([failed]);
    expect(expectedBytes("failing")).toBe(segmentBytes);
  });
});

function settledWith(value: Uint8Array): PromiseSettledResult<Uint8Array> {
  return { status: "fulfilled", value };
}
