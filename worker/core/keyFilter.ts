// Which keys a segment may hold: a binary fuse filter of 8-bit fingerprints over three places (Graf and Lemire, "Binary
// Fuse Filters", 2022). It never misses a key that is there, and takes one key in 256 for there that is not. Filters of
// consecutive segments stand in one body, so that a reader gets many at once. docs/FORMAT.md has the bytes.
import { crc32 } from "node:zlib";
import { StreamError } from "../errors.ts";
import { filterKeysMax } from "../limits.ts";
import { highOf, type KeyHash, lowOf, mixHigh, mixLow } from "./keyHash.ts";

const MAGIC = 0x4b524c4d;
const VERSION = 1;
const HEAD_BYTES = 16;
const FILTER_HEAD_BYTES = 16;
const attemptsMax = 100;

/**
 * Hashes of keys, which may repeat. One for many segments costs less: V8 forgets what objects of a class look like
 * when none of them is left, and then compiles anew all that works with them.
 */
export class KeyHashes {
  count = 0;
  high = new Uint32Array(0);
  low = new Uint32Array(0);
  /** Places of distinct hashes, plus one, by their own bits. */
  private table = new Uint32Array(0);

  constructor(countMax: number) {
    this.reset(countMax);
  }

  /** Forgets all keys; there will be at most so many. */
  reset(countMax: number): void {
    this.count = 0;
    const slots = 2 ** Math.ceil(Math.log2(countMax * 2 + 2));
    if (this.table.length === slots && this.high.length >= countMax) {
      this.table.fill(0);
      return;
    }
    this.high = new Uint32Array(countMax);
    this.low = new Uint32Array(countMax);
    this.table = new Uint32Array(slots);
  }

  /** Adds a key, which is a part of the bytes, unless it is there. A segment has thousands: none becomes an object. */
  add(bytes: Uint8Array, start = 0, end = bytes.length): void {
    const high = highOf(bytes, start, end);
    const low = lowOf(bytes, start, end);
    const mask = this.table.length - 1;
    let slot = low & mask;
    for (let place = this.table[slot]; place !== undefined && place > 0; place = this.table[slot]) {
      if (this.high[place - 1] === high && this.low[place - 1] === low) return;
      slot = (slot + 1) & mask;
    }
    this.high[this.count] = high;
    this.low[this.count] = low;
    this.table[slot] = ++this.count;
  }
}

/** The filter of keys; undefined if there are too many, or no seed serves. */
export function buildFilter(keys: KeyHashes): Uint8Array | undefined {
  if (keys.count > filterKeysMax) return undefined;
  for (let seed = 0; seed < attemptsMax; seed++) {
    const filter = tryBuild(keys, seed);
    if (filter !== undefined) return filter;
  }
  return undefined;
}

/** Sizes as the authors give them for three places. */
function shapeOf(count: number): { stretch: number; length: number } {
  const stretch = count < 2 ? 4 : 2 ** Math.floor(Math.log(count) / Math.log(3.33) + 2.25);
  const factor = count < 2 ? 0 : Math.max(1.125, 0.875 + (0.25 * Math.log(1e6)) / Math.log(count));
  const stretches = Math.max(Math.ceil(Math.round(count * factor) / stretch), 3);
  return { stretch, length: stretches * stretch };
}

