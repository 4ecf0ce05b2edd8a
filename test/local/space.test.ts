// The free space of a disk, whose readings are given: when writes are refused, and what the log says.
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { requireSpace, watchSpace } from "../../local/space.ts";

const megabyte = 1 << 20;

async function watch(sizeBytes: number, minFreeBytes?: number) {
  const disk = { freeBytes: sizeBytes, sizeBytes };
  const lines: string[] = [];
  const readDisk = () => Promise.resolve({ ...disk });
  const log = (line: string) => void lines.push(line);
  const space = await watchSpace({ folder: "/data", minFreeBytes, readDisk, log });
  const spareAt = async (freeBytes: number) => {
    disk.freeBytes = freeBytes;
    return await space.look();
  };
  return { space, lines, spareAt };
}

test.each([
  [1e12, 128 * megabyte],
  [64 * megabyte, 16 * megabyte],
])("of a disk of %i bytes, %i stay free", async (sizeBytes, minFreeBytes) => {
  expect((await watch(sizeBytes)).space.minFreeBytes).toBe(minFreeBytes);
});

test("what is above the least that stays free may be written; near it nothing, until there is clearly more", async () => {
  const { lines, spareAt } = await watch(1e12, 80 * megabyte);
  expect(await spareAt(200 * megabyte)).toBe(120 * megabyte);
  expect(lines).toEqual([]);
  expect(await spareAt(90 * megabyte)).toBe(0);
  expect(await spareAt(10 * megabyte)).toBe(0);
  expect(await spareAt(99 * megabyte)).toBe(0);
  expect(lines).toEqual([
    "millrace: the disk of /data has less than 80 MB free: writes are refused, reads are served",
  ]);
  expect(await spareAt(101 * megabyte)).toBe(21 * megabyte);
  expect(lines.slice(1)).toEqual([
    "millrace: the disk of /data has room again: writes are accepted",
  ]);
});

test("the Worker is told in JSON", async () => {
  const { space } = await watch(1e9, 100 * megabyte);
  const { status, body = "" } = await space.handler({ path: "", body: Buffer.alloc(0) });
  expect([status, JSON.parse(body)]).toEqual([200, { spareBytes: 1e9 - 100 * megabyte }]);
});

test("a disk on which workerd could not even read is refused before anything is made on it", async () => {
  const folder = join(tmpdir(), "millrace-none", "data");
  const asked: string[] = [];
  const start = (freeBytes: number) =>
    requireSpace(folder, (path) => {
      asked.push(path);
      return Promise.resolve({ freeBytes, sizeBytes: 1e9 });
    });
  for (const freeBytes of [0, 4096, 120 << 10, megabyte - 1]) {
    await expect(start(freeBytes)).rejects.toThrow(
      `the disk of ${folder} is full (${Math.floor(freeBytes / 1024)} KB free): free at least 1 MB, or pass another folder, --data DIR`,
    );
  }
  await start(megabyte);
  expect(new Set(asked)).toEqual(new Set([tmpdir()]));
});
