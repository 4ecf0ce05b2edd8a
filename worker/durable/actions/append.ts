// POST: appends a body, closes the stream, or both at once. The shard decides whether it takes an
// append, by the protocol's checks in the protocol's order. This file makes records of the body, and
// a reply of the shard's verdict (Durable Streams protocol, sections 5.2 and 5.2.1).
import { noBytes, utf8 } from "../../codec/bytes.ts";
import type { ProducerMark, WriteGuard, WriteReply } from "../../core/durable.ts";
import { jsonMediaType, mediaTypeOf } from "../../core/mediaType.ts";
import type { ShardDescription } from "../../core/types.ts";
import { invariant } from "../../errors.ts";
import { keyBytesMax, requestBodyBytesMax, reroutesMax } from "../../limits.ts";
import { readBody } from "../../http/body.ts";
import type { BriefStream, KnownShard } from "../../stream/knownStreams.ts";
import { DurableError, gone, invalid, invalidJson } from "../errors.ts";
import { readClosed, readProducer } from "../headers.ts";
import { bytePieces, jsonMessages, recordsOf } from "../messages.ts";
import { offsetText } from "../offset.ts";
import { type Call, operation } from "../operation.ts";
import { bare, type Headers } from "../reply.ts";
import { childrenHeader, childrenOf, namesShard, shardOf, withKnown } from "../target.ts";

interface Append {
  guard: WriteGuard;
  /** Empty if the body is not valid, or if there is none. */
  messages: Uint8Array[];
  key: Uint8Array;
  /** Why the body is refused. If the shard refuses the append too, its reason is told. */
  fault: DurableError | undefined;
}

export const appendToStream = operation({
  name: "AppendToStream",
  action: "kinesis:PutRecords",
  run: async (call) => {
    const body = await readBody(call.request, requestBodyBytesMax);
    if (body === undefined) throw tooLarge();
    const append = readAppend(call.request, body);
    return await withKnown(call, async (stream) => {
      if (!namesShard(call, stream)) return await spread(call, append);
      return await write(call, shardOf(call, stream), append);
    });
  },
});

export function tooLarge(): DurableError {
  const limit = requestBodyBytesMax / 2 ** 20;
  return new DurableError(413, "TOO_LARGE", `A body may have ${limit} MiB.`);
}

/** Throws DurableError 400. */
function readAppend({ headers }: Request, body: Uint8Array): Append {
  const producer = readProducer(headers);
  const close = readClosed(headers);
  const key = utf8(headers.get("stream-key") ?? "");
  if (key.length > keyBytesMax) {
    throw invalid("INVALID_KEY", `Stream-Key must have at most ${keyBytesMax} bytes.`);
  }
  if (body.length === 0) {
    if (!close) throw invalid("EMPTY_BODY", "The body is empty, and the stream is not closed.");
    return { guard: { producer, close }, messages: [], key: noBytes, fault: undefined };
  }
  const contentType = headers.get("content-type");
  if (contentType === null || contentType.trim() === "") {
    throw invalid("CONTENT_TYPE_MISSING", "A body needs a Content-Type.");
  }
  const mediaType = mediaTypeOf(contentType);
  const seq = headers.get("stream-seq") ?? undefined;
  const guard = { mediaType, producer, seq, close };
  if (mediaType !== jsonMediaType) {
    return { guard, messages: bytePieces(body, key.length), key, fault: undefined };
  }
  const messages = jsonMessages(body);
  return { guard, messages: messages ?? [], key, fault: faultOf(messages) };
}

export function faultOf(messages: readonly Uint8Array[] | undefined): DurableError | undefined {
  if (messages === undefined) return invalidJson();
  if (messages.length > 0) return undefined;
  return invalid("EMPTY_ARRAY", "The body is an array without messages.");
}

async function write(call: Call, shard: KnownShard, append: Append): Promise<Response> {
  const {
    backend: { durable },
    scope,
    name,
  } = call;
  const { guard, messages, key, fault } = append;
  const isDry = fault !== undefined;
  const records = recordsOf(messages, key);
  const reply = await durable.write(shard.uid, records, { ...guard, isDry });
  if (reply.verdict.kind === "closed" && !reply.isFinal) {
    // A split or merge has closed the shard, and this isolate may not know it yet.
    if (!call.query.has("shard")) return await spread(call, append);
    throw closedShard(reply, await durable.refresh(scope, name), shard);
  }
  refuse(shard, reply, guard.producer);
  if (fault !== undefined) throw fault;
  return accepted(shard, reply, guard);
}