/** Takes the keys off one by one that are alone at a place, and gives them their prints in reverse order. */
function tryBuild({ count, high, low }: KeyHashes, seed: number): Uint8Array | undefined {
  const { stretch, length } = shapeOf(count);
  const counts = new Uint32Array(length);
  /** The exclusive or of the numbers of all keys at a place. */
  const keys = new Uint32Array(length);
  const places = new Uint32Array(count * 3);
  const prints = new Uint8Array(count);
  for (let i = 0; i < count; i++) {
    const bits = mixHigh(high[i] as number, seed);
    prints[i] = bits;
    setPlaces(places, i * 3, bits, mixLow(low[i] as number, seed), stretch, length);
    for (let at = i * 3; at < i * 3 + 3; at++) {
      const place = places[at] as number;
      counts[place]!++;
      keys[place]! ^= i;
    }
  }
  const order = new Uint32Array(count);
  const alone = new Uint32Array(count);
  const waiting = new Uint32Array(length);
  let waits = 0;
  for (let place = 0; place < length; place++) if (counts[place] === 1) waiting[waits++] = place;
  let done = 0;
  while (waits > 0) {
    const place = waiting[--waits] as number;
    if (counts[place] !== 1) continue;
    const key = keys[place] as number;
    order[done] = key;
    alone[done++] = place;
    for (let at = key * 3; at < key * 3 + 3; at++) {
      const each = places[at] as number;
      keys[each]! ^= key;
      if (--counts[each]! === 1) waiting[waits++] = each;
    }
  }
  if (done < count) return undefined;
  const filter = new Uint8Array(FILTER_HEAD_BYTES + length);
  const view = new DataView(filter.buffer);
  for (const [i, word] of [count, seed, stretch, length].entries())
    view.setUint32(i * 4, word, true);
  const table = filter.subarray(FILTER_HEAD_BYTES);
  while (done-- > 0) {
    const key = order[done] as number;
    let print = prints[key] as number;
    for (let at = key * 3; at < key * 3 + 3; at++) print ^= table[places[at] as number] as number;
    table[alone[done] as number] = print;
  }
  return filter;
}

/** One place in each of three stretches that follow one another. */
function setPlaces(
  places: Uint32Array,
  at: number,
  high: number,
  low: number,
  stretch: number,
  length: number,
): void {
  const first = Math.floor((high * (length - 2 * stretch)) / 2 ** 32);
  const begin = first - (first & (stretch - 1));
  places[at] = first;
  places[at + 1] = begin + stretch + ((first ^ low) & (stretch - 1));
  places[at + 2] = begin + 2 * stretch + ((first ^ (low >>> 16)) & (stretch - 1));
}

/** False if the key is certainly not among those of the filter. */
export function mayHold(filter: Uint8Array, hash: KeyHash): boolean {
  const view = new DataView(filter.buffer, filter.byteOffset);
  if (view.getUint32(0, true) === 0) return false;
  const seed = view.getUint32(4, true);
  const high = mixHigh(hash.high, seed);
  const places = new Uint32Array(3);
  const [stretch, length] = [view.getUint32(8, true), view.getUint32(12, true)];
  setPlaces(places, 0, high, mixLow(hash.low, seed), stretch, length);
  let print = high & 0xff;
  for (const place of places) print ^= filter[FILTER_HEAD_BYTES + place] ?? 0;
  return print === 0;
}

/** The filters of consecutive segments as one body; a segment may have none. */
export function encodeFilters(filters: readonly (Uint8Array | undefined)[]): Uint8Array {
  const head = HEAD_BYTES + filters.length * 4;
  const bytes = filters.reduce((sum, filter) => sum + (filter?.length ?? 0), head);
  const body = new Uint8Array(bytes);
  const view = new DataView(body.buffer);
  view.setUint32(0, MAGIC, true);
  view.setUint8(4, VERSION);
  view.setUint32(8, filters.length, true);
  let at = head;
  for (const [i, filter] of filters.entries()) {
    view.setUint32(HEAD_BYTES + i * 4, filter?.length ?? 0, true);
    if (filter !== undefined) body.set(filter, at);
    at += filter?.length ?? 0;
  }
  view.setUint32(12, crc32(body.subarray(HEAD_BYTES)), true);
  return body;
}

/** Throws `corrupt`. */
export function decodeFilters(body: Uint8Array): (Uint8Array | undefined)[] {
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
  const isFilters = body.length >= HEAD_BYTES && view.getUint32(0, true) === MAGIC;
  if (!isFilters || view.getUint32(4, true) !== VERSION) throw damaged("no filters of keys");
  const count = view.getUint32(8, true);
  if (view.getUint32(12, true) !== crc32(body.subarray(HEAD_BYTES)))
    throw damaged("filters of keys: bad checksum");
  let at = HEAD_BYTES + count * 4;
  if (at > body.length) throw damaged("filters of keys: wrong length");
  const filters = Array.from({ length: count }, (_, i) => {
    const bytes = view.getUint32(HEAD_BYTES + i * 4, true);
    at += bytes;
    return bytes === 0 ? undefined : body.subarray(at - bytes, at);
  });
  if (at !== body.length) throw damaged("filters of keys: wrong length");
  return filters;
}

function damaged(what: string): StreamError {
  return new StreamError("corrupt", { what });
}
