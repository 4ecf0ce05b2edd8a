// GetShardIterator and GetRecords. An iterator has everything that a page needs, except whether its
// records were encrypted. So GetRecords calls the shard, and for new records sometimes the catalog.
// Where the shard has ended, the reply names the shards that continue it instead of an iterator:
// every reply has either of them, and consumers rely on that.
import { invariant, isCode, StreamError } from "../../errors.ts";
import { pageBytesMax, pageRecordsMax } from "../../limits.ts";
import type { KnownStream } from "../../stream/directory.ts";
import { findShard } from "../../core/hashRange.ts";
import { isAtEnd } from "../../core/shardEnd.ts";
import { scannedHeaders } from "../../http/selection.ts";
import { PrintedBody } from "../context.ts";
import { parseShardId } from "../shardId.ts";
import { claimedStream, type Cursor, verifyIterator, signIterator } from "../iterator.ts";
import {
  dryRun,
  iteratorInvalid,
  iteratorOfAnother,
  shardDoesNotExist,
  shardNotFound,
  startingNumberInvalid,
  throughputExceeded,
} from "../errorTexts.ts";
import { resolveStream } from "../names.ts";
import { millisBehind, seekRequest } from "../position.ts";
import { renderRecords, spansOf } from "../recordReply.ts";
import { childShardsOf } from "../shardList.ts";
import { operation } from "../operation.ts";
import { streamNamed, tokenNamed } from "../resource.ts";
import {
  nameShape,
  sequenceNumberShape,
  pageLimitShape,
  iteratorTypeShape,
  streamNameField,
  byArn,
} from "../shapes.ts";
import { boolean, required, structure, text, timestamp } from "../shapeTypes.ts";

export const getShardIterator = operation({
  name: "GetShardIterator",
  input: structure({
    ShardId: required(nameShape),
    ShardIteratorType: required(iteratorTypeShape),
    StartingSequenceNumber: sequenceNumberShape,
    StreamName: streamNameField,
    Timestamp: timestamp,
    ...byArn,
    DryRun: boolean,
  }),
  resource: streamNamed,
  run: async (context, input) => {
    const address = resolveStream(input, context.scope);
    const shardIndex = parseShardId(input.ShardId);
    if (shardIndex === undefined) throw shardNotFound(input.ShardId, address);
    const position = {
      type: input.ShardIteratorType,
      number: input.StartingSequenceNumber,
      timestamp: input.Timestamp,
    };
    const seek = async ({ description }: KnownStream): Promise<Cursor> => {
      // A stream that is being created has no shards to read (a test recorded against the service).
      const shards = description.status === "CREATING" ? [] : description.shards;
      const shard = findShard(shards, shardIndex);
      if (shard === undefined) throw new StreamError("shardNotFound");
      const { backend, nowMs } = context;
      const request = await seekRequest(backend, position, description, shard, nowMs);
      await backend.shards.admit(shard.uid, "iterator");
      const { location } = await backend.shards.seek(shard.uid, request);
      return { stream: address.name, shard, location };
    };
    try {
      const cursor = await context.backend.streams.use(address, address.name, seek);
      const key = await context.backend.accounts.cursorKey(address);
      if (input.DryRun === true) throw dryRun();
      return { ShardIterator: signIterator(key, address, cursor, context.nowMs) };
    } catch (error) {
      if (isCode(error, "streamNotFound", "shardNotFound")) {
        throw shardDoesNotExist(shardIndex, address);
      }
      if (isCode(error, "locationNotFound")) {
        throw startingNumberInvalid(input.StartingSequenceNumber ?? "", shardIndex, address);
      }
      throw isCode(error, "overloaded") ? throughputExceeded(shardIndex, address) : error;
    }
  },
});

export const getRecords = operation({
  name: "GetRecords",
  input: structure({
    Limit: pageLimitShape,
    ShardIterator: required(text({ min: 1, max: 512 })),
    ...byArn,
    DryRun: boolean,
  }),
  resource: tokenNamed,
  run: async (context, input) => {
    const { backend, nowMs } = context;
    const named = input.StreamARN === undefined ? undefined : resolveStream(input, context.scope);
    const scope = named ?? context.scope;
    const key = await backend.accounts.findCursorKeyBeside(scope, () =>
      claimedStream(input.ShardIterator),
    );
    if (key === undefined) throw iteratorInvalid();
    const cursor = verifyIterator(key, scope, input.ShardIterator, {
      nowMs,
      ttlMs: backend.controls.iteratorTtlMs,
    });
    const recordsMax = input.DryRun === true ? 1 : (input.Limit ?? pageRecordsMax);
    const limits = { recordsMax, bytesMax: pageBytesMax };
    const stream = { account: scope.account, region: scope.region, name: cursor.stream };
    // The permission for a stream that the request names has been checked already; it must be that
    // of the iterator.
    if (named === undefined) await context.permit(stream);
    else if (named.name !== stream.name) throw iteratorOfAnother(input.StreamARN ?? "");
    const selection = context.selection();
    try {
      await backend.shards.admit(cursor.shard.uid, "read");
      const { uid } = cursor.shard;
      const page = await backend.shards.read(uid, cursor.location, limits, "skip", selection);
      if (input.DryRun === true) throw dryRun();
      backend.shards.noteReader(uid, { dialect: "kinesis" }, page);
      await backend.shards.spend(uid, page);
      const next = () => signIterator(key, scope, { ...cursor, location: page.next }, nowMs);
      const children = isAtEnd(page)
        ? await backend.streams.findChildren(stream, stream.name, cursor.shard.index)
        : [];
      const members = {
        MillisBehindLatest: millisBehind(page, nowMs),
        ...(children.length > 0
          ? { ChildShards: childShardsOf(children) }
          : { NextShardIterator: next() }),
      };
      const { format } = context.codec;
      const encrypted = await spansOf(backend, stream, page);
      const body = renderRecords(format, members, page.runs, cursor.shard, encrypted);
      return new PrintedBody(body, undefined, scannedHeaders(page));
    } catch (error) {
      const { index, uid } = cursor.shard;
      if (isCode(error, "shardNotFound", "streamNotFound")) throw shardDoesNotExist(index, stream);
      // The iterator is ours, so the records before it were there: the last rows of the shard are lost.
      invariant(!isCode(error, "locationNotFound"), "records were read that are lost now", {
        shard: uid,
        ...cursor.location,
      });
      throw isCode(error, "overloaded") ? throughputExceeded(index, stream) : error;
    }
  },
});
