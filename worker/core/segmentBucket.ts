// Sealed segments in the bucket, one object each. An object is trusted when it is known to hold what
// was put: a bucket that can look at its objects itself does so for a whole generation (`confirm`), of
// any other an object is read back and compared byte for byte. Only then may the caller delete the
// rows. A segment that fails its check in SQLite stays there. No reply to a put waits for this code.
import { Buffer } from "node:buffer";
import { concatBytes, noBytes } from "../codec/bytes.ts";
import { bodyChecksum, CHUNK_HEADER_BYTES, readHeader, verifySegment } from "../engine/chunk.ts";
import type { Adoption, StagedBody } from "../engine/putManifest.ts";
import type { ScreenedSegment } from "../engine/screen.ts";
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
    options?: { onlyIf: { etagDoesNotMatch: string } },
  ): Promise<unknown>;
  get(key: string): Promise<StoredObject | null>;
  delete(keys: string | string[]): Promise<void>;
  list(options: { prefix: string }): Promise<{ objects: { key: string }[]; truncated: boolean }>;
  /**
   * Resolves when the objects have been found to be what is expected, and survive a loss of power.
   * Throws if one does not. A bucket with this method replaces an object at once or not at all. One
   * without it promises for every put that it lasts, and its objects are read back. May return the filter of the keys of
   * each segment whose bytes it has read: null if that gets none.
   */
  confirm?(objects: readonly ExpectedObject[]): Promise<readonly ReadFilter[] | void>;
  /**
   * Deletes all objects with the prefix, which ends with a slash. A bucket without this method is
   * emptied by `list` and `delete`.
   */
  deleteFolder?(prefix: string): Promise<void>;
  /**
   * Writes bodies that the front keeps to objects of their own. Resolves when they survive a loss of power. Before that,
   * gives objects that were staged their headers, and the keys of their segments besides their own; if one fails, nothing
   * else is done. It may be repeated. Only a bucket with this method takes such bodies.
   */
  stage?(bodies: readonly StagedBody[], adoptions: readonly Adoption[]): Promise<void>;
  /**
   * Looks at segments of a shard where they lie: what is known of each that is sound, undefined for
   * any other. Without this method a scan reads all of them.
   */
  screen?(
    keys: readonly string[],
    uid: string,
    program: Uint8Array,
  ): Promise<(ScreenedSegment | undefined)[]>;
}

/** Undefined if the bytes were not read. */
export type ReadFilter = Uint8Array | null | undefined;

/** What an object in the bucket must be. */
export interface ExpectedObject {
  key: string;
  bytes: number;
  /** How it begins, in base64: the header of the segment. */
  head: string;
  /** CRC-32 of all bytes after that. */
  restCrc: number;
  /** True if no row has these bytes. */
  isOnlyCopy?: boolean;
}

/** The segments to move, requested one at a time. */
export interface MovableSegments {
  uid: string;
  /** Number of the next segment, or undefined if there is none now. */
  next(): number | undefined;
  /**
   * What is known of a segment that was staged, as soon as it is to be moved; undefined for any other. It may have
   * moved meanwhile. Throws `corrupt`.
   */
  staged(segment: number): Promise<StagedSegment | undefined>;
  /** Its bytes; undefined if it is not here. Throws `corrupt`. */
  load(segment: number): Uint8Array | undefined;
  /** Called when the segment is in R2, or without an object if it cannot be moved. */
  done(segment: number, object: ExpectedObject | undefined): Promise<void>;
}

