// Every documented refusal of the Kinesis face, worded as the service words it. One function per
// situation; an action throws what it returns. The texts come from kinesalite actions/*.js, from
// moto where it copies AWS (kinesis/exceptions.py), and from the API reference; account ids and
// stream names are part of them. A shard is named by its id as given only where the id could not
// be resolved, by its canonical id everywhere else.
import { KinesisError } from "./errors.ts";
import { shardIdOf } from "./shardId.ts";

/** A stream as messages name it. */
export interface NamedStream {
  readonly name: string;
  readonly account: string;
}

/** What has tags, as messages name it: a stream, also for its consumers, or a queue by its ARN. */
export interface TaggedResource extends NamedStream {
  readonly kind?: "queue";
}

const words = ({ kind, name, account }: TaggedResource): string =>
  `${kind ?? "stream"} ${name} under account ${account}`;

const invalidArgument = (message: string): KinesisError =>
  new KinesisError("InvalidArgumentException", message);

const validation = (message: string): KinesisError =>
  new KinesisError("ValidationException", message);

const notFound = (message: string): KinesisError =>
  new KinesisError("ResourceNotFoundException", message);

const inUse = (message: string): KinesisError =>
  new KinesisError("ResourceInUseException", message);

export const limitExceeded = (message: string): KinesisError =>
  new KinesisError("LimitExceededException", message);

// Streams

export function streamNotFound({ name, account }: NamedStream): KinesisError {
  return notFound(`Stream ${name} under account ${account} not found.`);
}

export function streamExists({ name, account }: NamedStream): KinesisError {
  return inUse(`Stream ${name} under account ${account} already exists.`);
}

export function streamNotActive({ name, account }: NamedStream, status: string): KinesisError {
  return inUse(`Stream ${name} under account ${account} not ACTIVE, instead in state ${status}`);
}

export function streamOnDemand({ name, account }: NamedStream): KinesisError {
  return validation(
    `Request is invalid. Stream ${name} under account ${account} is in On-Demand mode.`,
  );
}

export function shardLimitExceeded(limit: {
  readonly account: string;
  readonly region: string;
  readonly current: number;
  readonly limit: number;
  readonly additional: number;
}): KinesisError {
  return limitExceeded(
    `This request would exceed the shard limit for the account ${limit.account} in ` +
      `${limit.region}. Current shard count for the account: ${limit.current}. Limit: ` +
      `${limit.limit}. Number of additional shards that would have resulted from this request: ` +
      `${limit.additional}. Refer to the AWS Service Limits page ` +
      "(http://docs.aws.amazon.com/general/latest/gr/aws_service_limits.html) " +
      "for current limits and how to request higher limits.",
  );
}

/** A control operation that exceeds the rate limit of a stream. */
export function requestRateExceeded(stream: NamedStream): KinesisError {
  return limitExceeded(`Rate exceeded for ${words(stream)}.`);
}

/** The same, where the limit is the account's. */
export function accountRateExceeded(account: string): KinesisError {
  return limitExceeded(`Rate exceeded for account ${account}.`);
}

/** The wording is our own. */
export function streamTooWide(shardsMax: number): KinesisError {
  return limitExceeded(`A stream cannot have more than ${shardsMax} shards here.`);
}

/** The wording is our own: shards, consumers and policies of a stream are stored as one. */
export function streamTooLarge(bytesMax: number): KinesisError {
  return limitExceeded(
    `What is known of a stream, its consumers and policies among it, cannot have more than ${bytesMax} bytes here.`,
  );
}

/** The wording is our own: of all streams that are on demand, or that are being created. */
export function tooManyStreams(
  { account, region }: { readonly account: string; readonly region: string },
  limit: number,
  isCreating: boolean,
): KinesisError {
  const which = isCreating ? "streams in the CREATING state" : "on-demand streams";
  return limitExceeded(
    `This request would exceed the limit of ${limit} ${which} for the account ${account} ` +
      `in ${region}.`,
  );
}

/** After the text for on-demand streams; the kind is that of AUTO on a provisioned stream. */
export function streamProvisioned({ name, account }: NamedStream): KinesisError {
  return invalidArgument(
    `Request is invalid. Stream ${name} under account ${account} is in Provisioned mode.`,
  );
}

/** The text of the shapes: only the action knows that the member is required. */
export function shardCountMissing(): KinesisError {
  return validation(
    "1 validation error detected: Value null at 'shardCount' failed to satisfy constraint: " +
      "Member must not be null",
  );
}

