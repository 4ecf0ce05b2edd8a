// What the Kinesis face says when the core fails: one table from the core's codes to the service's
// errors. The words are in errorTexts.ts. What is not in the table is no caller's doing: it is logged
// and answered as InternalFailure.
import {
  damageText,
  StreamError,
  type StreamErrorCode,
  type StreamErrorDetail,
} from "../errors.ts";
import type { FailureLog } from "../core/failureLog.ts";
import type { Scope } from "../core/types.ts";
import { KinesisError } from "./errors.ts";
import {
  consumerExists,
  consumerNotActive,
  consumerNotFound,
  consumersRegistered,
  notCommitted,
  retentionInWrongDirection,
  serverBusy,
  shardAlreadySplit,
  shardLimitExceeded,
  streamExists,
  streamNotActive,
  streamNotFound,
  streamOnDemand,
  streamProvisioned,
  streamTooLarge,
  streamTooWide,
  tooManyConsumers,
  tooManyStreams,
  tooManyTags,
} from "./errorTexts.ts";
import { streamArn, type StreamAddress } from "./names.ts";

type Wording = (stream: StreamAddress, detail: Detail) => KinesisError;

const wordings: { readonly [Code in StreamErrorCode]?: Wording } = {
  streamNotFound,
  streamExists,
  streamNotActive: (stream, detail) => streamNotActive(stream, detail.text("status")),
  wrongMode: (stream, detail) =>
    detail.text("mode") === "ON_DEMAND" ? streamOnDemand(stream) : streamProvisioned(stream),
  retentionNotLonger: (stream, detail) => wrongRetention("Increase", stream, detail),
  retentionNotShorter: (stream, detail) => wrongRetention("Decrease", stream, detail),
  notCommitted: ({ account }) => notCommitted(account),
  tooLarge: (_, detail) => streamTooLarge(detail.number("bytesMax")),
  tooManyShards,
  tooManyStreams: (stream, detail) =>
    tooManyStreams(stream, detail.number("limit"), detail.has("creating")),
  tooManyTags,
  tooManyConsumers: (stream, detail) =>
    tooManyConsumers(stream, detail.number("limit"), detail.has("creating")),
  consumerNotFound: ({ account }, detail) => consumerNotFound(detail.text("consumer"), account),
  consumerExists: (stream, detail) => consumerExists(detail.text("consumer"), stream),
  consumerNotActive: (stream, detail) =>
    consumerNotActive(detail.text("consumer"), detail.number("createdSeconds"), stream),
  consumersRegistered: (stream) => consumersRegistered(streamArn(stream), stream),
  overloaded: serverBusy,
  shardClosed: (stream, detail) => shardAlreadySplit(detail.number("shard"), stream),
};

/** The service's error for whatever an action threw; `about` is the stream or account it was for. */
export function kinesisErrorOf(
  error: unknown,
  about: Scope | StreamAddress,
  failures: FailureLog,
): KinesisError {
  if (error instanceof KinesisError) return error;
  if (error instanceof StreamError) {
    const detail = new Detail(error.detail);
    const wording = wordings[error.code];
    const name = detail.text("stream") || ("name" in about ? about.name : "");
    const { account, region } = about;
    if (wording !== undefined) return wording({ account, region, name }, detail);
  }
  failures.log(error);
  const isCorrupt = error instanceof StreamError && error.code === "corrupt";
  if (!isCorrupt) return new KinesisError("InternalFailure");
  return new KinesisError("InternalFailureException", damageText(error.detail));
}

/** Of the account with all its streams, or of one stream by itself. */
function tooManyShards({ account, region }: StreamAddress, detail: Detail): KinesisError {
  const limit = detail.number("limit");
  if (!detail.has("current")) return streamTooWide(limit);
  const current = detail.number("current");
  const additional = detail.number("additional");
  return shardLimitExceeded({ account, region, current, limit, additional });
}

function wrongRetention(
  operation: "Increase" | "Decrease",
  stream: StreamAddress,
  detail: Detail,
): KinesisError {
  return retentionInWrongDirection(
    operation,
    detail.number("hours"),
    detail.number("existingHours"),
    stream,
  );
}

class Detail {
  private readonly values: StreamErrorDetail;

  constructor(values: StreamErrorDetail) {
    this.values = values;
  }

  has(name: string): boolean {
    return this.values[name] !== undefined;
  }

  text(name: string): string {
    return String(this.values[name] ?? "");
  }

  number(name: string): number {
    return Number(this.values[name] ?? 0);
  }
}
