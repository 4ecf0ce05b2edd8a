// Finds the operation of a request by its method. A POST with `?sign=` is an operation of its own.
import { appendToStream } from "./actions/append.ts";
import { createStream } from "./actions/create.ts";
import { headStream } from "./actions/head.ts";
import { readStream } from "./actions/read.ts";
import { removeStream } from "./actions/remove.ts";
import { signAddress, signParameter } from "./actions/sign.ts";
import { DurableError } from "./errors.ts";
import type { Operation } from "./operation.ts";

export const operations = [
  appendToStream,
  createStream,
  headStream,
  readStream,
  removeStream,
  signAddress,
] as const;

export type OperationName = (typeof operations)[number]["name"];

const byMethod: ReadonlyMap<string, Operation> = new Map<string, Operation>([
  ["PUT", createStream],
  ["POST", appendToStream],
  ["GET", readStream],
  ["HEAD", headStream],
  ["DELETE", removeStream],
]);

/** Throws DurableError 405. */
export function operationOf(method: string, query: URLSearchParams): Operation {
  const isSigning = method === "POST" && query.has(signParameter);
  const found = isSigning ? signAddress : byMethod.get(method);
  if (found !== undefined) return found;
  throw new DurableError(405, "METHOD_NOT_ALLOWED", "A stream has no such method.", {
    allow: [...byMethod.keys(), "OPTIONS"].join(", "),
  });
}
