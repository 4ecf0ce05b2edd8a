// Reads the records that a queue has handed out, as any reader does: history from segments, the tail
// from the shard. What cannot be handed on goes back to the queue: records for which the reply has no
// room, and those that are not there any more.
import type { Runtime } from "../core/bindings.ts";
import { BoundedMap } from "../core/boundedMap.ts";
import type { ReturnOrder } from "../core/queueTypes.ts";
import type { Location, ShardDescription } from "../core/types.ts";
import type { Delivered } from "../delivery/delivery.ts";
import { readHeader } from "../engine/chunk.ts";
import { type PlainRecord, recordAt } from "../engine/recordAt.ts";
import { viewsMax } from "../limits.ts";
import { type Page, readPage } from "./reader.ts";

/** A record and its delivery. */
export interface QueueRecord extends PlainRecord {
  shard: ShardDescription;
  index: number;
  receives: number;
  firstMs: number;
  generation: number;
}

export interface ReadDelivery extends ReturnOrder {
  records: QueueRecord[];
}

/** Where the last read of each shard has ended: the next one is probably near. */
const readTo = new BoundedMap<Location>(viewsMax);

/** A place so near that its segment is worth a try. */
const nearRecords = 5000;

/** The shard is asked for the segment. */
const unknownSegment = Number.MAX_SAFE_INTEGER;

/** At least one record, if there is any; no more than `bytesMax` bytes of data beside it. */
export async function readDelivered(
  runtime: Runtime,
  shard: ShardDescription,
  delivered: readonly Delivered[],
  bytesMax: number,
): Promise<ReadDelivery> {
  const read: ReadDelivery = { records: [], undone: [], missing: [] };
  let bytesLeft = bytesMax;
  for (const delivery of delivered) {
    let at = delivery.from;
    while (at < delivery.to && bytesLeft > 0) {
      const limits = { recordsMax: delivery.to - at, bytesMax: bytesLeft };
      const location = { segment: segmentNear(shard.uid, at), index: at };
      const page = await readPage(runtime, shard.uid, location, limits, "skip");
      readTo.set(shard.uid, page.next);
      const before = at;
      for (const [index, record] of recordsOf(page)) {
        if (index >= delivery.to) break;
        if (index > at) read.missing.push({ from: at, to: index });
        at = index;
        if (read.records.length > 0 && record.data.length > bytesLeft) {
          bytesLeft = 0;
          break;
        }
        const { receives, firstMs, generation } = delivery;
        read.records.push({ ...record, shard, index, receives, firstMs, generation });
        bytesLeft -= record.data.length;
        at++;
      }
      const passed = Math.min(page.next.index, delivery.to);
      if (bytesLeft > 0 && passed > at) {
        read.missing.push({ from: at, to: passed });
        at = passed;
      }
      if (at === before) break;
    }
    if (at < delivery.to) read.undone.push({ ...delivery, from: at });
  }
  return read;
}

function* recordsOf({ runs }: Page): Generator<[index: number, record: PlainRecord]> {
  for (const { chunk, from, to } of runs) {
    const header = readHeader(chunk);
    for (let i = from; i < to; i++) yield [header.firstIndex + i, recordAt(chunk, header, i)];
  }
}

function segmentNear(uid: string, index: number): number {
  const near = readTo.get(uid);
  if (near === undefined || near.index > index || index - near.index > nearRecords) {
    return unknownSegment;
  }
  return near.segment;
}
