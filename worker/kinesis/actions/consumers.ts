// Consumers with a throughput of their own: registering, describing, listing and deregistering
// them. They read with SubscribeToShard. A consumer can be used at once. The reply to its
// registration still says CREATING, as the service does, because clients expect that state first.
import { createdSecondsOf, getConsumer } from "../../catalog/consumers.ts";
import type { ConsumerDescription, StreamDescription } from "../../core/types.ts";
import { Timestamp } from "../codec.ts";
import { describeStreamNow } from "../currentStream.ts";
import { streamNotFound } from "../errorTexts.ts";
import { consumerArn, resolveStream, type StreamAddress, streamArn } from "../names.ts";
import { checkBesideToken, verifyPageToken, signPageToken } from "../pageToken.ts";
import { resolveConsumer } from "../resource.ts";
import { checkTagText, textsOf } from "../tagText.ts";
import { operation } from "../operation.ts";
import { consumerNamed, streamNamed } from "../resource.ts";
import {
  consumerShape,
  nameShape,
  streamArnShape,
  streamIdShape,
  nextTokenShape,
  pageLimitShape,
  tagsShape,
} from "../shapes.ts";
import { required, structure, timestamp } from "../shapeTypes.ts";

const listLimit = 100;

export const registerStreamConsumer = operation({
  name: "RegisterStreamConsumer",
  input: structure({
    StreamARN: required(streamArnShape),
    ConsumerName: required(nameShape),
    StreamId: streamIdShape,
    Tags: tagsShape,
  }),
  resource: streamNamed,
  rate: { perSecond: 5, of: "account" },
  run: async (context, input) => {
    const { backend, scope } = context;
    const stream = resolveStream(input, scope);
    const { ConsumerName: name, Tags: tags } = input;
    if (tags !== undefined) {
      await describeStreamNow(context, input);
      checkTagText(textsOf(tags), "add tags to", stream);
    }
    const consumer = await backend.streams.registerConsumer(stream, stream.name, name, tags);
    return { Consumer: { ...consumerOf(consumer, stream), ConsumerStatus: "CREATING" } };
  },
});

export const deregisterStreamConsumer = operation({
  name: "DeregisterStreamConsumer",
  input: consumerShape,
  resource: consumerNamed,
  rate: { perSecond: 5, of: "stream" },
  run: async ({ backend, scope }, input) => {
    const { stream, consumer } = resolveConsumer(input, scope);
    await backend.streams.deregisterConsumer(stream, stream.name, consumer);
    return undefined;
  },
});

export const describeStreamConsumer = operation({
  name: "DescribeStreamConsumer",
  input: consumerShape,
  resource: consumerNamed,
  rate: { perSecond: 20, of: "stream" },
  run: async ({ backend, scope }, input) => {
    const { stream, consumer: key } = resolveConsumer(input, scope);
    const { description } = await backend.streams.refresh(stream, stream.name);
    const consumer = getConsumer(description, key);
    return {
      ConsumerDescription: {
        ...consumerOf(consumer, description),
        StreamARN: streamArn(description),
      },
    };
  },
});

export const listStreamConsumers = operation({
  name: "ListStreamConsumers",
  input: structure({
    StreamARN: required(streamArnShape),
    NextToken: nextTokenShape,
    MaxResults: pageLimitShape,
    StreamCreationTimestamp: timestamp,
    StreamId: streamIdShape,
  }),
  resource: streamNamed,
  rate: { perSecond: 5, of: "stream" },
  run: async (context, input) => {
    const { NextToken: token, StreamCreationTimestamp: createdMs, MaxResults: limit } = input;
    const { nowMs } = context;
    checkBesideToken(input, ["StreamCreationTimestamp"]);
    const address = resolveStream(input, context.scope);
    const { backend } = context;
    const [uid, after = ""] =
      token === undefined
        ? []
        : verifyPageToken(
            await backend.accounts.findCursorKey(address),
            address,
            context.operation,
            token,
            nowMs,
          );
    const stream = await describeStreamNow(context, input);
    const isMeant = uid === undefined ? isCreatedAt(stream, createdMs) : uid === stream.uid;
    if (!isMeant) throw streamNotFound(address);
    const left = stream.consumers.filter(({ name }) => name > after);
    const page = left.slice(0, Math.min(limit ?? listLimit, listLimit));
    const last = [stream.uid, page.at(-1)?.name ?? ""];
    const key = await backend.accounts.cursorKey(address);
    return {
      Consumers: page.map((consumer) => consumerOf(consumer, stream)),
      ...(page.length < left.length && {
        NextToken: signPageToken(key, address, context.operation, last, nowMs),
      }),
    };
  },
});

/** Compared by seconds: some clients send back no fraction. */
function isCreatedAt(stream: StreamDescription, createdMs: number | undefined): boolean {
  if (createdMs === undefined) return true;
  return Math.floor(createdMs / 1000) === Math.floor(stream.createdMs / 1000);
}

function consumerOf(consumer: ConsumerDescription, { account, region, name }: StreamAddress) {
  const createdSeconds = createdSecondsOf(consumer);
  return {
    ConsumerName: consumer.name,
    ConsumerARN: consumerArn({ account, region, name, consumer: consumer.name, createdSeconds }),
    ConsumerStatus: consumer.status,
    ConsumerCreationTimestamp: new Timestamp(consumer.createdMs),
  };
}
