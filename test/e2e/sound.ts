// A server and a stream that bad requests must not harm. After each test of a file that calls
// `keepSound` one good record is put; at its end the stream must hold exactly those, and the server
// must have had nothing to complain of and stop when it is told to.

import { afterAll, afterEach, beforeAll, expect } from "vitest";
import { base64, type KinesisCall, kinesisOver, textIn } from "../worker/kinesis/client.ts";
import { type V3ioCall, v3ioOver } from "../worker/v3io/client.ts";
import { type Server, startServer } from "./server.ts";

export const StreamName = "sound";
/** The stream's only shard. */
export const ShardId = "shardId-000000000000";

export interface Sound {
  kinesis: KinesisCall;
  v3io: V3ioCall;
  endpoint: () => string;
  /** An iterator from the oldest record on. */
  iterator: () => Promise<string>;
}

export function keepSound(): Sound {
  let server: Server;
  const kinesis = kinesisOver((init) => fetch(server.endpoint, init));
  const v3io = v3ioOver((path, init) => fetch(server.endpoint + path, init));
  const iterator = async (): Promise<string> => {
    const input = { StreamName, ShardId, ShardIteratorType: "TRIM_HORIZON" };
    return (await kinesis("GetShardIterator", input)).output.ShardIterator;
  };
  /** Texts of the records that were put for good. */
  const sound: string[] = [];

  beforeAll(async () => {
    server = await startServer();
    expect((await kinesis("CreateStream", { StreamName, ShardCount: 1 })).status).toBe(200);
  });

  afterEach(async () => {
    const text = `record ${sound.length}`;
    const record = { StreamName, PartitionKey: "key", Data: base64(text) };
    const { status, output } = await kinesis("PutRecord", record);
    expect([status, output.ShardId]).toEqual([200, ShardId]);
    sound.push(text);
  });

  afterAll(async () => {
    expect(await readTexts(kinesis, await iterator())).toEqual(sound);
    const { exitCode, stderr } = await server.stop();
    // workerd notes each connection that broke off; nothing else has anything to complain of.
    const complaints = stderr
      .split("\n")
      .filter((line) => !line.includes("HTTP connection failed"));
    expect([exitCode, complaints.join("\n")]).toEqual([0, ""]);
    await server[Symbol.asyncDispose]();
  });

  return { kinesis, v3io, iterator, endpoint: () => server.endpoint };
}

async function readTexts(kinesis: KinesisCall, first: string): Promise<string[]> {
  const texts: string[] = [];
  for (let ShardIterator = first, behind = 1; behind > 0;) {
    const { output } = await kinesis("GetRecords", { ShardIterator });
    texts.push(...output.Records.map(textIn));
    behind = output.MillisBehindLatest;
    ShardIterator = output.NextShardIterator;
  }
  return texts;
}
