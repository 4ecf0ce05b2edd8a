// PUT: creates a stream, with its first records if there is a body, or as a fork of another one. If
// the stream exists with the same attributes, that is success too, and the body is ignored (Durable
// Streams protocol, sections 5.1 and 5.1.1).
import type { DurableSpec, DurableState, ForkRequest, Position } from "../../core/durable.ts";
import { jsonMediaType, mediaTypeOf, otherMediaType } from "../../core/mediaType.ts";
import { isCode } from "../../errors.ts";
import { readBody } from "../../http/body.ts";
import { requestBodyBytesMax } from "../../limits.ts";
import { recordData } from "../../engine/recordData.ts";
import type { BriefStream } from "../../stream/knownStreams.ts";
import { DurableError, invalid, invalidJson, notFound } from "../errors.ts";
import { type Expiry, readClosed, readExpiry, readShardCount, readSubOffset } from "../headers.ts";
import { bytePieces, jsonMessages, recordsOf } from "../messages.ts";
import { sourceNameOf } from "../names.ts";
import { isPositionOf, type MarkedPosition, offsetText, readPosition } from "../offset.ts";
import { type Call, operation } from "../operation.ts";
import { permitOn } from "../permission.ts";
import { bare, contentHeaders, type Headers } from "../reply.ts";
import { refuseShard } from "../target.ts";
import { tooLarge } from "./append.ts";

/** What a request asks for. */
interface Wanted extends Expiry {
  /** Undefined without the header, or if it is no content type. */
  contentType: string | undefined;
  isClosed: boolean;
  shardCount: number;
  fork: WantedFork | undefined;
  body: Uint8Array;
}

interface WantedFork {
  source: string;
  /** Undefined for the end of the source. */
  at: MarkedPosition | undefined;
  subOffset: number;
}

