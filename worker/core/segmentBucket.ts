// Sealed segments in the bucket, one object each; a key is written once. An object is trusted after
// it has been read back and compared byte for byte with what was put. Only then may the caller
// delete the rows. A segment that fails its check in SQLite stays there. No reply to a put waits
// for this code.
import { Buffer } from "node:buffer";
import { concatBytes, noBytes } from "../codec/bytes.ts";
import { verifySegment } from "../engine/chunk.ts";
import { isCorrupt } from "./bodyCheck.ts";

interface StoredObject {
  body: ReadableStream<Uint8Array> | null;
  arrayBuffer(): Promise<ArrayBuffer>;
}

/** What the storage engine needs of a bucket: R2, or a folder. */
export interface SegmentBucket {
  /** With `onlyIf` an existing object stays as it is. */
  put(
    key: string,
    body: Uint8Array,
    options: { onlyIf: { etagDoesNotMatch: string } },
  ): Promise<unknown>;
  get(key: string): Promise<StoredObject | null>;
  delete(keys: string | string[]): Promise<void>;
  list(options: { prefix: string }): Promise<{ objects: { key: string }[]; truncated: boolean }>;
  /**
   * Resolves when the objects survive a loss of power. A bucket without this method promises it for
   * every put.
   */
  sync?(keys: readonly string[]): Promise<void>;
  /**
   * Deletes all objects with the prefix, which ends with a slash. A bucket without this method is
   * emptied by `list` and `delete`.
   */
  deleteFolder?(prefix: string): Promise<void>;
}

/** The segments to move, requested one at a time. */
export interface MovableSegments {
  uid: string;
  /** Number of the next segment, or undefined if there is none now. */
  next(): number | undefined;
  /** Its bytes; undefined if it is not here. Throws `corrupt`. */
  load(segment: number): Uint8Array | undefined;
  /** Called when the segment is in R2 and verified, or cannot be moved. */
  done(segment: number): Promise<void>;
}

/** R2 deletes this many keys in one call. */
const deleteKeysMax = 1000;

/** Moves segments until there is none. Throws if R2 fails or returns other bytes. */
export async function moveSegments(
  bucket: SegmentBucket,
  segments: MovableSegments,
): Promise<void> {
  for (;;) {
    const segment = segments.next();
    if (segment === undefined) return;
    const body = loadIfSound(segments, segment);
    if (body !== undefined) await putVerified(bucket, segmentObject(segments.uid, segment), body);
    await segments.done(segment);
  }
}

/**
 * A segment's verified bytes from R2, in a buffer that is given if they are less than it has; it is
 * transferred. Undefined when there is no such object. Throws `corrupt`.
 */
export async function readObject(
  bucket: SegmentBucket,
  uid: string,
  segment: number,
  buffer?: ArrayBuffer,
): Promise<Uint8Array | undefined> {
  const object = await bucket.get(segmentObject(uid, segment));
  if (object === null) return undefined;
  const body =
    buffer === undefined || object.body === null
      ? new Uint8Array(await object.arrayBuffer())
      : await readInto(buffer, object.body);
  verifySegment(body, uid, segment);
  return body;
}

/** The whole stream. What fits into the buffer was not copied. */
async function readInto(
  buffer: ArrayBuffer,
  stream: ReadableStream<Uint8Array>,
): Promise<Uint8Array> {
  const { byteLength } = buffer;
  const reader = stream.getReader({ mode: "byob" });
  const parts: Uint8Array[] = [];
  for (let room = buffer; ; room = new ArrayBuffer(byteLength)) {
    const { value = noBytes } = await reader.readAtLeast(byteLength, new Uint8Array(room));
    parts.push(value);
    if (value.length < byteLength) return parts.length === 1 ? value : concatBytes(parts);
  }
}

/**
 * Resolves when the objects of moved segments are durable, so that their rows may be deleted.
 * Throws if they are not; the objects are then deleted, because their state is unknown.
 */
export async function syncSegments(
  bucket: SegmentBucket,
  uid: string,
  segments: readonly number[],
): Promise<void> {
  try {
    await bucket.sync?.(segments.map((segment) => segmentObject(uid, segment)));
  } catch (error) {
    await dropSegments(bucket, uid, segments);
    throw error;
  }
}

/**
 * Deletes the objects of some segments, or of all segments of a shard. Repeating the call changes
 * nothing.
 */
export async function dropSegments(
  bucket: SegmentBucket,
  uid: string,
  segments?: readonly number[],
): Promise<void> {
  if (segments !== undefined) {
    for (let at = 0; at < segments.length; at += deleteKeysMax) {
      const some = segments.slice(at, at + deleteKeysMax);
      await bucket.delete(some.map((segment) => segmentObject(uid, segment)));
    }
    return;
  }
  if (bucket.deleteFolder !== undefined) return bucket.deleteFolder(segmentObject(uid, ""));
  for (;;) {
    const { objects, truncated } = await bucket.list({ prefix: segmentObject(uid, "") });
    if (objects.length > 0) await bucket.delete(objects.map((object) => object.key));
    if (!truncated) return;
  }
}

function segmentObject(uid: string, segment: number | ""): string {
  return `segments/${uid}/${segment}`;
}

function loadIfSound(segments: MovableSegments, segment: number): Uint8Array | undefined {
  try {
    return segments.load(segment);
  } catch (error) {
    if (isCorrupt(error)) return undefined;
    throw error;
  }
}

async function putVerified(bucket: SegmentBucket, key: string, body: Uint8Array): Promise<void> {
  // An object that an interrupted move left is not overwritten: it is checked like a new one.
  await bucket.put(key, body, { onlyIf: { etagDoesNotMatch: "*" } });
  const object = await bucket.get(key);
  const stored = object === null ? undefined : new Uint8Array(await object.arrayBuffer());
  if (stored === undefined || !Buffer.from(stored.buffer).equals(body)) {
    await bucket.delete(key);
    throw new Error(`R2 gave back other bytes for ${key} than were put`);
  }
}
