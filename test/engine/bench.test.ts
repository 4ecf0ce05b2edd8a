// The engine benchmark still runs, and the two sides it compares still agree. Nothing here looks
// at a time.

import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { expect, test } from "vitest";

test("bench: the engine's runs, and its results are the same every time", () => {
  const bench = join(import.meta.dirname, "../../bench/engine/engine.ts");
  const run = (): string =>
    execFileSync(process.execPath, [bench, "--quick"], { encoding: "utf8" });
  const first = run();
  const operations = [
    "pack",
    "walk",
    "scan",
    "slice a half",
    "merge four",
    "render Kinesis JSON",
    "render Kinesis CBOR",
  ];
  for (const operation of [...operations, "by index among 100", "by time among 100"])
    expect(first).toMatch(new RegExp(`^${operation} `, "m"));
  const [results] = /results [0-9a-f]{16}/.exec(first)!;
  expect(run()).toContain(results);
});
