// SubscribeToShard. Every error is sent in an ordinary reply, before the stream of events begins;
// subscription.ts sends the events. A refused subscription does not affect the existing one.
import { isCode } from "../../errors.ts";
import { getConsumer } from "../../catalog/consumers.ts";
import type { KnownStream } from "../../stream/directory.ts";
import { findShard } from "../../core/hashRange.ts";
import type { ShardDescription } from "../../core/types.ts";
import { type ActionContext, PrintedBody } from "../context.ts";
import { eventStreamType } from "../eventstream.ts";
import { parseShardId } from "../shardId.ts";
import {
  consumerArnInvalid,
  consumerNotActive,
  dryRun,
  shardDoesNotExist,
  shardNotFound,
  startingNumberInvalid,
  subscriptionExists,
  tooManySubscriptions,
} from "../errorTexts.ts";
import { parseConsumerArn } from "../names.ts";
import { type Position, seekRequest } from "../position.ts";
import { pushEvents } from "../subscription.ts";
import { operation } from "../operation.ts";
import { consumerNamed } from "../resource.ts";
import {
  nameShape,
  consumerArnShape,
  streamIdShape,
  iteratorTypeShape,
  sequenceNumberShape,
} from "../shapes.ts";
import { boolean, required, structure, timestamp } from "../shapeTypes.ts";

const startingPositionShape = structure({
  Type: required(iteratorTypeShape),
  SequenceNumber: sequenceNumberShape,
  Timestamp: timestamp,
});

export const subscribeToShard = operation({
  name: "SubscribeToShard",
  input: structure({
    ConsumerARN: required(consumerArnShape),
    StreamId: streamIdShape,
    ShardId: required(nameShape),
    StartingPosition: required(startingPositionShape),
    DryRun: boolean,
  }),
  resource: consumerNamed,
  run: async (context, input) => {
    const { backend } = context;
    const address = parseConsumerArn(input.ConsumerARN);
    if (address === undefined) throw consumerArnInvalid(input.ConsumerARN);
    const shardIndex = parseShardId(input.ShardId);
    if (shardIndex === undefined) throw shardNotFound(input.ShardId, address);
    // A subscription lasts for minutes, so one call to the catalog at its start costs little.
    const known = await backend.streams.refresh(address, address.name);
    const { consumer: name, createdSeconds } = address;
    const consumer = getConsumer(known.description, { name, createdSeconds });
    if (consumer.status !== "ACTIVE") throw consumerNotActive(name, createdSeconds, address);
    const shard = findShard(known.description.shards, shardIndex);
    if (shard === undefined) throw shardDoesNotExist(shardIndex, address);
    const { Type: type, SequenceNumber: number, Timestamp: timestamp } = input.StartingPosition;
    const selection = context.selection();
    try {
      const location = await seek(context, known, shard, { type, number, timestamp });
      if (input.DryRun === true) throw dryRun();
      const subscription = await backend.shards.subscribe(shard.uid, consumer.uid, selection);
      const { account, region, uid } = known.description;
      const stream = { account, region, name: address.name, uid };
      const subscribed = { stream, shard, consumer, location, selection, subscription };
      return new PrintedBody(
        pushEvents(context.backend, subscribed, context.codec, context.failures),
        eventStreamType,
      );
    } catch (error) {
      if (isCode(error, "shardNotFound")) throw shardDoesNotExist(shardIndex, address);
      if (isCode(error, "locationNotFound")) {
        throw startingNumberInvalid(number ?? "", shardIndex, address);
      }
      if (isCode(error, "subscriptionTaken")) throw subscriptionExists(name, shardIndex, address);
      throw isCode(error, "tooManyWaiting") ? tooManySubscriptions(shardIndex, address) : error;
    }
  },
});

async function seek(
  { backend, nowMs }: ActionContext,
  { description }: KnownStream,
  shard: ShardDescription,
  position: Position,
) {
  const request = await seekRequest(backend, position, description, shard, nowMs);
  return (await backend.shards.seek(shard.uid, request)).location;
}
