// Claims about single calls, for tables: what an operation is asked, and what it answers. A claim
// about a refusal names the error and its whole text. Streams have names of their own in every test,
// so that tests need not clean up after each other.

import { exports } from "cloudflare:workers";
import { expect } from "vitest";
import { decodeCbor } from "../../../worker/codec/cborReader.ts";
import { encodeCbor } from "../../../worker/kinesis/cbor.ts";
import { base64, kinesisOver, type KinesisReply } from "./client.ts";

export const kinesis = kinesisOver((init) => exports.default.fetch("http://localhost/", init));

/** The same in CBOR; of the reply only its status and what it says. */
export function kinesisInCbor(operation: string, input: object): Promise<KinesisReply> {
  const call = kinesisOver(async (init) => {
    const reply = await exports.default.fetch("http://localhost/", init);
    const output = decodeCbor(new Uint8Array(await reply.arrayBuffer()));
    return Response.json(output, { status: reply.status });
  });
  return call(operation, encodeCbor(input), { "content-type": "application/x-amz-cbor-1.1" });
}

export const account = "000000000000";
export const region = "us-east-1";

export interface Refusal {
  name: string;
  message: string;
}

export function refusal(name: string, message: string): Refusal {
  return { name, message };
}

export function arnOf(stream: string): string {
  return `arn:aws:kinesis:${region}:${account}:stream/${stream}`;
}

/** The parsed reply of a call that succeeds; an empty body is an empty object. */
export async function ask(operation: string, input: object): Promise<Record<string, unknown>> {
  const reply = await kinesis(operation, input);
  expect([reply.status, reply.error]).toEqual([200, { name: "", message: "" }]);
  return reply.output as unknown as Record<string, unknown>;
}

/** A call that is refused, with status 400. */
export async function expectRefusal(
  operation: string,
  input: object,
  { name, message }: Refusal,
): Promise<void> {
  expect(refusalOf(await kinesis(operation, input))).toEqual([400, { name, message }]);
}

export async function createStream(input: object = { ShardCount: 1 }): Promise<string> {
  const StreamName = crypto.randomUUID();
  await ask("CreateStream", { StreamName, ...input });
  return StreamName;
}

/** Members of the stream's summary. */
export async function summaryOf(StreamName: string): Promise<Record<string, unknown>> {
  const { StreamDescriptionSummary: summary } = await ask("DescribeStreamSummary", { StreamName });
  return summary as Record<string, unknown>;
}

export function putText(StreamName: string, data: string): Promise<Record<string, unknown>> {
  return ask("PutRecord", { StreamName, Data: base64(data), PartitionKey: "k" });
}

/** The shard's records, from the oldest on: a page of them. */
export async function readShard(StreamName: string, ShardId: string): Promise<{ Data: string }[]> {
  const place = { StreamName, ShardId, ShardIteratorType: "TRIM_HORIZON" };
  const { ShardIterator } = await ask("GetShardIterator", place);
  return (await ask("GetRecords", { ShardIterator }))["Records"] as { Data: string }[];
}

function refusalOf({ status, error }: KinesisReply): [number, Refusal] {
  return [status, error];
}
