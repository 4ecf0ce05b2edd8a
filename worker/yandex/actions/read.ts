// GetShardIterator and GetRecords. An iterator may begin at a number beyond the end; it then waits
// for that record. For an expired number it begins at the oldest remaining record. After the end of
// a shard that was split or merged, the reply has no next iterator, but names the shards that
// continue it. Sources: Yandex Data Streams API reference, GetShardIterator and GetRecords; YDB
// datastreams_proxy.cpp.
import type { QuotaKind } from "../../core/types.ts";
import { isCode } from "../../errors.ts";
import { INDEX_MAX } from "../../engine/chunk.ts";
import { pageBytesMax } from "../../limits.ts";
import { findShard } from "../../core/hashRange.ts";
import type { Page } from "../../stream/reader.ts";
import { isAtEnd } from "../../core/shardEnd.ts";
import type { Selection } from "../../scan/selection.ts";
import type { SeekRequest, ShardDescription } from "../../core/types.ts";
import { addressIn, getStream, listMember } from "../context.ts";
import { type Iterator, verifyIterator, signIterator } from "../iterator.ts";
import { issue, streamNotFound } from "../errors.ts";
import { type ActionContext, operation } from "../operation.ts";
import { integer, type MessageOf, nameOf, text, time } from "../shapeTypes.ts";
import { RecordReply } from "../recordReply.ts";
import { parseSequenceNumber, parseShardId, rangeOf, shardIdOf } from "../shards.ts";

const recordsMax = 10_000;

/** How far a client's clock may be ahead. */
const clockSlackMs = 10_000;

const startInput = {
  ShardId: text,
  ShardIteratorType: nameOf(
    "AT_SEQUENCE_NUMBER",
    "AFTER_SEQUENCE_NUMBER",
    "AT_TIMESTAMP",
    "TRIM_HORIZON",
    "LATEST",
  ),
  StartingSequenceNumber: text,
  StreamName: text,
  Timestamp: time,
};

type StartInput = MessageOf<typeof startInput>;

/** Where to begin: a position that the shard must find, or an index. */
type Start = SeekRequest | { kind: "at"; index: number };

export const getShardIterator = operation({
  name: "GetShardIterator",
  input: startInput,
  stream: ({ StreamName }) => StreamName,
  run: async (context, input) => {
    const start = startOf(input);
    const address = await addressIn(context);
    await getStream(context, address);
    const { backend, nowMs } = context;
    const { ShardId: id = "" } = input;
    const shardIndex = parseShardId(id);
    const { scope, name } = address;
    const iterator = await backend.streams.use(scope, name, async ({ description }) => {
      const shard =
        shardIndex === undefined ? undefined : findShard(description.shards, shardIndex);
      if (shard === undefined) throw issue("notFound", `No such shard: ${id}`);
      const { uid: shardUid, index } = shard;
      if (start.kind === "time") {
        const latestMs = await backend.shards.latestTime(
          shardUid,
          start.timeMs - clockSlackMs,
          nowMs,
        );
        if (start.timeMs > latestMs + clockSlackMs) throw badTime("a timestamp is in the future");
      }
      await admitRead(context, shardUid, "iterator", id);
      const location =
        start.kind === "at"
          ? { segment: 0, index: start.index }
          : (await backend.shards.seek(shardUid, start)).location;
      return { stream: address, shardIndex: index, shardUid, location };
    });
    const sealed = await signIterator(backend, iterator, nowMs);
    // The name that the service uses, and the one in its reference.
    return { ShardIterator: sealed, Iterator: sealed };
  },
});