/** As the service says it (cloud-custodian/cloud-custodian#7260). */
export function consumersRegistered(
  arn: string,
  { name }: Pick<NamedStream, "name">,
): KinesisError {
  return inUse(
    `DeleteStream can't delete ${arn} because there are consumers associated with this data ` +
      `stream. To delete ${name} anyway, set the EnforceConsumerDeletion parameter to true to ` +
      "force the deletion of all the consumers that are associated with it.",
  );
}

/** As the shapes say it, for operations where nothing else names the stream. */
export function streamUnnamed(): KinesisError {
  return validation(
    "1 validation error detected: Value null at 'streamName' failed to satisfy constraint: " +
      "Member must not be null",
  );
}

/** The ARN fits the pattern of the service model but names no stream. The wording is our own. */
export function streamArnInvalid(arn: string): KinesisError {
  return invalidArgument(`StreamARN ${arn} is not the ARN of a stream.`);
}

/**
 * The wording is our own: the API reference allows both, and does not say what happens if they
 * differ.
 */
export function streamNamesDiffer(name: string, arn: string): KinesisError {
  return invalidArgument(`StreamName ${name} and StreamARN ${arn} name different streams.`);
}

// Shards

/** The id is not one, or names no shard of a stream that is about to be split or merged. */
export function shardNotFound(shardId: string, stream: NamedStream): KinesisError {
  return notFound(`Could not find shard ${shardId} in ${words(stream)}.`);
}

/** The id is well formed, but there is no such shard, or no such stream, to read. */
export function shardDoesNotExist(shardIndex: number, stream: NamedStream): KinesisError {
  return notFound(`Shard ${shardIdOf(shardIndex)} in ${words(stream)} does not exist`);
}

export function shardAlreadySplit(shardIndex: number, stream: NamedStream): KinesisError {
  return invalidArgument(
    `Shard ${shardIdOf(shardIndex)} in ${words(stream)} has already been merged or split, ` +
      "and thus is not eligible for merging or splitting.",
  );
}

export function shardsNotAdjacent(
  shardIndex: number,
  adjacentIndex: number,
  stream: NamedStream,
): KinesisError {
  return invalidArgument(
    `Shards ${shardIdOf(shardIndex)} and ${shardIdOf(adjacentIndex)} in ${words(stream)} ` +
      "are not an adjacent pair of shards eligible for merging",
  );
}

/** `start` and `end` are the hash keys of the shard that was to be split. */
export function splitKeyOutOfRange(
  key: string,
  shardIndex: number,
  stream: NamedStream,
  range: { readonly start: bigint; readonly end: bigint },
): KinesisError {
  return invalidArgument(
    `NewStartingHashKey ${key} used in SplitShard() on shard ${shardIdOf(shardIndex)} in ` +
      `${words(stream)} is not both greater than one plus the shard's StartingHashKey ` +
      `${range.start} and less than the shard's EndingHashKey ${range.end}.`,
  );
}

/** The limits of UpdateShardCount, as a fork of kinesalite has them (mhart/kinesalite#48). */
export function shardCountTooLarge(
  limit: number,
  openCount: number,
  targetCount: number,
): KinesisError {
  return limitExceeded(
    `Target shard count or number of open shards cannot be greater than ${limit}. ` +
      shardCounts(openCount, targetCount),
  );
}

export function shardCountTooHigh(openCount: number, targetCount: number): KinesisError {
  return limitExceeded(
    "UpdateShardCount cannot scale up over double your current open shard count. " +
      shardCounts(openCount, targetCount),
  );
}

export function shardCountTooLow(openCount: number, targetCount: number): KinesisError {
  return limitExceeded(
    "UpdateShardCount cannot scale down below half your current open shard count. " +
      shardCounts(openCount, targetCount),
  );
}

/** The wording is our own. */
export function shardCountChangedTooOften(limit: number, stream: NamedStream): KinesisError {
  return limitExceeded(
    `UpdateShardCount cannot be called more than ${limit} times in 24 hours for ${words(stream)}.`,
  );
}

/** The wording is our own. */
export function shardFilterIncomplete(type: string, member: "ShardId" | "Timestamp"): KinesisError {
  return invalidArgument(`${member} must be specified when the ShardFilter type is ${type}.`);
}

export function listShardsWithoutStream(): KinesisError {
  return invalidArgument("Either NextToken or StreamName should be provided.");
}

// Writing

