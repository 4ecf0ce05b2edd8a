// Seek and GetRecords. Sequence numbers are the index plus one. The lags of a reply are exact when it is
// at the tip; pages are printed by the engine.
import { utf8 } from "../../codec/bytes.ts";
import { itemTimeAt, nanosecondsPerMs } from "../../core/itemTime.ts";
import type { SeekRequest } from "../../core/types.ts";
import { engine } from "../../engine/instance.ts";
import { isCode, StreamError } from "../../errors.ts";
import type { FrontPrinter } from "../../stream/frontPrinter.ts";
import { RecordPage } from "../../http/recordPage.ts";
import { scannedHeaders } from "../../http/selection.ts";
import { pageBytesMax, timeOrdinalMax } from "../../limits.ts";
import { compileSelection, type Selection } from "../../scan/selection.ts";
import type { Page } from "../../stream/reader.ts";
import { invalid, V3ioError } from "../errors.ts";
import { blob, type Body, integer } from "../fields.ts";
import type { Address } from "../names.ts";
import { isLocationOf, printLocation, readLocation } from "../location.ts";
import { type ActionContext, operation, type Resource } from "../operation.ts";
import { shardOf, withStreamAt } from "../places.ts";
import { json, jsonHeaders, timeHeaders } from "../reply.ts";
import { type ShardPlace, shardPlace } from "../streamRequest.ts";

type SeekTarget =
  | { type: "EARLIEST" | "LATEST" }
  | { type: "TIME"; second: number; nanosecond: number }
  | { type: "SEQUENCE"; sequence: number };

const MS_PER_SECOND = 1000;
const limitDefault = 1000;
const NANOSECONDS = 1_000_000_000;

const resource = ({ stream: place }: ShardPlace): Resource => ({ kind: "stream", place });

const seekByTarget = {
  action: "v3io:Seek",
  alias: "kinesis:GetShardIterator",
  read: (address: Address, body: Body) => ({
    ...shardPlace(address, body),
    target: seekTarget(body),
  }),
  resource,
  run: async (
    { backend, scope }: ActionContext,
    { stream: place, shard: index, target }: ShardPlace & { target: SeekTarget },
  ): Promise<Response> => {
    const request = seekRequest(target);
    const { uid, location, view } = await withStreamAt(backend, scope, place, async (stream) => {
      const { uid } = shardOf(stream, index);
      return { uid, ...(await backend.shards.seek(uid, request)) };
    }).catch((error: unknown) => {
      const missed = isCode(error, "locationNotFound");
      throw missed ? invalid() : error;
    });
    return json(
      { Location: printLocation(uid, location) },
      timeHeaders(itemTimeAt(view.lastTimeMs)),
    );
  },
};

export const seek = operation({ name: "Seek", ...seekByTarget });

/** Seek by another name, which some clients use. */
export const seekShard = operation({ name: "SeekShard", ...seekByTarget });

export const getRecords = operation({
  name: "GetRecords",
  alias: "kinesis:GetRecords",
  read: (address, body) => ({
    ...shardPlace(address, body),
    location: blob(body["Location"]),
    limit: limitOf(body["Limit"]),
    filter: body["Filter"],
  }),
  resource,
  run: async ({ backend, scope }, input) => {
    const { stream: place, shard: index, location: bytes, limit, filter } = input;
    const location = readLocation(bytes);
    const limits = { recordsMax: limit, bytesMax: pageBytesMax };
    const selection = selectionOf(filter);
    let isAskedAgain = false;
    return await withStreamAt(backend, scope, place, async (stream) => {
      const { uid } = shardOf(stream, index);
      if (location === undefined) throw new V3ioError("IllegalLocationException");
      if (!isLocationOf(location, uid)) {
        if (isAskedAgain) throw new V3ioError("IllegalLocationException");
        // The stream may have been made anew since this isolate has asked for it.
        isAskedAgain = true;
        throw new StreamError("shardNotFound", { uid });
      }
      const page = await backend.shards.read(uid, location, limits, "refuse", selection);
      backend.shards.noteReader(uid, { dialect: "v3io" }, page);
      return await pageResponse(uid, page, backend.frontPrinter);
    });
  },
});

function seekTarget(body: Body): SeekTarget {
  const type = body["Type"];
  if (type === "EARLIEST" || type === "LATEST") return { type };
  if (type === "TIME") {
    return {
      type,
      second: integer(body["TimestampSec"], 0, Infinity),
      nanosecond: integer(body["TimestampNSec"], 0, NANOSECONDS - 1),
    };
  }
  if (type === "SEQUENCE") {
    return { type, sequence: integer(body["StartingSequenceNumber"], 1, Infinity) };
  }
  throw invalid();
}

/** v3io-go sends 0 when its caller set no limit. */
function limitOf(value: unknown): number {
  if (value === undefined || value === null || value === 0) return limitDefault;
  return integer(value, 1, Infinity);
}

/** For the number of an expired record, the oldest remaining record is found. */
function seekRequest(target: SeekTarget): SeekRequest {
  switch (target.type) {
    case "EARLIEST":
      return { kind: "earliest" };
    case "LATEST":
      return { kind: "latest" };
    case "SEQUENCE":
      return { kind: "index", index: target.sequence - 1 };
    case "TIME": {
      const ms = Math.floor(target.nanosecond / nanosecondsPerMs);
      return {
        kind: "time",
        timeMs: target.second * MS_PER_SECOND + ms,
        ordinal: Math.min(target.nanosecond % nanosecondsPerMs, timeOrdinalMax),
      };
    }
  }
}

/** A pattern, as its text or as the object itself. Throws `invalidCondition`. */
function selectionOf(filter: unknown): Selection | undefined {
  if (filter === undefined || filter === null) return undefined;
  return compileSelection({ where: typeof filter === "string" ? filter : JSON.stringify(filter) });
}

function pageResponse(uid: string, page: Page, front: FrontPrinter | undefined): Promise<Response> {
  const { runs, next, view, lastTimeMs } = page;
  const behindMs = lastTimeMs === undefined ? 0 : Math.max(view.lastTimeMs - lastTimeMs, 0);
  const head =
    `{"NextLocation":"${printLocation(uid, next)}","MSecBehindLatest":${behindMs}` +
    `,"RecordsBehindLatest":${Math.max(view.nextIndex - next.index, 0)},"Records":[`;
  const headers = {
    ...jsonHeaders,
    ...timeHeaders(itemTimeAt(view.lastTimeMs)),
    ...scannedHeaders(page),
  };
  const text = new RecordPage(utf8(head), runs, engine.v3ioJson(), utf8("]}"));
  return text.respond({ init: { headers }, front });
}