/** A segment whose body was staged: its name, and the header, which its file may lack. */
export interface StagedSegment {
  id: string;
  head: Uint8Array;
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
    const key = segmentObject(segments.uid, segment);
    const staged = await segments.staged(segment);
    if (segments.next() !== segment) continue;
    if (staged !== undefined && bucket.stage !== undefined) {
      const { adoption, object } = adopted(segments.uid, segment, staged);
      await bucket.stage([], [adoption]);
      await segments.done(segment, object);
      continue;
    }
    const body =
      staged === undefined
        ? loadIfSound(segments, segment)
        : await readStaged(bucket, segments.uid, segment, staged);
    await segments.done(segment, body && (await putSegment(bucket, key, body)));
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

/** How a staged body becomes the object of its segment, and what that is then. */
export function adopted(
  uid: string,
  segment: number,
  { id, head }: StagedSegment,
): { adoption: Adoption; object: ExpectedObject } {
  const object = expectedObject(segmentObject(uid, segment), head);
  return {
    adoption: { from: stagedObject(uid, id), to: object.key, head: object.head },
    object: { ...object, isOnlyCopy: true },
  };
}

/**
 * A segment whose body was staged, with its header. The file is where it was staged, or that of the segment by now.
 * Undefined if there is none. Throws `corrupt`.
 */
export async function readStaged(
  bucket: SegmentBucket,
  uid: string,
  segment: number,
  { id, head }: StagedSegment,
): Promise<Uint8Array | undefined> {
  const object =
    (await bucket.get(stagedObject(uid, id))) ?? (await bucket.get(segmentObject(uid, segment)));
  if (object === null) return undefined;
  const body = new Uint8Array(await object.arrayBuffer());
  if (body.length > head.length) body.set(head);
  verifySegment(body, uid, segment);
  return body;
}

/** Deletes the staged bodies that `isNeeded` does not know. It is asked when all of them have been listed. */
export async function dropStaged(
  bucket: SegmentBucket,
  uid: string,
  isNeeded: () => (id: string) => boolean,
): Promise<void> {
  const prefix = stagedObject(uid, "");
  const { objects } = await bucket.list({ prefix });
  if (objects.length === 0) return;
  const knows = isNeeded();
  const keys = objects.map(({ key }) => key).filter((key) => !knows(key.slice(prefix.length)));
  if (keys.length > 0) await deleteKeys(bucket, keys);
}

/** What the bucket knows of segments, if it looks at them itself. */
export async function screenObjects(
  bucket: SegmentBucket,
  uid: string,
  segments: readonly number[],
  program: Uint8Array,
): Promise<(ScreenedSegment | undefined)[]> {
  const keys = segments.map((segment) => segmentObject(uid, segment));
  return (await bucket.screen?.(keys, uid, program)) ?? [];
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
 * Resolves when the objects of moved segments are whole and durable, so that their rows may be
 * deleted. Throws if they are not; the objects whose bytes rows still have are then deleted, because their state is
 * unknown.
 */
export async function confirmSegments(
  bucket: SegmentBucket,
  objects: readonly ExpectedObject[],
): Promise<readonly ReadFilter[]> {
  try {
    return (await bucket.confirm?.(objects)) ?? [];
  } catch (error) {
    const copied = objects.filter(({ isOnlyCopy }) => isOnlyCopy !== true);
    if (copied.length > 0) {
      await deleteKeys(
        bucket,
        copied.map(({ key }) => key),
      );
    }
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
    return deleteKeys(
      bucket,
      segments.map((segment) => segmentObject(uid, segment)),
    );
  }
  if (bucket.deleteFolder !== undefined) {
    if (bucket.stage !== undefined) await bucket.deleteFolder(stagedObject(uid, ""));
    return bucket.deleteFolder(segmentObject(uid, ""));
  }
  for (;;) {
    const { objects, truncated } = await bucket.list({ prefix: segmentObject(uid, "") });
    if (objects.length > 0) await bucket.delete(objects.map((object) => object.key));
    if (!truncated) return;
  }
}

async function deleteKeys(bucket: SegmentBucket, keys: readonly string[]): Promise<void> {
  for (let at = 0; at < keys.length; at += deleteKeysMax) {
    await bucket.delete(keys.slice(at, at + deleteKeysMax));
  }
}

function segmentObject(uid: string, segment: number | ""): string {
  return `segments/${uid}/${segment}`;
}

/** Where a body is until it is that of a segment. */
export function stagedObject(uid: string, id: string): string {
  return `staged/${uid}/${id}`;
}

function loadIfSound(segments: MovableSegments, segment: number): Uint8Array | undefined {
  try {
    return segments.load(segment);
  } catch (error) {
    if (isCorrupt(error)) return undefined;
    throw error;
  }
}

/** Of a bucket that cannot confirm what it has, the object is read back. */
async function putSegment(
  bucket: SegmentBucket,
  key: string,
  body: Uint8Array,
): Promise<ExpectedObject> {
  if (bucket.confirm === undefined) await putVerified(bucket, key, body);
  else await bucket.put(key, body);
  return expectedObject(key, body);
}

/** By the segment, or only its header. */
function expectedObject(key: string, head: Uint8Array): ExpectedObject {
  return {
    key,
    bytes: readHeader(head).bytes,
    head: Buffer.from(head.buffer, head.byteOffset, CHUNK_HEADER_BYTES).toString("base64"),
    restCrc: bodyChecksum(head),
  };
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
