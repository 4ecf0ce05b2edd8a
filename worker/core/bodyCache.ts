// A cache of chunks and segments in the memory of an isolate; the least recently used is removed
// first. All shards and readers of the isolate share one budget, because many of them may share its
// 128 MB.
import { bodyCacheBytesMax } from "../limits.ts";

export class BodyCache {
  bytes = 0;
  hits = 0;
  misses = 0;
  private readonly bytesMax: number;
  /** In order of use, oldest first. */
  private readonly bodies = new Map<string, Uint8Array>();

  constructor(bytesMax: number) {
    this.bytesMax = bytesMax;
  }

  /** True if the body is cached; this does not count as use. */
  has(key: string): boolean {
    return this.bodies.has(key);
  }

  get(key: string): Uint8Array | undefined {
    const body = this.bodies.get(key);
    if (body === undefined) {
      this.misses++;
      return undefined;
    }
    this.hits++;
    this.bodies.delete(key);
    this.bodies.set(key, body);
    return body;
  }

  /** Stores a verified body, unless it alone would take most of the budget. */
  put(key: string, body: Uint8Array): void {
    this.delete(key);
    if (body.length * 2 > this.bytesMax) return;
    this.bodies.set(key, body);
    this.bytes += body.length;
    for (const [oldest, { length }] of this.bodies) {
      if (this.bytes <= this.bytesMax) break;
      this.bodies.delete(oldest);
      this.bytes -= length;
    }
  }

  /** Removes all entries whose key begins with the prefix. */
  deleteAll(prefix: string): void {
    for (const key of this.bodies.keys()) if (key.startsWith(prefix)) this.delete(key);
  }

  delete(key: string): void {
    const body = this.bodies.get(key);
    if (body === undefined) return;
    this.bodies.delete(key);
    this.bytes -= body.length;
  }
}

/** The isolate's cache. */
export const bodies = new BodyCache(bodyCacheBytesMax);

/** Key of the body of a chunk that is not sealed. */
export function chunkKey(uid: string, firstIndex: number): string {
  return `${uid}/chunk/${firstIndex}`;
}

/** Key of a segment's body. */
export function segmentKey(uid: string, segment: number): string {
  return `${uid}/segment/${segment}`;
}