export function explicitHashKeyOutOfRange(key: string): KinesisError {
  return invalidArgument(
    "Invalid ExplicitHashKey. ExplicitHashKey must be in the range: [0, 2^128-1]. " +
      `Specified value was ${key}`,
  );
}

export function orderingNumberInvalid(sequence: string, stream: NamedStream): KinesisError {
  return invalidArgument(
    `ExclusiveMinimumSequenceNumber ${sequence} used in PutRecord on ${words(stream)} is invalid.`,
  );
}

/**
 * A record above the stream's own maximum. `ordinal` counts from 1 within PutRecords and is left
 * out for PutRecord. The service does not print the value (awslabs/amazon-kinesis-producer#680).
 * What it says if only the key is too large is not known; the end of that text is our own.
 */
export function recordTooLarge(record: {
  readonly bytesMax: number;
  readonly dataBytes: number;
  readonly ordinal?: number | undefined;
}): KinesisError {
  const { bytesMax, dataBytes, ordinal } = record;
  const path = ordinal === undefined ? "data" : `records.${ordinal}.member.data`;
  const note = dataBytes > bytesMax ? "" : ", partition key included";
  return validation(
    `1 validation error detected: Value at '${path}' failed to satisfy constraint: ` +
      `Member must have length less than or equal to ${bytesMax}${note}`,
  );
}

/** All records of a request together, keys included. */
export function recordsTooLarge(megabytesMax: number): KinesisError {
  return invalidArgument(`Records size exceeds ${megabytesMax} MB limit`);
}

/** Of this server as a whole, not of a shard: the wording is our own. */
export function serverBusy(): KinesisError {
  return new KinesisError(
    "ProvisionedThroughputExceededException",
    "The server has no room for this request at the moment. Try again.",
  );
}

/** In a cluster: the wording is our own. SDKs retry this status. */
export function objectMoving(): KinesisError {
  return new KinesisError(
    "ServiceUnavailable",
    "What this request needs moves to another server at the moment. Try again.",
  );
}

export function throughputExceeded(shardIndex: number, stream: NamedStream): KinesisError {
  return new KinesisError(
    "ProvisionedThroughputExceededException",
    `Rate exceeded for shard ${shardIdOf(shardIndex)} in ${words(stream)}.`,
  );
}

/** The wording is our own: a writer of Durable Streams has closed the stream, and nothing continues its shard. */
export function streamClosed({ name, account }: NamedStream): KinesisError {
  return inUse(`Stream ${name} under account ${account} was closed by its writer.`);
}

/** Of our own: every use of the stream prolongs its life, so it has one shard, which counts them. */
export function streamExpires({ name, account }: NamedStream): KinesisError {
  return inUse(`Stream ${name} under account ${account} has a time to live, and so one shard.`);
}

// Reading

/** As the service says it (awslabs/amazon-kinesis-client#391). */
export function subscriptionExists(
  consumer: string,
  shardIndex: number,
  { name, account }: NamedStream,
): KinesisError {
  const where = `${account}:${name}:${shardIdOf(shardIndex)}:${consumer}`;
  return inUse(`Another active subscription exists for this consumer: ${where}`);
}

/** The wording is our own. */
export function tooManySubscriptions(shardIndex: number, stream: NamedStream): KinesisError {
  return limitExceeded(
    `Too many subscriptions wait for shard ${shardIdOf(shardIndex)} in ${words(stream)}.`,
  );
}

export function iteratorTypeMismatch(type: string, hasSequence: boolean): KinesisError {
  return invalidArgument(
    "Must either specify (1) AT_SEQUENCE_NUMBER or AFTER_SEQUENCE_NUMBER and " +
      "StartingSequenceNumber or (2) TRIM_HORIZON or LATEST and no StartingSequenceNumber. " +
      `Request specified ${type} and ${hasSequence ? "also a" : "no"} StartingSequenceNumber.`,
  );
}

export function startingNumberInvalid(
  sequence: string,
  shardIndex: number,
  stream: NamedStream,
): KinesisError {
  return invalidArgument(`${startingNumber(sequence, shardIndex, stream)} is invalid.`);
}

/** Well formed and of this shard index, but of another stream or an earlier one of this name. */
export function startingNumberForeign(
  sequence: string,
  shardIndex: number,
  stream: NamedStream,
): KinesisError {
  return invalidArgument(
    `${startingNumber(sequence, shardIndex, stream)} is invalid ` +
      "because it did not come from this stream.",
  );
}

