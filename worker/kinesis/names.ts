// Amazon resource names of streams and consumers, and which stream a request means. An ARN brings
// its own account and region; a bare name is in those of the caller. Names themselves have been
// checked by the shapes; what an ARN hides behind its generous pattern is checked here.
import { streamArnInvalid, streamNamesDiffer, streamUnnamed } from "./messages.ts";

export interface StreamAddress {
  readonly account: string;
  readonly region: string;
  readonly name: string;
}

export interface ConsumerAddress extends StreamAddress {
  readonly consumer: string;
  /** Part of the ARN, so that a consumer registered again is another. */
  readonly createdSeconds: number;
}

export interface Home {
  readonly account: string;
  readonly region: string;
}

const streamPattern = /^arn:aws[^:]*:kinesis:([^:]*):(\d{12}):stream\/([a-zA-Z0-9_.-]{1,128})$/;

const consumerPattern =
  /^arn:aws[^:]*:kinesis:([^:]*):(\d{12}):stream\/([a-zA-Z0-9_.-]{1,128})\/consumer\/([a-zA-Z0-9_.-]{1,128}):(\d{1,15})$/;

export function streamArn({ region, account, name }: StreamAddress): string {
  return `arn:${partitionOf(region)}:kinesis:${region}:${account}:stream/${name}`;
}

export function consumerArn(address: ConsumerAddress): string {
  return `${streamArn(address)}/consumer/${address.consumer}:${address.createdSeconds}`;
}

export function parseStreamArn(arn: string): StreamAddress | undefined {
  const [, region, account, name] = streamPattern.exec(arn) ?? [];
  if (region === undefined || account === undefined || name === undefined) return undefined;
  return { account, region, name };
}

export function parseConsumerArn(arn: string): ConsumerAddress | undefined {
  const [, region, account, name, consumer, seconds] = consumerPattern.exec(arn) ?? [];
  if (region === undefined || account === undefined || name === undefined) return undefined;
  if (consumer === undefined || seconds === undefined) return undefined;
  return { account, region, name, consumer, createdSeconds: Number(seconds) };
}

/** What tagging and policies name: a stream, or a consumer of one. */
export function parseResourceArn(arn: string): StreamAddress | ConsumerAddress | undefined {
  return parseStreamArn(arn) ?? parseConsumerArn(arn);
}

/** The members by which most operations name their stream. */
export interface StreamReference {
  readonly StreamName?: string | undefined;
  readonly StreamARN?: string | undefined;
}

/** The stream that a request means; throws the KinesisError when it means none, or two. */
export function resolveStream(reference: StreamReference, home: Home): StreamAddress {
  const { StreamName: name, StreamARN: arn } = reference;
  if (arn === undefined) {
    if (name === undefined) throw streamUnnamed();
    return { ...home, name };
  }
  const address = parseStreamArn(arn);
  if (!address) throw streamArnInvalid(arn);
  if (name !== undefined && name !== address.name) throw streamNamesDiffer(name, arn);
  return address;
}

function partitionOf(region: string): string {
  if (region.startsWith("cn-")) return "aws-cn";
  return region.startsWith("us-gov-") ? "aws-us-gov" : "aws";
}
