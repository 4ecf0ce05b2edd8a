/**
 * Lines of a file or of stdin, with the number of bytes up to their end, so that a reader can go on
 * behind a line. Only the bytes of one line are kept.
 */
import { createReadStream } from "node:fs";
import { errorCode, Failure } from "../../local/failure.ts";

export interface Line {
  /** Without its end, which is LF or CRLF. */
  bytes: Buffer;
  /** Counted from 1. */
  number: number;
  /** Offset behind its end. */
  endBytes: number;
}

/** The longest line: the largest record in base64, and room for its other members. */
const lineBytesMax = 16 << 20;
const lineFeed = 10;
const carriageReturn = 13;

/** `path` "-" is stdin. Throws a Failure if it cannot be read, or for a line that is too long. */
export async function* readLines(path: string): AsyncGenerator<Line> {
  const source = path === "-" ? process.stdin : createReadStream(path);
  let parts: Buffer[] = [];
  let [partBytes, number, offset] = [0, 0, 0];
  const take = (rest: Buffer, endBytes: number): Line => {
    const whole = Buffer.concat([...parts, rest]);
    [parts, partBytes, number] = [[], 0, number + 1];
    const bytes = whole.at(-1) === carriageReturn ? whole.subarray(0, -1) : whole;
    return { bytes, number, endBytes };
  };
  try {
    for await (const chunk of source as AsyncIterable<Buffer>) {
      let from = 0;
      for (let end = chunk.indexOf(lineFeed); end >= 0; end = chunk.indexOf(lineFeed, from)) {
        yield take(chunk.subarray(from, end), offset + end + 1);
        from = end + 1;
      }
      if (from < chunk.length) parts.push(chunk.subarray(from));
      partBytes += chunk.length - from;
      offset += chunk.length;
      if (partBytes > lineBytesMax) {
        throw new Failure(`line ${number + 1} is longer than ${lineBytesMax >> 20} MiB`);
      }
    }
  } catch (error) {
    if (error instanceof Failure) throw error;
    throw new Failure(`${path} cannot be read (${errorCode(error)})`);
  }
  if (partBytes > 0) yield take(Buffer.alloc(0), offset);
}

/** All of stdin. */
export async function readInput(): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of process.stdin as AsyncIterable<Buffer>) parts.push(part);
  return Buffer.concat(parts);
}
