// Reading a request's body up to a bound, without trusting the length it claims.
import { concatBytes } from "./bytes.ts";

/** The body, or undefined when it is longer than `bytesMax`. */
export async function readBody(
  request: Request,
  bytesMax: number,
): Promise<Uint8Array | undefined> {
  if (Number(request.headers.get("content-length") ?? 0) > bytesMax) return undefined;
  if (request.headers.has("content-length")) return new Uint8Array(await request.arrayBuffer());
  if (request.body === null) return new Uint8Array(0);
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const part of request.body as unknown as AsyncIterable<Uint8Array>) {
    length += part.length;
    if (length > bytesMax) return undefined;
    parts.push(part);
  }
  return concatBytes(parts);
}
