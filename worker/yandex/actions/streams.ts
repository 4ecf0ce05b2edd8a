// Streams through the Yandex face: made, changed, described, listed and removed. A stream takes
// records as soon as it is made. The number of shards can only grow; then the keys are divided
// among them again, as YDB does. Source: YDB datastreams_proxy.cpp.
import type { StreamDescription, YandexAttributes } from "../../core/types.ts";
import { addressIn, getStream, listMember } from "../context.ts";
import { issue } from "../errors.ts";
import { pathsOf, type StreamAddress } from "../names.ts";
import { type ActionContext, operation } from "../operation.ts";
import { boolean, integer, nameOf, text } from "../shapeTypes.ts";
import {
  checkRetention,
  checkShardCount,
  describeSettings,
  hourlyChange,
  hoursOf,
  readAttributes,
  readMode,
  readRetention,
  readShardCount,
  settings,
  streamMode,
} from "../streamSettings.ts";
import { describeShards, shardIdOf } from "../shards.ts";

const pageDefault = 100;
const pageMax = 10_000;
const streamsPerCall = 1000;
const hourSeconds = 3600;

export const createStream = operation({
  name: "CreateStream",
  input: { StreamName: text, ShardCount: integer, ...settings },
  stream: ({ StreamName }) => StreamName,
  run: async (context, input) => {
    const address = await addressIn(context);
    const retention = readRetention(input);
    const yandex = readAttributes(input, retention ?? {});
    const mode = readMode(input) ?? "ON_DEMAND";
    const shardCount = readShardCount(input);
    const { scope, name } = address;
    const spec = { name, shardCount, mode, retentionHours: hoursOf(retention), yandex };
    await context.backend.streams.create(scope, { ...spec, cut: "byLast" });
    return {};
  },
});

export const deleteStream = operation({
  name: "DeleteStream",
  input: { StreamName: text, EnforceConsumerDeletion: boolean },
  stream: ({ StreamName }) => StreamName,
  run: async (context, input) => {
    const { scope, name } = await addressIn(context);
    const withConsumers = input.EnforceConsumerDeletion ?? false;
    await context.backend.streams.delete(scope, name, withConsumers);
    return {};
  },
});

export const describeStream = operation({
  name: "DescribeStream",
  input: { StreamName: text, ExclusiveStartShardId: text, Limit: integer },
  stream: ({ StreamName }) => StreamName,
  run: async (context, input) => {
    const address = await addressIn(context);
    const { description } = await getStream(context, address);
    const { Limit: limit = 0, ExclusiveStartShardId: after = "" } = input;
    if (limit < 0 || limit > pageMax) throw outOfBounds("Limit", limit);
    const at = description.shards.findIndex(({ index }) => shardIdOf(index) === after);
    if (after !== "" && at < 0) throw issue("badRequest", `Bad shard id ${after}`);
    const shards = description.shards.slice(at + 1);
    const page = shards.slice(0, limit || pageDefault);
    return {
      StreamDescription: {
        EncryptionType: "ENCRYPTION_UNDEFINED",
        HasMoreShards: shards.length > page.length,
        KeyId: "",
        RetentionPeriodHours: description.retentionHours,
        ...listMember("Shards", await describeShards(context.backend, page)),
        StreamArn: address.given,
        StreamCreationTimestamp: description.createdMs / 1000,
        StreamStatus: description.status,
        StreamName: address.given,
        Owner: description.account,
        ...describeSettings(description),
      },
    };
  },
});

export const describeStreamSummary = operation({
  name: "DescribeStreamSummary",
  input: { StreamName: text },
  stream: ({ StreamName }) => StreamName,
  run: async (context) => {
    const address = await addressIn(context);
    const { description } = await getStream(context, address);
    return {
      StreamDescriptionSummary: {
        ConsumerCount: description.consumers.length,
        EncryptionType: "NONE",
        KeyId: "",
        OpenShardCount: description.shards.filter(({ closedMs }) => closedMs === undefined).length,
        RetentionPeriodHours: description.retentionHours,
        StreamArn: address.given,
        StreamCreationTimestamp: description.createdMs / 1000,
        StreamName: address.given,
        StreamStatus: description.status,
      },
    };
  },
});

/** Names are relative to the database, whatever directories they are in. */
export const listStreams = operation({
  name: "ListStreams",
  input: { ExclusiveStartStreamName: text, Limit: integer, Recurse: boolean },

  run: async (context, input) => {
    await context.permit(undefined);
    const { Limit: limit = 0, ExclusiveStartStreamName: after = "" } = input;
    if (limit > pageMax) throw issue("validation", "'Limit' shoud not be higher than 10000");
    if (limit < 0) throw outOfBounds("Limit", limit);
    const count = limit || pageDefault;
    const names = (
      await Promise.all(
        pathsOf(context.database).map((path) => namesIn(context, path, after, count + 1)),
      )
    )
      .flat()
      .sort((a, b) => (a < b ? -1 : 1));
    return {
      HasMoreStreams: names.length > count,
      ...listMember("StreamNames", names.slice(0, count)),
    };
  },
});