export function startingNumberOfOtherShard(encodedIndex: number, shardIndex: number): KinesisError {
  return invalidArgument(
    `Invalid StartingSequenceNumber. It encodes ${shardIdOf(encodedIndex)}, ` +
      `while it was used in a call to a shard with ${shardIdOf(shardIndex)}`,
  );
}

export function timestampMissing(): KinesisError {
  return invalidArgument(
    "Must specify timestampInMillis parameter for iterator of type AT_TIMESTAMP. " +
      "Current request has no timestamp parameter.",
  );
}

export function timestampInFuture(timestampMs: number, nowMs: number): KinesisError {
  return invalidArgument(
    "The timestampInMillis parameter cannot be greater than the currentTimestampInMillis. " +
      `timestampInMillis: ${timestampMs}, currentTimestampInMillis: ${nowMs}`,
  );
}

export function iteratorInvalid(): KinesisError {
  return invalidArgument("Invalid ShardIterator.");
}

/** The wording is our own: the API reference does not say what happens if the two differ. */
export function iteratorOfAnother(arn: string): KinesisError {
  return invalidArgument(`ShardIterator is not of the stream that StreamARN ${arn} names.`);
}

/** Iterators live for five minutes (AWS API reference, GetShardIterator). */
export function iteratorExpired(createdMs: number, nowMs: number): KinesisError {
  return new KinesisError(
    "ExpiredIteratorException",
    `Iterator expired. The iterator was created at time ${javaDate(createdMs)} while right now ` +
      `it is ${javaDate(nowMs)} which is further in the future than the tolerated delay of ` +
      "300000 milliseconds.",
  );
}

// Retention and tags

export function retentionTooShort(hours: number): KinesisError {
  return invalidArgument(
    `Minimum allowed retention period is 24 hours. Requested retention period (${hours} hours) ` +
      "is too short.",
  );
}

export function retentionTooLong(hours: number): KinesisError {
  return invalidArgument(
    "Maximum allowed retention period is 8760 hours. Requested retention period " +
      `(${hours} hours) is too long.`,
  );
}

/**
 * The wrong one of the two operations: increasing to a smaller value, or decreasing to a larger
 * one.
 */
export function retentionInWrongDirection(
  operation: "Increase" | "Decrease",
  hours: number,
  existingHours: number,
  stream: Pick<NamedStream, "name">,
): KinesisError {
  const [relation, other] =
    operation === "Increase" ? ["shorter", "Decrease"] : ["longer", "Increase"];
  return invalidArgument(
    `Requested retention period (${hours} hours) for stream ${stream.name} can not be ` +
      `${relation} than existing retention period (${existingHours} hours). ` +
      `Use ${other}RetentionPeriod API.`,
  );
}

export function tagCharactersInvalid(): KinesisError {
  return invalidArgument(
    "Some tags contain invalid characters. Valid characters: " +
      "Unicode letters, digits, white space, _ . / = + - % @.",
  );
}

/** A percent sign is valid by the first rule and illegal by the second. */
export function tagCharactersIllegal(
  change: "add tags to" | "remove tags from",
  resource: TaggedResource,
): KinesisError {
  return invalidArgument(
    `Failed to ${change} ${words(resource)} because some tags contained illegal characters. The ` +
      "allowed characters are Unicode letters, white-spaces, '_',',','/','=','+','-','@'.",
  );
}

/** The limit is 50 tags; the text for streams still says 10. */
export function tooManyTags(resource: TaggedResource): KinesisError {
  const { kind } = resource;
  return invalidArgument(
    `Failed to add tags to ${words(resource)} because a given ${kind ?? "stream"} cannot have more ` +
      `than ${kind === "queue" ? 50 : 10} tags associated with it.`,
  );
}

/** The wording is our own. */
export function resourceArnInvalid(arn: string): KinesisError {
  return invalidArgument(
    `ResourceARN ${arn} is not the ARN of a stream, of a consumer or of a queue.`,
  );
}

/** As LocalStack has it in operations that were tested against the service (localstack#12961). */
export function policyNotFound(arn: string): KinesisError {
  return notFound(`No resource policy found for resource ARN ${arn}`);
}

// Consumers

/** After moto kinesis/exceptions.py, ConsumerNotFound. */
export function consumerNotFound(consumer: string, account: string): KinesisError {
  return notFound(`Consumer ${consumer}, account ${account} not found.`);
}

