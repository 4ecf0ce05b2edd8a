// Unpacks a body that its client has compressed with gzip, as the CloudWatch clients of AWS do with
// large ones.
import { concatBytes } from "../codec/bytes.ts";
import { metricBodyBytesMax } from "../limits.ts";

/** Throws an Error if it cannot be unpacked, or is too large: then not all of it is unpacked. */
export async function unpack(body: Uint8Array, encoding: string | null): Promise<Uint8Array> {
  if (encoding !== "gzip") return body;
  const source = new Blob([new Uint8Array(body)]).stream();
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const part of source.pipeThrough(new DecompressionStream("gzip"))) {
    length += part.length;
    if (length > metricBodyBytesMax) throw new Error("the unpacked body is too large");
    parts.push(part);
  }
  return concatBytes(parts);
}