export const updateStream = operation({
  name: "UpdateStream",
  input: { StreamName: text, TargetShardCount: integer, ...settings },
  stream: ({ StreamName }) => StreamName,
  run: async (context, input) => {
    const address = await addressIn(context);
    const before = await freshStream(context, address);
    const retention = readRetention(input);
    const storageLimitMb =
      retention === undefined ? before.yandex?.storageLimitMb : retention.storageLimitMb;
    const read = readAttributes(input, storageLimitMb === undefined ? {} : { storageLimitMb });
    const yandex: YandexAttributes = { ...kept(before), ...read };
    const mode = readMode(input);
    const { TargetShardCount: asked = 0, PartitioningSettings: partitioning } = input;
    if (partitioning === undefined && asked < before.shards.length) {
      throw fewerShards("badRequest", before, asked);
    }
    const target = Math.max(asked, partitioning?.MinActivePartitions ?? 0);
    checkShardCount(target);
    const { scope, name } = address;
    const { streams } = context.backend;
    // The number of shards is changed first, because the account may not allow it: a refused update
    // changes nothing.
    if (target > before.shards.length) await streams.grow(scope, name, target);
    await streams.change(scope, name, { kind: "yandex", attributes: yandex });
    if (mode !== undefined && mode !== before.mode) {
      await streams.change(scope, name, { kind: "mode", mode });
    }
    const change = retention && hourlyChange(before, hoursOf(retention));
    if (change !== undefined) await streams.change(scope, name, change);
    return {};
  },
});

export const updateShardCount = operation({
  name: "UpdateShardCount",
  input: {
    ScalingType: nameOf("UNIFORM_SCALING"),
    StreamName: text,
    TargetShardCount: integer,
  },
  stream: ({ StreamName }) => StreamName,
  run: async (context, input) => {
    const address = await addressIn(context);
    const before = await freshStream(context, address);
    const { TargetShardCount: target = 0 } = input;
    const { length } = before.shards;
    if (target < length) throw fewerShards("argument", before, target);
    checkShardCount(target);
    const { scope, name } = address;
    if (target > length) await context.backend.streams.grow(scope, name, target);
    return { CurrentShardCount: length, StreamName: address.given, TargetShardCount: target };
  },
});

export const updateStreamMode = operation({
  name: "UpdateStreamMode",
  input: { StreamArn: text, StreamModeDetails: streamMode },
  stream: ({ StreamArn }) => StreamArn,
  run: async (context, input) => {
    const { scope, name } = await addressIn(context);
    const mode = readMode({ StreamModeDetails: input.StreamModeDetails ?? {} });
    if (mode === undefined) return {};
    await context.backend.streams.change(scope, name, { kind: "mode", mode });
    return {};
  },
});

export const increaseRetention = operation({
  name: "IncreaseStreamRetentionPeriod",
  input: { RetentionPeriodHours: integer, StreamName: text },
  stream: ({ StreamName }) => StreamName,
  run: (context, input) => changeRetention(context, input, "longer"),
});

export const decreaseRetention = operation({
  name: "DecreaseStreamRetentionPeriod",
  input: { RetentionPeriodHours: integer, StreamName: text },
  stream: ({ StreamName }) => StreamName,
  run: (context, input) => changeRetention(context, input, "shorter"),
});

async function changeRetention(
  context: ActionContext,
  input: { StreamName?: string | undefined; RetentionPeriodHours?: number | undefined },
  direction: "longer" | "shorter",
): Promise<object> {
  const address = await addressIn(context);
  const before = await freshStream(context, address);
  const { RetentionPeriodHours: hours = 0 } = input;
  const current = before.retentionHours;
  const isWrong = direction === "longer" ? hours <= current : hours >= current;
  if (isWrong) {
    const wanted = direction === "longer" ? "greater" : "less";
    throw issue(
      "validation",
      `Retention period is not ${wanted} than provided: ` +
        `${current * hourSeconds} <= ${hours * hourSeconds}`,
    );
  }
  const storageLimitMb = before.yandex?.storageLimitMb;
  checkRetention(storageLimitMb === undefined ? { hours } : { hours, storageLimitMb });
  const { scope, name } = address;
  const change = hourlyChange(before, hours);
  if (change !== undefined) await context.backend.streams.change(scope, name, change);
  return {};
}

async function freshStream(
  { backend }: ActionContext,
  { scope, name }: StreamAddress,
): Promise<StreamDescription> {
  return (await backend.streams.refresh(scope, name)).description;
}

/** Attributes that an update without them keeps; the quota is not one of them. */
function kept({ yandex }: StreamDescription): Partial<YandexAttributes> {
  return yandex?.partitioning === undefined ? {} : { partitioning: yandex.partitioning };
}

async function namesIn(
  { backend, database }: ActionContext,
  path: string | undefined,
  after: string,
  count: number,
): Promise<string[]> {
  const prefix = path ?? "";
  const names: string[] = [];
  for (let from = after === "" ? "" : prefix + after; names.length < count;) {
    const { streams, more } = await backend.streams.list(
      database.scope,
      from,
      streamsPerCall,
      path,
    );
    names.push(...streams.map(({ name }) => name.slice(prefix.length)));
    const last = streams.at(-1);
    if (!more || last === undefined) break;
    from = last.name;
  }
  return names.slice(0, count);
}

function fewerShards(kind: "argument" | "badRequest", { shards }: StreamDescription, to: number) {
  return issue(
    kind,
    `Shard count must be non-decreasing, old value is ${shards.length} new value is ${to}`,
  );
}

function outOfBounds(member: string, value: number) {
  return issue("validation", `${member} '${value}' is out of bounds [1; ${pageMax}]`);
}
