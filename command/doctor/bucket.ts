/** The segments in the folder that is the bucket, and what lies there besides. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import type { Findings } from "./findings.ts";

/** A body that workerd had not finished when it was killed; the next start removes it. */
const leftover = /^\..+\.\d+\.\d+\.tmp$/;
const root = join("bucket", "segments");

export class Bucket {
  private readonly folder: string;
  /** Numbers of segments by the uid of their shard. */
  private readonly segments = new Map<string, Set<number>>();

  /** Lists the folder; names that no segment has are noted. */
  constructor(folder: string, findings: Findings) {
    this.folder = folder;
    const bucket = join(folder, "bucket");
    if (!existsSync(bucket)) return;
    for (const entry of readdirSync(bucket, { recursive: true, withFileTypes: true })) {
      if (!entry.isFile()) continue;
      const path = join(entry.parentPath, entry.name);
      const file = relative(folder, path);
      const [, uid, number] = /^bucket\/segments\/([^/]+)\/(0|[1-9]\d*)$/.exec(file) ?? [];
      if (uid !== undefined) this.add(uid, Number(number));
      else if (leftover.test(entry.name)) {
        findings.note(file, "object", "an incomplete file of a killed server; a start removes it");
      } else findings.problem(file, "object", "its name is not that of a segment");
    }
  }

  /** Path of a segment's file, relative to the data folder. */
  fileOf(uid: string, segment: number): string {
    return join(root, uid, String(segment));
  }

  has(uid: string, segment: number): boolean {
    return this.segments.get(uid)?.has(segment) === true;
  }

  read(uid: string, segment: number): Uint8Array {
    return readFileSync(join(this.folder, this.fileOf(uid, segment)));
  }

  numbersOf(uid: string): number[] {
    return [...(this.segments.get(uid) ?? [])].toSorted((a, b) => a - b);
  }

  get uids(): string[] {
    return [...this.segments.keys()];
  }

  private add(uid: string, number: number): void {
    const numbers = this.segments.get(uid) ?? new Set();
    this.segments.set(uid, numbers.add(number));
  }
}
