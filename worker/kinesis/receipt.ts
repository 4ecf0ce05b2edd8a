// The receipt handle: one delivery of one record by one queue, in a form that only the server can make.
// Content of the token (worker/auth/token.ts):
//
//   0   1  1 for a dead letter, else 0         13  8  generation of the delivery, f64
//   1   4  shard index, u32                    21  2  receives, u16
//   5   8  record index, f64                   23  1  length of the queue's id, then the id
import { Buffer } from "node:buffer";
import { verifyToken, signToken } from "../auth/token.ts";
import type { QueueAddress } from "../auth/arn.ts";
import type { Receipt } from "../delivery/delivery.ts";

export interface Handle {
  shard: number;
  receipt: Receipt;
}

const SHARD_AT = 1;
const INDEX_AT = 5;
const GENERATION_AT = 13;
const RECEIVES_AT = 21;
const ID_AT = 23;

export function sealReceipt(
  key: string,
  queue: QueueAddress,
  { shard, receipt }: Handle,
  issuedMs: number,
): string {
  const { index, receives, generation, isDead } = receipt;
  const content = Buffer.alloc(ID_AT + 1 + queue.id.length);
  content[0] = isDead ? 1 : 0;
  content.writeUInt32LE(shard, SHARD_AT);
  content.writeDoubleLE(index, INDEX_AT);
  content.writeDoubleLE(generation, GENERATION_AT);
  content.writeUInt16LE(receives, RECEIVES_AT);
  content[ID_AT] = queue.id.length;
  content.write(queue.id, ID_AT + 1, "latin1");
  return signToken(key, purposeOf(queue), { issuedMs, content });
}

/** Undefined for what is no handle of this queue. Without a key there are none. */
export function openReceipt(
  key: string | undefined,
  queue: QueueAddress,
  text: string,
): Handle | undefined {
  const token = verifyToken(key, purposeOf(queue), text);
  if (token === undefined) return undefined;
  const content = Buffer.from(token.content);
  const id = content.toString("latin1", ID_AT + 1, ID_AT + 1 + (content[ID_AT] ?? 0));
  if (id !== queue.id) return undefined;
  return {
    shard: content.readUInt32LE(SHARD_AT),
    receipt: {
      index: content.readDoubleLE(INDEX_AT),
      receives: content.readUInt16LE(RECEIVES_AT),
      generation: content.readDoubleLE(GENERATION_AT),
      isDead: content[0] === 1,
    },
  };
}

function purposeOf({ account, region }: QueueAddress): string {
  return `receipt/${account}/${region}/`;
}
