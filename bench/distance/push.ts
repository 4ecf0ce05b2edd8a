// Receives a subscription to a shard as a client does: the reply's body is a sequence of messages
// in the AWS event stream encoding; only the payload is used here:
//
//   0  4  length of the message     8   4  checksum of these eight bytes
//   4  4  length of the headers     12  .  headers, payload, 4 bytes of checksum

import { type IncomingMessage, request as send } from "node:http";
import { makeRequest, shardId } from "../http/kinesis.ts";
import type { Address } from "../tools/wire.ts";

export interface SentRecord {
  Data: string;
}

const preludeBytes = 12;
const checksumBytes = 4;

/** Records event by event, from now on; leaving the loop ends the subscription. */
export async function openEvents(
  address: Address,
  consumerArn: string,
): Promise<AsyncIterable<readonly SentRecord[]>> {
  const reply = await subscribe(address, consumerArn);
  const events = readEvents(reply);
  // The first message only announces the others.
  await events.next();
  return events;
}

async function subscribe(address: Address, ConsumerARN: string): Promise<IncomingMessage> {
  const StartingPosition = { Type: "LATEST" };
  const input = { ConsumerARN, ShardId: shardId(0), StartingPosition };
  const [head = "", body = ""] = makeRequest(address, "SubscribeToShard", input)
    .toString()
    .split("\r\n\r\n");
  const [, ...lines] = head.split("\r\n");
  const headers = Object.fromEntries(lines.map((line) => line.split(/: (.*)/, 2)));
  const reply = await new Promise<IncomingMessage>((resolve, reject) => {
    send({ ...address, method: "POST", path: "/", headers }, resolve)
      .once("error", reject)
      .end(body);
  });
  if (reply.statusCode !== 200) throw new Error(`SubscribeToShard: status ${reply.statusCode}`);
  return reply;
}

async function* readEvents(
  reply: IncomingMessage,
): AsyncGenerator<readonly SentRecord[], void, undefined> {
  let bytes = Buffer.alloc(0);
  for await (const part of reply as AsyncIterable<Buffer>) {
    bytes = Buffer.concat([bytes, part]);
    while (bytes.length >= preludeBytes && bytes.length >= bytes.readUInt32BE(0)) {
      const length = bytes.readUInt32BE(0);
      const from = preludeBytes + bytes.readUInt32BE(4);
      const payload = bytes.toString("utf8", from, length - checksumBytes);
      bytes = bytes.subarray(length);
      const { Records = [], message } = JSON.parse(payload) as {
        Records?: SentRecord[];
        message?: string;
      };
      if (message !== undefined) throw new Error(`SubscribeToShard: ${message}`);
      yield Records;
    }
  }
}