export const getRecords = operation({
  name: "GetRecords",
  input: { Limit: integer, ShardIterator: text },
  run: async (context, input) => {
    const { backend, nowMs, database } = context;
    const { ShardIterator: sealed = "", Limit: limit = 0 } = input;
    const iterator = await verifyIterator(backend, database.scope.account, sealed, nowMs);
    if (limit < 0 || limit > recordsMax) {
      throw issue("validation", `Limit '${limit}' is out of bounds [1; ${recordsMax}]`);
    }
    const { stream, shardUid } = iterator;
    await context.permit(stream);
    const page = await readAt(context, iterator, limit || recordsMax, context.selection());
    backend.shards.noteReader(shardUid, { dialect: "yandex" }, page);
    await backend.shards.spend(shardUid, page);
    const { next, lastTimeMs } = page;
    const children = isAtEnd(page) ? await childrenOf(context, iterator) : [];
    const members = {
      ...listMember("ChildShards", childShardsOf(children)),
      MillisBehindLatest: lastTimeMs === undefined ? 0 : Math.max(nowMs - lastTimeMs, 0),
      NextShardIterator:
        children.length > 0
          ? null
          : await signIterator(backend, { ...iterator, location: next }, nowMs),
    };
    return new RecordReply(members, page);
  },
});

/** Throws ProvisionedThroughputExceededException for a call above the rate. */
async function admitRead(
  { backend }: ActionContext,
  uid: string,
  kind: QuotaKind,
  shardId: string,
): Promise<void> {
  try {
    await backend.shards.admit(uid, kind);
  } catch (error) {
    const isTooSoon = isCode(error, "overloaded");
    throw isTooSoon ? issue("throughput", `Rate exceeded for shard ${shardId}`) : error;
  }
}

/** Throws ResourceNotFoundException for a shard that is gone with its stream. */
async function readAt(
  context: ActionContext,
  iterator: Iterator,
  count: number,
  selection: Selection | undefined,
): Promise<Page> {
  const { stream, shardUid, shardIndex } = iterator;
  try {
    await admitRead(context, shardUid, "read", shardIdOf(shardIndex));
    return await pageAt(context, iterator, count, selection);
  } catch (error) {
    throw isCode(error, "shardNotFound") ? streamNotFound(stream.full) : error;
  }
}

/** Beyond the last record, an empty page that continues at the same location. */
async function pageAt(
  { backend }: ActionContext,
  { shardUid, location }: Pick<Iterator, "shardUid" | "location">,
  count: number,
  selection: Selection | undefined,
): Promise<Page> {
  const limits = { recordsMax: count, bytesMax: pageBytesMax };
  try {
    return await backend.shards.read(shardUid, location, limits, "skip", selection);
  } catch (error) {
    const isAhead = isCode(error, "locationNotFound");
    if (!isAhead) throw error;
    const view = await backend.shards.view(shardUid);
    return { runs: [], next: location, lastSegment: location.segment, view, lastTimeMs: undefined };
  }
}

/**
 * The shards that continue this one. While the catalog shows none, the reader gets an iterator
 * again.
 */
async function childrenOf(
  context: ActionContext,
  { stream, shardIndex }: Iterator,
): Promise<ShardDescription[]> {
  await getStream(context, stream);
  return context.backend.streams.findChildren(stream.scope, stream.name, shardIndex);
}

function childShardsOf(children: readonly ShardDescription[]): object[] {
  return children.map((child) => {
    // What clients of Kinesis look for, and the name that the reference gives it.
    const id = shardIdOf(child.index);
    const ParentShards = (child.parents ?? []).map(shardIdOf);
    return { HashKeyRange: rangeOf(child), ParentShards, ShardId: id, Name: id };
  });
}

function startOf(input: StartInput): Start {
  const { ShardIteratorType: type, StartingSequenceNumber: number = "", Timestamp = 0 } = input;
  if (type === undefined) throw issue("argument", "Shard iterator type '0' is not known");
  switch (type) {
    case "AT_SEQUENCE_NUMBER":
    case "AFTER_SEQUENCE_NUMBER": {
      const index = parseSequenceNumber(number);
      if (index === undefined) throw issue("argument", "Malformed sequence number");
      const from = type === "AFTER_SEQUENCE_NUMBER" ? index + 1 : index;
      return { kind: "at", index: Math.min(from, INDEX_MAX) };
    }
    case "AT_TIMESTAMP":
      if (Timestamp <= 0) throw badTime("a timestamp is missed");
      return { kind: "time", timeMs: Timestamp, ordinal: 0 };
    case "TRIM_HORIZON":
      return { kind: "earliest" };
    case "LATEST":
      return { kind: "latest" };
  }
}

function badTime(what: string) {
  return issue("argument", `Shard iterator type is AT_TIMESTAMP, but ${what}`);
}
