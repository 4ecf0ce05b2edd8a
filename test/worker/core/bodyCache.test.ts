// The cache that all shards and readers of an isolate share: within its budget at every moment, the
// least recently used gone first.

import { describe, expect, test } from "vitest";
import { bodyCacheBytesMax } from "../../../worker/limits.ts";
import { bodies, BodyCache } from "../../../worker/core/bodyCache.ts";
import { Random } from "../../engine/random.ts";

const of = (bytes: number) => new Uint8Array(bytes);

describe("the cache", () => {
  test("gives up what was used longest ago", () => {
    const cache = new BodyCache(300);
    for (const key of ["a", "b", "c"]) cache.put(key, of(100));
    cache.get("a");
    expect([cache.has("b"), cache.has("d")]).toEqual([true, false]);
    cache.put("d", of(100));
    expect(["a", "b", "c", "d"].map((key) => cache.get(key)?.length)).toEqual([
      100,
      undefined,
      100,
      100,
    ]);
  });

  test("keeps nothing that would take most of it, and drops what was under the key", () => {
    const cache = new BodyCache(300);
    cache.put("a", of(100));
    cache.put("a", of(151));
    expect(cache.get("a")).toBeUndefined();
    expect(cache.bytes).toBe(0);
    cache.put("a", of(150));
    expect(cache.get("a")?.length).toBe(150);
  });

  test("forgets one key, or all that begin alike", () => {
    const cache = new BodyCache(300);
    for (const key of ["one/1", "one/2", "two/1"]) cache.put(key, of(50));
    cache.delete("one/1");
    expect(cache.bytes).toBe(100);
    cache.deleteAll("one/");
    expect(cache.bytes).toBe(50);
    expect(cache.get("two/1")?.length).toBe(50);
  });

  test("counts its bytes right, and never more than allowed", () => {
    const random = new Random(1);
    const cache = new BodyCache(10_000);
    const keys = Array.from({ length: 40 }, (_, i) => `${i % 4}/${i}`);
    for (let step = 0; step < 5000; step++) {
      const key = random.pick(keys);
      if (random.chance(0.1)) cache.delete(key);
      else if (random.chance(0.01)) cache.deleteAll(`${random.below(4)}/`);
      else if (random.chance(0.5)) cache.get(key);
      else cache.put(key, of(random.below(6000)));
      expect(cache.bytes).toBeLessThanOrEqual(10_000);
    }
    const bytes = keys.reduce((sum, key) => sum + (cache.get(key)?.length ?? 0), 0);
    expect(cache.bytes).toBe(bytes);
  });

  test("of the isolate has its share of the 128 MB, and no more", () => {
    for (let i = 0; i < 50; i++) bodies.put(`test/${i}`, of(1024 * 1024));
    expect(bodies.bytes).toBeLessThanOrEqual(bodyCacheBytesMax);
    bodies.deleteAll("test/");
  });
});