/** Throws the DurableError of a verdict that refuses the append. */
function refuse(
  { uid }: Pick<KnownShard, "uid">,
  { verdict, next }: WriteReply,
  producer: ProducerMark | undefined,
): void {
  switch (verdict.kind) {
    case "stored":
    case "duplicate":
      return;
    case "deleted":
      throw gone();
    case "closed":
      throw new DurableError(409, "STREAM_CLOSED", "The stream is closed.", {
        "stream-closed": "true",
        "stream-next-offset": offsetText(uid, next),
      });
    case "otherType":
      throw new DurableError(409, "CONTENT_TYPE_DIFFERS", "The stream has another content type.");
    case "staleEpoch":
      throw new DurableError(403, "STALE_EPOCH", "A producer with a later epoch has taken over.", {
        "producer-epoch": String(verdict.epoch),
      });
    case "epochNotFromStart":
      throw invalid("INVALID_EPOCH_START", "A new epoch must begin with Producer-Seq 0.");
    case "gap":
      throw new DurableError(409, "PRODUCER_GAP", "An append of the producer is missing.", {
        "producer-expected-seq": String(verdict.expected),
        "producer-received-seq": String(producer?.seq ?? 0),
      });
    case "staleSeq":
      throw new DurableError(409, "STALE_SEQ", "Stream-Seq is not greater than the last one.");
  }
}

function closedShard({ next }: WriteReply, stream: BriefStream, shard: KnownShard): DurableError {
  const what = "The shard was split or merged; others continue it.";
  return new DurableError(409, "STREAM_CLOSED", what, {
    "stream-closed": "true",
    "stream-next-offset": offsetText(shard.uid, next),
    ...childrenHeader(childrenOf(stream, shard)),
  });
}

function accepted(
  { uid }: KnownShard,
  { verdict, next, isClosed }: WriteReply,
  guard: WriteGuard,
): Response {
  const headers: Headers = {
    "stream-next-offset": offsetText(uid, next),
    ...(isClosed && { "stream-closed": "true" }),
  };
  const { producer, mediaType } = guard;
  if (producer === undefined) return bare(204, headers);
  const mark = verdict.kind === "duplicate" ? verdict.mark : producer;
  headers["producer-epoch"] = String(mark.epoch);
  headers["producer-seq"] = String(mark.seq);
  const isNew = verdict.kind === "stored" && mediaType !== undefined;
  return bare(isNew ? 200 : 204, headers);
}

/**
 * If no shard is named, records go to the shard of their key; without a key, to the next one in turn that its writer
 * has not closed.
 */
async function spread(call: Call, append: Append): Promise<Response> {
  const { backend, scope, name } = call;
  const { guard, messages, key, fault } = append;
  if (guard.producer !== undefined || guard.seq !== undefined || guard.close === true) {
    const what = "Producers, Stream-Seq and Stream-Closed are a shard's: add ?shard=.";
    throw invalid("SHARD_REQUIRED", what);
  }
  const records = recordsOf(messages, key);
  const isDry = fault !== undefined;
  let found = await backend.streams.find(scope, name);
  for (let reroutes = 0; ; reroutes++) {
    let last: { shard: ShardDescription; reply: WriteReply } | undefined;
    for (const shard of await backend.streams.candidates(found, key)) {
      const reply = await backend.durable.write(shard.uid, records, { ...guard, isDry });
      last = { shard, reply };
      if (reply.verdict.kind !== "closed" || !reply.isFinal) break;
    }
    invariant(last !== undefined, "a stream without an open shard", { stream: name });
    const { shard, reply } = last;
    const isMoved = reply.verdict.kind === "closed" && !reply.isFinal;
    if (!isMoved || reroutes === reroutesMax) {
      refuse(shard, reply, undefined);
      if (fault !== undefined) throw fault;
      const shown = { "stream-shard": String(shard.index) };
      return bare(204, { ...shown, "stream-next-offset": offsetText(shard.uid, reply.next) });
    }
    found = await backend.streams.settled(scope, name);
  }
}
