// Amazon resource names of streams, consumers and queues, in the one form that policies, replies and tokens
// use. Streams whose name in the catalog is a path have ARNs too, which only allow lists and
// policies see.

export interface StreamAddress {
  readonly account: string;
  readonly region: string;
  readonly name: string;
}

export interface ConsumerAddress extends StreamAddress {
  readonly consumer: string;
  /** Part of the ARN: a consumer that is registered again gets another ARN. */
  readonly createdSeconds: number;
}

/** The partition of a region; botocore's partitions.json has the same prefixes. */
const partitions: readonly (readonly [prefix: string, partition: string])[] = [
  ["cn-", "aws-cn"],
  ["us-gov-", "aws-us-gov"],
  ["us-iso-", "aws-iso"],
  ["us-isob-", "aws-iso-b"],
  ["eu-isoe-", "aws-iso-e"],
  ["us-isof-", "aws-iso-f"],
  ["eusc-", "aws-eusc"],
];

export function partitionOf(region: string): string {
  return partitions.find(([prefix]) => region.startsWith(prefix))?.[1] ?? "aws";
}

export function streamArn({ region, account, name }: StreamAddress): string {
  return `arn:${partitionOf(region)}:kinesis:${region}:${account}:stream/${name}`;
}

export function consumerArn(address: ConsumerAddress): string {
  return `${streamArn(address)}/consumer/${address.consumer}:${address.createdSeconds}`;
}

export interface QueueAddress {
  readonly account: string;
  readonly region: string;
  readonly id: string;
}

export function queueArn({ region, account, id }: QueueAddress): string {
  return `arn:${partitionOf(region)}:kinesis:${region}:${account}:queue/${id}`;
}
