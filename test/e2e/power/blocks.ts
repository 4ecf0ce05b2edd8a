// Cuts the power of a real file system: `sudo node test/e2e/power/blocks.ts [--cuts 20] [--seed 1]`, on Linux
// with mkfs.ext4 and mkfs.btrfs. The data folder is on an ext4 in an image file. At a random moment,
// while producers put and segments move, the image is copied in one instant (a reflink of btrfs, which
// holds the image): what the system had not written to its disk by then is not in the copy. The next
// server starts on the copy, and must have every acknowledged record. Nothing of it stays afterwards.
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { generationBytes } from "../../../worker/limits.ts";
import { Random } from "../../engine/random.ts";
import { listGenerations, listObjects, untilSeen } from "../data-folder.ts";
import { History, kinesisAt, type Shape } from "../history.ts";
import { startServer } from "../server.ts";

const outerBytes = "12G";
const diskBytes = "4G";
const producerCount = 4;
const cutsPerStream = 4;

const mixed: Shape = (random) =>
  random.chance(0.5)
    ? [random.between(300_000, 900_000)]
    : Array.from({ length: random.between(1, 30) }, () => random.below(6000));

/** Most are so large that the front packs and writes them, where there is one shard. */
const batches: Shape = (random) =>
  Array.from({ length: random.between(5, 80) }, () => random.between(5000, 20_000));

/** Streams take turns. */
const kinds = [
  { shardCount: 2, shape: mixed },
  { shardCount: 1, shape: batches },
];

const { values } = parseArgs({
  options: { cuts: { type: "string" }, seed: { type: "string" } },
});
const cutCount = Number(values.cuts ?? 20);
const random = new Random(Number(values.seed ?? 1));
const folder = mkdtempSync(join(tmpdir(), "millrace-blocks-"));
const outer = join(folder, "outer");
const mounted: string[] = [];

try {
  run("truncate", "-s", outerBytes, `${outer}.img`);
  run("mkfs.btrfs", "-q", `${outer}.img`);
  mount(`${outer}.img`, outer);
  run("truncate", "-s", diskBytes, join(outer, "0.img"));
  run("mkfs.ext4", "-q", join(outer, "0.img"));
  const history = new History();
  for (let cut = 0; cut < cutCount; cut++) {
    const acknowledged = await cutOnce(cut, history);
    console.log(`cut ${cut + 1} of ${cutCount}: ${acknowledged}`);
  }
  const data = join(mountDisk(cutCount), "data");
  for (const stream of history.names) await expectStream(history, data, stream);
  const megabytes = history.names.reduce((sum, name) => sum + history.bytesOf(name), 0) / 1e6;
  console.log(`all acknowledged records of ${cutCount} cuts are there, ${megabytes.toFixed(0)} MB`);
} finally {
  // What still holds a file there after a failure must not hide the failure.
  for (const path of mounted.toReversed()) run("umount", "--lazy", path);
  rmSync(folder, { recursive: true, force: true });
}

/** Serves from a disk, checks what is there, puts, and leaves a copy for the next. */
async function cutOnce(cut: number, history: History): Promise<string> {
  const disk = mountDisk(cut);
  await using server = await startServer({ data: join(disk, "data") });
  const kinesis = kinesisAt(server.endpoint);
  const stream = `power-${Math.floor(cut / cutsPerStream)}`;
  const { shardCount, shape } = kinds[Math.floor(cut / cutsPerStream) % kinds.length]!;
  for (const name of history.names.slice(-1)) await history.expectKept(kinesis, name);
  if (!history.names.includes(stream)) await history.create(kinesis, stream, shardCount);
  const before = history.bytesOf(stream);
  const bytes = random.between(1, 5 * generationBytes);
  const producers = Array.from({ length: producerCount }, (_, i) =>
    history.putForEver(kinesis, stream, `${cut}.${i}`, new Random(random.word()), shape),
  );
  const ends = Promise.allSettled(producers);
  const enough = () => history.bytesOf(stream) - before >= bytes;
  await Promise.race([...producers, untilSeen("so much acknowledged", enough)]);
  const pids = [...server.workerdPids, server.pid];
  for (const pid of pids) process.kill(pid, "SIGSTOP");
  run("cp", "--reflink=always", join(outer, `${cut}.img`), join(outer, `${cut + 1}.img`));
  for (const pid of pids) process.kill(pid, "SIGKILL");
  await server.kill9();
  await ends;
  const freed = listGenerations(join(disk, "data")).filter((state) => state === "freed").length;
  const objects = listObjects(join(disk, "data")).length;
  return `${((history.bytesOf(stream) - before) / 1e6).toFixed(1)} MB acknowledged, ${freed} generations freed, ${objects} files`;
}

async function expectStream(history: History, data: string, stream: string): Promise<void> {
  await using server = await startServer({ data });
  await history.expectKept(kinesisAt(server.endpoint), stream);
}

/** Mounts the disk that a cut has left, and gives up the one before. */
function mountDisk(cut: number): string {
  const path = join(folder, `disk-${cut}`);
  mount(join(outer, `${cut}.img`), path);
  const last = mounted.indexOf(join(folder, `disk-${cut - 1}`));
  if (last >= 0) {
    run("umount", ...mounted.splice(last, 1));
    rmSync(join(outer, `${cut - 1}.img`));
  }
  return path;
}

function mount(image: string, path: string): void {
  mkdirSync(path);
  run("mount", "-o", "loop", image, path);
  mounted.push(path);
}

function run(program: string, ...args: string[]): void {
  execFileSync(program, args, { stdio: ["ignore", "inherit", "inherit"] });
}
