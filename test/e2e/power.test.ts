// The power is cut while producers put and segments move out of SQLite: whatever had not been synced by
// then is gone (power/cut.ts). Every acknowledged record must be there when the server starts again on
// what is left, also after several cuts on end. The moment is a number of acknowledged bytes, by
// chance. CRASH_ROUNDS makes more of them; power/blocks.ts does the same to a real file system.

import { mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { generationBytes } from "../../worker/limits.ts";
import { Random } from "../engine/random.ts";
import { listGenerations, listObjects, untilSeen } from "./data-folder.ts";
import { History, kinesisAt, type Shape } from "./history.ts";
import { cutPower, diskWith } from "./power/cut.ts";
import { startServer } from "./server.ts";

const roundCount = Number(process.env["CRASH_ROUNDS"] ?? 3);
const seed = Number(process.env["SEED"] ?? 5);
const timeout = 60_000 + roundCount * 20_000;
const recorder = join(import.meta.dirname, "power", "recorder.ts");
const stream = "power";
const producerCount = 3;

/** Mostly records that are a segment each, and batches that the front packs and writes itself. */
const shape: Shape = (random) => {
  if (random.chance(0.3)) return [random.below(4000)];
  if (random.chance(0.2)) return [random.between(400_000, 900_000)];
  return Array.from({ length: random.between(30, 60) }, () => random.between(10_000, 20_000));
};

test(`acknowledged records outlive a loss of power, seed ${seed}`, { timeout }, async () => {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), "millrace-power-")));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const random = new Random(seed);
  const history = new History();
  let freedCount = 0;
  let objectCount = 0;
  let stagedCount = 0;
  let data = join(folder, "first", "data");
  for (let round = 0; round < roundCount; round++) {
    const log = join(folder, `syncs-${round}`);
    const disk = diskWith(data);
    const env = { SYNC_LOG: log, NODE_OPTIONS: `--import ${recorder}` };
    await using server = await startServer({ data, env });
    const kinesis = kinesisAt(server.endpoint);
    if (round === 0) await history.create(kinesis, stream, 1);
    else await history.expectKept(kinesis, stream);
    const bytes = history.bytesOf(stream) + random.between(1, 4 * generationBytes);
    const producers = Array.from({ length: producerCount }, (_, i) =>
      history.putForEver(kinesis, stream, `${round}.${i}`, new Random(random.word()), shape),
    );
    const ends = Promise.allSettled(producers);
    await Promise.race([
      ...producers,
      untilSeen("so many acknowledged", () => history.bytesOf(stream) >= bytes),
    ]);
    const next = join(folder, `after-${round}`);
    stagedCount += await stagedSegments(server.endpoint);
    await cutPower(server, log, disk, next, random);
    await ends;
    freedCount += listGenerations(next).filter((state) => state === "freed").length;
    objectCount += listObjects(next).length;
    data = next;
  }
  await using server = await startServer({ data });
  await history.expectKept(kinesisAt(server.endpoint), stream);
  expect(stagedCount).toBeGreaterThan(0);
  // Rows were freed and their objects alone were left: else nothing was proven.
  expect([freedCount > 0, objectCount > 0]).toEqual([true, true]);
});

/** How many segments the front has written. */
async function stagedSegments(endpoint: string): Promise<number> {
  const metrics = await (await fetch(`${endpoint}/metrics`)).text();
  return Number(/^millrace_segments_staged_total (\d+)/m.exec(metrics)?.[1]);
}
