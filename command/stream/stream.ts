/** Streams as the service describes them, and waiting until a change of one is done. */
import { setTimeout as delay } from "node:timers/promises";
import { Failure } from "../../local/failure.ts";
import { type KinesisClient, ServiceError } from "../service/client.ts";
import type { Reply } from "../service/reply.ts";

export interface StreamSummary {
  name: string;
  arn: string;
  /** CREATING, ACTIVE, UPDATING or DELETING. */
  status: string;
  /** PROVISIONED or ON_DEMAND. */
  mode: string;
  retentionHours: number;
  createdMs: number;
  openShards: number;
  consumers: number;
  /** NONE or KMS. */
  encryption: string;
}

const waitMsMax = 300_000;
const pauseMs = { first: 20, max: 2000 };

/** The member that names a stream in a request; an ARN is one too. */
export function streamMember(stream: string): { StreamName: string } | { StreamARN: string } {
  return stream.startsWith("arn:") ? { StreamARN: stream } : { StreamName: stream };
}

export async function describeStream(
  client: KinesisClient,
  stream: string,
): Promise<StreamSummary> {
  const reply = await client.call("DescribeStreamSummary", streamMember(stream));
  return readSummary(reply.object("StreamDescriptionSummary"));
}

function readSummary(facts: Reply): StreamSummary {
  return {
    name: facts.text("StreamName"),
    arn: facts.text("StreamARN"),
    status: facts.text("StreamStatus"),
    mode: modeOf(facts),
    retentionHours: facts.number("RetentionPeriodHours"),
    createdMs: facts.timeMs("StreamCreationTimestamp"),
    openShards: facts.number("OpenShardCount"),
    consumers: facts.optionalNumber("ConsumerCount") ?? 0,
    encryption: facts.optionalText("EncryptionType") ?? "NONE",
  };
}

/** Older services know no modes. */
function modeOf(facts: Reply): string {
  try {
    return facts.object("StreamModeDetails").text("StreamMode");
  } catch {
    return "PROVISIONED";
  }
}

/** Names in the order of the service, all pages of them. */
export async function listStreams(client: KinesisClient): Promise<string[]> {
  const names: string[] = [];
  for (;;) {
    const last = names.at(-1);
    const input = last === undefined ? {} : { ExclusiveStartStreamName: last };
    const reply = await client.call("ListStreams", input);
    const page = reply.texts("StreamNames");
    names.push(...page);
    if (!reply.flag("HasMoreStreams") || page.length === 0) return names;
  }
}

/** Resolves with the stream when it is ACTIVE. Throws a Failure after five minutes. */
export async function untilActive(client: KinesisClient, stream: string): Promise<StreamSummary> {
  const endMs = performance.now() + waitMsMax;
  for (let pause = pauseMs.first; ; pause = Math.min(pauseMs.max, pause * 2)) {
    const summary = await describeStream(client, stream);
    if (summary.status === "ACTIVE") return summary;
    if (performance.now() > endMs) {
      throw new Failure(`${stream} is still ${summary.status} after five minutes`);
    }
    await delay(pause);
  }
}

/** Resolves when there is no such stream any more. */
export async function untilGone(client: KinesisClient, stream: string): Promise<void> {
  for (let pause = pauseMs.first; ; pause = Math.min(pauseMs.max, pause * 2)) {
    try {
      await describeStream(client, stream);
    } catch (error) {
      if (error instanceof ServiceError && error.code === "ResourceNotFoundException") return;
      throw error;
    }
    await delay(pause);
  }
}
