/** A record as a command reads it, and the user records that are in it. */
import type { Reply } from "../service/reply.ts";
import { createHash } from "node:crypto";
import { deaggregate } from "./aggregate.ts";

export interface StreamRecord {
  shardId: string;
  sequenceNumber: string;
  /** Position in an aggregate of the KPL; undefined for a record that is none. */
  subSequenceNumber?: number;
  partitionKey: string;
  /** Only records of an aggregate tell it. */
  explicitHashKey?: string | undefined;
  arrivedMs: number;
  data: Uint8Array;
}

export function readRecord(shardId: string, facts: Reply): StreamRecord {
  return {
    shardId,
    sequenceNumber: facts.text("SequenceNumber"),
    partitionKey: facts.optionalText("PartitionKey") ?? "",
    arrivedMs: facts.timeMs("ApproximateArrivalTimestamp"),
    data: Buffer.from(facts.text("Data"), "base64"),
  };
}

/** The user records of an aggregate; of any other record itself. */
export function takeApart(record: StreamRecord): StreamRecord[] {
  const parts = deaggregate(record.data, md5);
  if (parts === undefined) return [record];
  const { shardId, sequenceNumber, arrivedMs } = record;
  return parts.map(({ partitionKey, explicitHashKey, data }, subSequenceNumber) => ({
    shardId,
    sequenceNumber,
    subSequenceNumber,
    partitionKey,
    explicitHashKey,
    arrivedMs,
    data,
  }));
}

function md5(bytes: Uint8Array): Uint8Array {
  return createHash("md5").update(bytes).digest();
}
