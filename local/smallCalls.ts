/**
 * Which requests go to workerd by the WebSocket (gatherer.ts): polls of Kinesis, and puts of Kinesis, v3io and Yandex up to
 * 1 MiB. Whatever is unusual in a head passes as it comes.
 */
import { isAscii } from "node:buffer";
import { manifestHeader } from "../worker/engine/putManifest.ts";
import { gatheredHeader, leftReplyHeader } from "../worker/http/gathered.ts";
import type { RequestHead } from "./collection.ts";

/** Calls of one kind wait for each other alone: a poll is not held up by a commit. */
export type CallKind = "read" | "write";

/** A small call, whole. */
export interface SmallCall {
  readonly kind: CallKind;
  readonly head: Buffer;
  readonly body: readonly Buffer[];
  /** The call is to be sent by itself, with the line in its head, if there is one. */
  sendAlone(line?: string): void;
  /** The reply, as HTTP/1.1. The bytes are not used again by others. */
  take(reply: Buffer): void;
  /** workerd gives no answer. */
  lose(): void;
}

/** Operations by their targets. Those of Yandex have a path, and reads of it go by themselves: their pages may be large. */
const kinds: ReadonlyMap<string, CallKind> = new Map([
  ["Kinesis_20131202.GetRecords", "read"],
  ["Kinesis_20131202.PutRecord", "write"],
  ["Kinesis_20131202.PutRecords", "write"],
]);

/** A message of workerd's WebSocket is copied where it is made and where it is read, and read as a whole. */
const bodyBytesMax = 1 << 20;

/** After a larger reply the next read goes by itself: its consumer is not at the end of a shard. */
const smallReplyBytes = 64 << 10;

/** Headers that change how a request or its reply is passed on, or who serves it. */
const unwanted = new Set([
  "expect",
  "upgrade",
  "te",
  "trailer",
  "content-encoding",
  "origin",
  manifestHeader,
  gatheredHeader,
  leftReplyHeader,
]);

/** False for a request that is not passed on like any other. */
export function isUsual({ method, headers }: RequestHead): boolean {
  if (method !== "POST") return false;
  return headers.every(
    ([name, value]) =>
      !unwanted.has(name) && (name !== "connection" || value.toLowerCase() === "keep-alive"),
  );
}

function kindOfCall(head: RequestHead): CallKind | undefined {
  const { bodyBytes } = head;
  if (bodyBytes === "chunked" || bodyBytes === 0 || bodyBytes > bodyBytesMax) return undefined;
  const kind = kindOfOperation(head);
  return kind !== undefined && isUsual(head) ? kind : undefined;
}

function kindOfOperation({ target, headers }: RequestHead): CallKind | undefined {
  const valueOf = (name: string) => headers.find(([each]) => each === name)?.[1];
  const v3io = valueOf(v3ioHeader);
  if (v3io !== undefined) return v3io === v3ioPut && isPlainPath(target) ? "write" : undefined;
  const kind = kinds.get(valueOf("x-amz-target") ?? "");
  if (target === "/" || kind === undefined) return kind;
  return kind === "write" && isPlainPath(target) ? kind : undefined;
}

const v3ioHeader = "x-v3io-function";
const v3ioPut = "PutRecords";

/** Names between single slashes: workerd reads such a path as it stands. */
const plainPath = /^(?:\/[A-Za-z0-9_-][A-Za-z0-9_.-]*)+\/?$/;

function isPlainPath(target: string): boolean {
  return target.length <= pathLengthMax && plainPath.test(target);
}

const pathLengthMax = 2048;

/** What is known of the calls of a connection, or of a session of HTTP/2. */
export class SmallCalls {
  #isLarge = false;

  /** Undefined if the request passes as it comes. */
  kindOf(head: RequestHead): CallKind | undefined {
    const kind = kindOfCall(head);
    return kind === "read" && this.#isLarge ? undefined : kind;
  }

  /** A request that passed by itself had a reply of so many bytes. */
  note(replyBytes: number): void {
    this.#isLarge = replyBytes > smallReplyBytes;
  }
}

const plainStart = /^POST \/[!-~]* HTTP\/1\.1\r\n/;

/** False for a head that the Worker might read differently from workerd. */
export function isPlainHead(head: Buffer): boolean {
  return isAscii(head) && plainStart.test(head.toString("latin1", 0, headLineBytesMax));
}

const headLineBytesMax = pathLengthMax + 16;
