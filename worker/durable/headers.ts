// Reads the request headers of this dialect (Durable Streams protocol, sections 5 and 9). An invalid
// value is refused. A header that has no meaning for the request is ignored, as the protocol demands.
import { parseInstant } from "../codec/instant.ts";
import { producerIdBytesMax, shardsMax } from "../limits.ts";
import type { ProducerMark } from "../core/durable.ts";
import { invalid } from "./errors.ts";

type HeaderReader = Pick<Headers, "get" | "has">;

export interface Expiry {
  ttlSeconds: number | undefined;
  /** As it was sent. */
  expiresAt: string | undefined;
}

const whole = /^(?:0|[1-9]\d{0,15})$/;
const digitsOnly = /^\d{1,16}$/;
const instant = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(?:Z|[+-]\d{2}:\d{2})$/i;

/** Throws DurableError 400. */
export function readExpiry(headers: HeaderReader): Expiry {
  const ttl = headers.get("stream-ttl");
  const expiresAt = headers.get("stream-expires-at") ?? undefined;
  if (ttl !== null && expiresAt !== undefined) {
    throw invalid("INVALID_EXPIRY", "Stream-TTL and Stream-Expires-At exclude one another.");
  }
  if (ttl !== null && (!whole.test(ttl) || !Number.isSafeInteger(Number(ttl) * 1000))) {
    throw invalid("INVALID_TTL", "Stream-TTL must be a whole number of seconds.");
  }
  if (expiresAt !== undefined && !(instant.test(expiresAt) && parseInstant(expiresAt) > 0)) {
    throw invalid("INVALID_EXPIRY", "Stream-Expires-At must be a time as in RFC 3339.");
  }
  return { ttlSeconds: ttl === null ? undefined : Number(ttl), expiresAt };
}

/** Any other value than "true" is as if the header were not there. */
export function readClosed(headers: HeaderReader): boolean {
  return headers.get("stream-closed")?.toLowerCase() === "true";
}

/** Throws DurableError 400. */
export function readProducer(headers: HeaderReader): ProducerMark | undefined {
  const [id, epoch, seq] = ["id", "epoch", "seq"].map((part) => headers.get(`producer-${part}`));
  if (id == null && epoch == null && seq == null) return undefined;
  if (id == null || epoch == null || seq == null) {
    throw invalid("INVALID_PRODUCER", "Producer-Id, -Epoch and -Seq must come together.");
  }
  if (id === "" || id.length > producerIdBytesMax) {
    throw invalid("INVALID_PRODUCER", `Producer-Id must have 1 to ${producerIdBytesMax} bytes.`);
  }
  return { id, epoch: readNumber(epoch, "Producer-Epoch"), seq: readNumber(seq, "Producer-Seq") };
}

/** Number of shards of a new stream. Throws DurableError 400. */
export function readShardCount(headers: HeaderReader): number {
  const text = headers.get("stream-shard-count") ?? "1";
  const count = Number(text);
  if (whole.test(text) && count >= 1 && count <= shardsMax) return count;
  throw invalid("INVALID_SHARD_COUNT", `Stream-Shard-Count must be 1 to ${shardsMax}.`);
}

/** Undefined without the header. Throws DurableError 400. */
export function readSubOffset(headers: HeaderReader): number | undefined {
  const text = headers.get("stream-fork-sub-offset");
  if (text === null) return undefined;
  const count = Number(text);
  if (whole.test(text) && Number.isSafeInteger(count)) return count;
  throw invalid("INVALID_SUB_OFFSET", "Stream-Fork-Sub-Offset must be a whole number.");
}

function readNumber(text: string, header: string): number {
  const value = Number(text);
  if (digitsOnly.test(text) && Number.isSafeInteger(value)) return value;
  throw invalid("INVALID_PRODUCER", `${header} must be a whole number below 2^53.`);
}

/** True if If-None-Match names this tag (RFC 9110, section 13.1.2). */
export function matchesTag(headers: HeaderReader, tag: string): boolean {
  const asked = headers.get("if-none-match");
  if (asked === null) return false;
  if (asked.trim() === "*") return true;
  return asked.split(",").some((each) => each.trim().replace(/^W\//, "") === tag);
}
