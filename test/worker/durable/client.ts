// Requests of the Durable Streams dialect for a stream of JSON, and a split of the same stream through Kinesis.

import { exports } from "cloudflare:workers";
import { expect, vi } from "vitest";
import { patience } from "../../support/patience.ts";
import { kinesisOver } from "../kinesis/client.ts";

export const json = { "content-type": "application/json" };

export const call = (path: string, init: RequestInit = {}) =>
  exports.default.fetch(`http://localhost${path}`, init);
export const kinesis = kinesisOver((init) => call("/", init));

export function sendTo(
  name: string,
  method: string,
  query = "",
  headers = {},
  body?: string,
): Promise<Response> {
  return call(`/v1/stream/${name}${query}`, {
    method,
    headers: { ...json, ...headers },
    body: body ?? null,
  });
}

export async function codeOf(response: Response): Promise<string> {
  const { error } = await response.json<{ error: { code: string } }>();
  return `${response.status} ${error.code}`;
}

/** Splits the shard, and waits until the stream is active again. */
export async function splitShard(
  StreamName: string,
  index: number,
  NewStartingHashKey: string,
): Promise<void> {
  const ShardToSplit = `shardId-${String(index).padStart(12, "0")}`;
  const { status } = await kinesis("SplitShard", { StreamName, ShardToSplit, NewStartingHashKey });
  expect(status).toBe(200);
  await vi.waitFor(async () => {
    const { output } = await kinesis("DescribeStream", { StreamName });
    expect(output.StreamDescription.StreamStatus).toBe("ACTIVE");
  }, patience);
}
