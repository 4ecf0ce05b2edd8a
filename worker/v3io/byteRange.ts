// The part of an object that a Range header asks for (RFC 9110, sections 14 and 15.5.17). One range of
// bytes is served. A header of another form is ignored, as HTTP allows. A range behind the end is
// refused, so that a reader who follows a growing object does not get its beginning again.
import { errorResponse, V3ioError } from "./errors.ts";
import { bytes } from "./reply.ts";

export type ByteRange =
  | { kind: "span"; first: number; /** Inclusive. */ last: number }
  | { kind: "suffix"; length: number };

/** v3io-py leaves out the hyphen if there is no end. */
export function parseByteRange(header: string | null): ByteRange | undefined {
  const [, suffix] = /^bytes=-(\d+)$/.exec(header ?? "") ?? [];
  if (suffix !== undefined) return { kind: "suffix", length: Number(suffix) };
  const [, start, end] = /^bytes=(\d+)(?:-(\d+)?)?$/.exec(header ?? "") ?? [];
  if (start === undefined) return undefined;
  const first = Number(start);
  const last = end === undefined ? Infinity : Number(end);
  return last < first ? undefined : { kind: "span", first, last };
}

export async function objectResponse(
  body: Uint8Array,
  range: ByteRange | undefined,
  headers: Record<string, string>,
): Promise<Response> {
  const size = body.length;
  // Clients that read in parts send a range for every object, so a range of an empty object is
  // valid.
  if (range === undefined || size === 0) return bytes(body, 200, headers);
  const isSuffix = range.kind === "suffix";
  const first = isSuffix ? Math.max(0, size - range.length) : range.first;
  const last = isSuffix ? size - 1 : Math.min(range.last, size - 1);
  if (first > last) {
    const refusal = errorResponse(new V3ioError("Requested range not satisfiable"));
    refusal.headers.set("content-range", `bytes */${size}`);
    return refusal;
  }
  return bytes(body.subarray(first, last + 1), 206, {
    ...headers,
    "content-range": `bytes ${first}-${last}/${size}`,
  });
}
