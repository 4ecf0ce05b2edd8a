/** The segments in the folder that is the bucket, and what lies there besides. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import type { Findings } from "./findings.ts";

/** A body that workerd had not finished when it was killed; the next start removes it. */
const leftover = /^\..+\.\d+\.\d+\.tmp$/;
const root = join("bucket", "segments");
const stagedRoot = join("bucket", "staged");

export class Bucket {
  private readonly folder: string;
  /** Numbers of segments by the uid of their shard. */
  private readonly segments = new Map<string, Set<number>>();
  /** Ids of staged bodies by the uid of their shard. */
  private readonly staged = new Map<string, Set<string>>();

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
      const [, shard, id] = /^bucket\/staged\/([^/]+)\/([\w-]+)$/.exec(file) ?? [];
      if (uid !== undefined) addTo(this.segments, uid, Number(number));
      else if (shard !== undefined && id !== undefined) addTo(this.staged, shard, id);
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

  /** Path of a staged body's file, relative to the data folder. */
  stagedFileOf(uid: string, id: string): string {
    return join(stagedRoot, uid, id);
  }

  /** A body that was staged, without its header; undefined if there is none. */
  readStaged(uid: string, id: string): Uint8Array | undefined {
    if (this.staged.get(uid)?.has(id) !== true) return undefined;
    return readFileSync(join(this.folder, this.stagedFileOf(uid, id)));
  }

  stagedIdsOf(uid: string): string[] {
    return [...(this.staged.get(uid) ?? [])].toSorted();
  }

  get uids(): string[] {
    return [...this.segments.keys()];
  }

  /** Uids of the shards that have staged bodies. */
  get stagedUids(): string[] {
    return [...this.staged.keys()];
  }
}

function addTo<T>(lists: Map<string, Set<T>>, uid: string, name: T): void {
  lists.set(uid, (lists.get(uid) ?? new Set<T>()).add(name));
}
