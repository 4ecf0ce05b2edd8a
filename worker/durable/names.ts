// Finds the name of the stream of an address. `/v1/stream/<name>` is the stream of that name that all dialects
// share; a longer path, or a name that Kinesis cannot have, is the stream at that path in the default
// container of v3io. Names below `__ds` are reserved (Durable Streams protocol, section 6).
import { sharedName } from "../core/streamName.ts";
import { isRoot, splitUrl } from "../http/url.ts";
import { DurableError, invalid } from "./errors.ts";

export const prefix = "/v1/stream";

/** Below it v3io finds the streams whose names Kinesis cannot have. */
const container = "/bigdata";

const reserved = "__ds";
const pathBytesMax = 1024;
const namesMax = 32;

/** True for the addresses that are this dialect's. */
export function isDurablePath(path: string): boolean {
  return path === prefix || path.startsWith(`${prefix}/`);
}

/** The stream's name in the catalog. Throws DurableError. */
export function streamNameOf(path: string): string {
  const names = decode(path.slice(prefix.length + 1)).split("/");
  if (names[0] === reserved) {
    throw new DurableError(404, "RESERVED", "Names below __ds are reserved, and not in use.");
  }
  const text = names.join("/");
  if (isRoot(`/${text}`)) throw new DurableError(404, "STREAM_UNNAMED", "No stream is named.");
  const isLong = names.length > namesMax || Buffer.byteLength(text) > pathBytesMax;
  if (isLong || !names.every(isName))
    throw invalid("INVALID_NAME", "No stream can have this name.");
  return sharedName.test(text) ? text : `${container}/${text}`;
}

/** The address of a source as a header names it: a path, or a whole URL. */
export function sourceNameOf(text: string): string {
  const { path } = splitUrl(text.startsWith("/") ? `http://source${text}` : text);
  if (!isDurablePath(path)) {
    throw invalid("INVALID_SOURCE", "Stream-Forked-From must be the path of a stream.");
  }
  return streamNameOf(path);
}

function isName(name: string): boolean {
  const isPlain = name.isWellFormed() && !/\p{Cc}/u.test(name);
  return isPlain && name !== "" && name !== "." && name !== "..";
}

function decode(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    throw invalid("INVALID_NAME", "The path is not valid percent-encoding.");
  }
}