export function consumerExists(consumer: string, { name, account }: NamedStream): KinesisError {
  return inUse(`Consumer ${consumer} under stream ${name} already exists for account ${account}.`);
}

/** As the service says it (aws-cloudformation/cloudformation-coverage-roadmap#2442). */
export function consumerNotActive(
  consumer: string,
  createdSeconds: number,
  { name, account }: NamedStream,
): KinesisError {
  return inUse(
    `Consumer ${consumer} with creation timestamp ${createdSeconds} under stream ${name} ` +
      `and account ${account} is not in ACTIVE status.`,
  );
}

/** The wording is our own: of all consumers of the stream, or of those being created. */
export function tooManyConsumers(
  stream: NamedStream,
  limit: number,
  isCreating: boolean,
): KinesisError {
  const which = isCreating ? "consumers in the CREATING state" : "consumers";
  return limitExceeded(
    `This request would exceed the limit of ${limit} ${which} for ${words(stream)}.`,
  );
}

/** The wording is our own. */
export function consumerUnnamed(): KinesisError {
  return invalidArgument(
    "Either ConsumerARN, or both StreamARN and ConsumerName, should be provided.",
  );
}

/** The wording is our own; the API reference says only that the members must not conflict. */
export function consumerNamesDiffer(arn: string): KinesisError {
  return invalidArgument(`ConsumerARN ${arn} and the other parameters name different consumers.`);
}

/** The ARN fits the pattern of the service model but names no consumer. The wording is our own. */
export function consumerArnInvalid(arn: string): KinesisError {
  return invalidArgument(`ConsumerARN ${arn} is not the ARN of a consumer.`);
}

// Paging

export function nextTokenInvalid(): KinesisError {
  return invalidArgument("Invalid NextToken.");
}

export function nextTokenExpired(): KinesisError {
  return new KinesisError("ExpiredNextTokenException", "The NextToken has expired.");
}

/**
 * As ListShards says it of StreamName, StreamARN, ExclusiveStartShardId and ShardFilter
 * (aws/aws-cli#9635, awslabs/amazon-kinesis-scaling-utils#82, awslabs/amazon-kinesis-client#788). Of
 * StreamCreationTimestamp the API reference says that it is refused; the text is made after the others.
 */
export function memberWithToken(member: string): KinesisError {
  return invalidArgument(`NextToken and ${member} cannot be provided together.`);
}

// Settings

/** The wording is our own. */
export function encryptionTypeInvalid(type: string): KinesisError {
  return invalidArgument(`EncryptionType ${type} is not valid here. The only valid value is KMS.`);
}

/** The wording is our own. */
export function warmThroughputTooHigh(mibps: number, mibpsMax: number): KinesisError {
  return limitExceeded(
    `Requested warm throughput (${mibps} MiBps) exceeds the limit of ${mibpsMax} MiBps.`,
  );
}

/** The wording is our own. */
export function notCommitted(account: string): KinesisError {
  return invalidArgument(
    `Warm throughput requires MinimumThroughputBillingCommitment to be ENABLED for account ${account}.`,
  );
}

/** Channels deliver to Amazon S3. The wording is our own. */
export function channelsUnavailable(): KinesisError {
  return invalidArgument(
    "Channels are not available here: nothing is delivered to Amazon S3. " +
      "Read the stream with GetRecords or SubscribeToShard.",
  );
}

/** The wording is our own. */
export function channelNotFound(arn: string): KinesisError {
  return notFound(`Channel ${arn} not found: channels are not available here.`);
}

/** A dry run that found no error; nothing was done. The wording is our own. */
export function dryRun(): KinesisError {
  return new KinesisError(
    "DryRunOperationException",
    "The request would have succeeded, but the DryRun parameter is set.",
  );
}

function shardCounts(openCount: number, targetCount: number): string {
  return `Current open shard count: ${openCount}, Target shard count: ${targetCount}`;
}

function startingNumber(sequence: string, shardIndex: number, stream: NamedStream): string {
  const shardId = shardIdOf(shardIndex);
  return (
    `StartingSequenceNumber ${sequence} used in GetShardIterator on shard ${shardId} ` +
    `in ${words(stream)}`
  );
}

/** As java.util.Date prints it: `Thu Jan 22 01:22:02 UTC 2015`. */
function javaDate(ms: number): string {
  const [weekday, day, month, year, time] = new Date(ms).toUTCString().split(/,? /);
  return `${weekday} ${month} ${day} ${time} UTC ${year}`;
}