/** Type and subtype, each a token (RFC 9110, section 8.3.1). */
const contentTypeForm = /^[\w!#$%&'*+.^`|~-]+\/[\w!#$%&'*+.^`|~-]+\s*(?:;.*)?$/;

export const createStream = operation({
  name: "CreateStream",
  action: "kinesis:CreateStream",
  run: async (call) => {
    refuseShard(call.query);
    const body = await readBody(call.request, requestBodyBytesMax);
    if (body === undefined) throw tooLarge();
    const wanted = readWanted(call.request, body);
    const { backend, scope, name } = call;
    const remembered = backend.durable.remembered(scope, name);
    const found = remembered && (await confirm(call, remembered, wanted, true));
    return found ?? (await create(call, wanted));
  },
});

/** Throws DurableError 400. */
function readWanted({ headers }: Request, body: Uint8Array): Wanted {
  const text = headers.get("content-type")?.trim();
  const shardCount = readShardCount(headers);
  const fork = readFork(headers);
  const expiry = readExpiry(headers);
  if (shardCount > 1 && fork !== undefined) {
    throw invalid("INVALID_SHARD_COUNT", "A fork has one shard.");
  }
  // Every use of the stream prolongs its life, and the others would not hear of those of one shard.
  if (shardCount > 1 && expiry.ttlSeconds !== undefined) {
    throw invalid("INVALID_SHARD_COUNT", "A stream with a time to live has one shard.");
  }
  return {
    contentType: text !== undefined && contentTypeForm.test(text) ? text : undefined,
    ...expiry,
    isClosed: readClosed(headers),
    shardCount,
    fork,
    body,
  };
}

function readFork(headers: Request["headers"]): WantedFork | undefined {
  const from = headers.get("stream-forked-from");
  const offset = headers.get("stream-fork-offset");
  const subOffset = readSubOffset(headers);
  if (from === null) {
    if (offset === null && subOffset === undefined) return undefined;
    throw invalid("SOURCE_MISSING", "A fork needs Stream-Forked-From.");
  }
  return {
    source: sourceNameOf(from),
    at: offset === null ? undefined : readPosition(offset),
    subOffset: subOffset ?? 0,
  };
}

async function create(call: Call, wanted: Wanted): Promise<Response> {
  const {
    backend: { durable },
    scope,
    name,
    address,
  } = call;
  const sought = wanted.fork && (await sourceOf(call, wanted.fork));
  const fault = sought instanceof DurableError ? sought : undefined;
  const source = sought instanceof DurableError ? undefined : sought;
  const contentType = wanted.contentType ?? source?.contentType ?? otherMediaType;
  const isJson = mediaTypeOf(contentType) === jsonMediaType;
  const hasBody = wanted.body.length > 0;
  const messages = !hasBody ? [] : isJson ? jsonMessages(wanted.body) : bytePieces(wanted.body, 0);
  if (fault !== undefined || messages === undefined) {
    // If the stream exists, the reply says that, whatever is wrong with the request's content.
    const known = await existing(call);
    const found = known && (await confirm(call, known, wanted));
    if (found !== undefined) return found;
    throw fault ?? invalidJson();
  }
  const fork = wanted.fork && source && (await forkRequest(call, source, wanted));
  const first = [...(fork?.prefix ?? []), ...messages];
  const spec: DurableSpec = {
    name,
    contentType,
    ...expiryOf(wanted, source),
    shardCount: wanted.shardCount,
    first: durable.pack(recordsOf(first)),
    isClosed: wanted.isClosed,
    fork: fork?.request,
  };
  try {
    const { next, shard } = await durable.create(scope, spec);
    const state = { next, isClosed: wanted.isClosed };
    const headers = { location: address, ...replyHeaders(contentType, shard, state) };
    return bare(201, { ...headers, ...(wanted.shardCount > 1 && { "stream-shard": "0" }) });
  } catch (error) {
    if (isCode(error, "locationNotFound") && fork !== undefined) throw noSuchPlace();
    if (!isCode(error, "streamExists")) throw error;
    const known = await existing(call);
    const found = known && (await confirm(call, known, wanted));
    if (found !== undefined) return found;
    // The stream of that name had expired, and is removed now.
    return await create(call, wanted);
  }
}

/** The stream of the request's name. Throws DurableError 409 if it is kept for its forks. */
async function existing({ backend, scope, name }: Call): Promise<BriefStream | undefined> {
  try {
    return await backend.durable.refresh(scope, name);
  } catch (error) {
    if (!isCode(error, "streamNotFound")) throw error;
    if (error.detail.isKept === true) throw kept();
    return undefined;
  }
}

/**
 * The reply for a stream that exists: 200 if it has the wanted attributes. Undefined if it has expired;
 * then it is removed. `known` may be old. Throws DurableError 409.
 */
async function confirm(
  call: Call,
  known: BriefStream,
  wanted: Wanted,
  isOld = false,
): Promise<Response | undefined> {
  const { durable } = call.backend;
  const { shards } = known;
  // A shard that was split or merged is closed, and its stream is not.
  const shard = shards.find(({ isClosed }) => !isClosed) ?? shards[0];
  if (shard === undefined) return undefined;
  const state = await durable.lookFor(shard.uid);
  if (state === undefined) {
    await durable.removeExpired(known);
    return undefined;
  }
  if (state.isDeleted) throw kept();
  if (!isAsWanted(known, state, wanted)) {
    const now = isOld ? await existing(call) : undefined;
    if (now !== undefined) return await confirm(call, now, wanted);
    throw new DurableError(409, "STREAM_EXISTS", "The stream exists with other attributes.", {
      ...(state.isClosed && { "stream-closed": "true" }),
    });
  }
  return bare(200, replyHeaders(known.contentType, shard.uid, state));
}

function isAsWanted(known: BriefStream, state: DurableState, wanted: Wanted): boolean {
  const { durable, contentType, shards } = known;
  const { fork } = wanted;
  const type = wanted.contentType ?? (fork === undefined ? otherMediaType : contentType);
  const origin = durable?.fork;
  const isSameFork =
    fork === undefined
      ? origin === undefined
      : origin?.name === fork.source &&
        origin.subOffset === fork.subOffset &&
        (fork.at === undefined || fork.at.index === origin.index);
  // A fork without an expiry of its own has that of its source.
  const inherits =
    fork !== undefined && wanted.ttlSeconds === undefined && wanted.expiresAt === undefined;
  return (
    mediaTypeOf(type) === mediaTypeOf(contentType) &&
    isSameFork &&
    (inherits ||
      (wanted.ttlSeconds === durable?.ttlSeconds &&
        instantOf(wanted.expiresAt) === instantOf(durable?.expiresAt))) &&
    wanted.isClosed === state.isClosed &&
    wanted.shardCount === shards.filter(({ isClosed }) => !isClosed).length
  );
}

function instantOf(text: string | undefined): number | undefined {
  return text === undefined ? undefined : Date.parse(text);
}

/** The source of a fork, or the reason why it cannot be forked. */
async function sourceOf(
  call: Call,
  { source: name }: WantedFork,
): Promise<BriefStream | DurableError> {
  const {
    backend: { durable },
    scope,
  } = call;
  await permitOn(call, "kinesis:GetRecords", name);
  try {
    // Of a source that another dialect has split since, the fork would have a part.
    const source = await durable.refresh(scope, name);
    const [shard] = source.shards;
    if (shard === undefined || source.shards.length > 1) {
      return invalid("SHARD_REQUIRED", "A stream of several shards cannot be forked.");
    }
    const state = await durable.lookFor(shard.uid);
    if (state === undefined) return notFound();
    if (state.isDeleted) return sourceKept();
    const wanted = call.request.headers.get("content-type")?.trim();
    const isOther =
      wanted !== undefined &&
      contentTypeForm.test(wanted) &&
      mediaTypeOf(wanted) !== mediaTypeOf(source.contentType);
    if (!isOther) return source;
    return new DurableError(409, "CONTENT_TYPE_DIFFERS", "The source has another content type.");
  } catch (error) {
    if (!isCode(error, "streamNotFound")) throw error;
    return error.detail.isKept === true ? sourceKept() : notFound();
  }
}

interface Branch {
  request: ForkRequest;
  /** The beginning of a record of the source, if the fork branches off in the middle of one. */
  prefix: Uint8Array[];
}

/** Throws DurableError 400 if the source has no such place. */
async function forkRequest(call: Call, source: BriefStream, { fork }: Wanted): Promise<Branch> {
  const { name, uid, isJson, shards } = source;
  const { at, subOffset } = fork!;
  const shard = shards[0]!.uid;
  if (at !== undefined && !isPositionOf(at, shard, source.ancestors)) throw noSuchPlace();
  const request = { name, uid, shard, index: at?.index, recordsAfter: 0, subOffset };
  if (subOffset === 0) return { request, prefix: [] };
  // The default place is the end of the source, after which there is nothing.
  if (at === undefined) throw noSuchPlace();
  if (isJson) return { request: { ...request, recordsAfter: subOffset }, prefix: [] };
  const record = await recordAt(call, source, at);
  if (record === undefined || record.length < subOffset) throw noSuchPlace();
  return { request, prefix: [record.subarray(0, subOffset)] };
}

async function recordAt(
  { backend }: Call,
  { shards, ancestors }: BriefStream,
  at: Position,
): Promise<Uint8Array | undefined> {
  const limits = { recordsMax: 1, bytesMax: 1 };
  const shard = { uid: shards[0]!.uid, ancestors };
  try {
    const { runs } = await backend.durable.read(shard, at, limits, "refuse");
    const [run] = runs;
    return run && recordData(run.chunk, run.from, run.to).next().value!;
  } catch (error) {
    if (isCode(error, "locationNotFound")) return undefined;
    throw error;
  }
}

function expiryOf(wanted: Wanted, source: BriefStream | undefined): Partial<Expiry> {
  const { ttlSeconds, expiresAt } = wanted;
  if (ttlSeconds !== undefined || expiresAt !== undefined) return { ttlSeconds, expiresAt };
  return { ttlSeconds: source?.durable?.ttlSeconds, expiresAt: source?.durable?.expiresAt };
}

function replyHeaders(
  contentType: string,
  uid: string,
  { next, isClosed }: Pick<DurableState, "next" | "isClosed">,
): Headers {
  return {
    ...contentHeaders(contentType),
    "stream-next-offset": offsetText(uid, next),
    ...(isClosed && { "stream-closed": "true" }),
  };
}

function noSuchPlace(): DurableError {
  return invalid("INVALID_FORK_OFFSET", "The source has no such place.");
}

function kept(): DurableError {
  return new DurableError(
    409,
    "STREAM_KEPT",
    "The stream was deleted, and its forks still need its records.",
  );
}

function sourceKept(): DurableError {
  return new DurableError(409, "SOURCE_DELETED", "The source was deleted.");
}
