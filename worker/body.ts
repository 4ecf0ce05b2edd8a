// Reading a request's body up to a bound, without trusting the length it claims.
import { concatBytes } from "./bytes.ts";

/** A body that broke off, or that no length and no chunks delimit as HTTP/1.1 wants it. */
export class BodyError extends Error {
  override readonly name = "BodyError";
}

/** The body, or undefined when it is longer than `bytesMax`. Throws BodyError. */
export async function readBody(
  request: Request,
  bytesMax: number,
): Promise<Uint8Array | undefined> {
  try {
    return await collectBody(request, bytesMax);
  } catch (cause) {
    throw new BodyError("The request's body did not come whole.", { cause });
  }
}

async function collectBody(request: Request, bytesMax: number): Promise<Uint8Array | undefined> {
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
