// The settings of a stream besides its shards: write quota, retention by time or by storage, mode
// and automatic partitioning. All are checked as the service checks them, stored and described.
// Only the retention by time has an effect here: storage is billed by use, and shards have no
// quota. Sources: YDB datastreams_proxy.cpp, kinesis_ut.cpp; Yandex Data Streams API reference.
import type { StreamChange } from "../core/control.ts";
import { shardsMax } from "../limits.ts";
import type {
  PartitioningAttributes,
  StreamDescription,
  StreamMode,
  YandexAttributes,
} from "../core/types.ts";
import { issue } from "./errors.ts";
import { integer, type MessageOf, messageOf, nameOf } from "./shapeTypes.ts";

export const streamMode = messageOf({ StreamMode: nameOf("PROVISIONED", "ON_DEMAND") });

/** The members of an input that say all this (ydb/public/api/protos/draft/datastreams.proto). */
export const settings = {
  WriteQuotaKbPerSec: integer,
  RetentionPeriodHours: integer,
  RetentionStorageMegabytes: integer,
  StreamModeDetails: streamMode,
  PartitioningSettings: messageOf({
    MinActivePartitions: integer,
    MaxActivePartitions: integer,
    AutoPartitioningSettings: messageOf({
      Strategy: nameOf(
        "AUTO_PARTITIONING_STRATEGY_DISABLED",
        "AUTO_PARTITIONING_STRATEGY_SCALE_UP",
        "AUTO_PARTITIONING_STRATEGY_SCALE_UP_AND_DOWN",
        "AUTO_PARTITIONING_STRATEGY_PAUSED",
      ),
      PartitionWriteSpeed: messageOf({
        StabilizationWindow: messageOf({ Seconds: integer, Nanos: integer }),
        UpUtilizationPercent: integer,
        DownUtilizationPercent: integer,
      }),
    }),
  }),
};

type Settings = MessageOf<typeof settings>;

export interface Retention {
  hours: number;
  storageLimitMb?: number;
}

const quotaDefault = 1024;
const quotas: readonly number[] = [128, 512, 1024];

const hoursDefault = 24;
const hoursOfStorage = 168;
const storageMin = 51_200;
const storageMax = 1_048_576;

const scalingStrategies = new Set([
  "AUTO_PARTITIONING_STRATEGY_SCALE_UP",
  "AUTO_PARTITIONING_STRATEGY_SCALE_UP_AND_DOWN",
  "AUTO_PARTITIONING_STRATEGY_PAUSED",
]);

const disabled = "AUTO_PARTITIONING_STRATEGY_DISABLED";
const stabilizationDefault = 300;
const upDefault = 90;
const downDefault = 30;

/** Throws ValidationException or InvalidArgumentException. */
export function readAttributes(
  input: Settings,
  retention: Pick<Retention, "storageLimitMb">,
): YandexAttributes {
  const { WriteQuotaKbPerSec: quota, PartitioningSettings: settings } = input;
  const { storageLimitMb } = retention;
  const partitioning = settings && readPartitioning(settings);
  return {
    writeQuotaKbPerSec: readQuota(quota ?? 0),
    ...(storageLimitMb !== undefined && { storageLimitMb }),
    ...(partitioning !== undefined && { partitioning }),
  };
}

/** By storage when that is given; undefined when nothing is. */
export function readRetention(input: Settings): Retention | undefined {
  const { RetentionPeriodHours: hours, RetentionStorageMegabytes: storage } = input;
  if (storage !== undefined) {
    return checkRetention({ hours: hours ?? hoursOfStorage, storageLimitMb: storage });
  }
  return hours === undefined ? undefined : checkRetention({ hours });
}

/** A stream that is created without a retention keeps records for a day. */
export function hoursOf(retention: Retention | undefined): number {
  return retention?.hours ?? hoursDefault;
}

/** Throws ValidationException. */
export function checkRetention(retention: Retention): Retention {
  const { hours, storageLimitMb: storage } = retention;
  // The server's limits begin at 0, its reference at 4; a retention of 0 is not possible.
  if (hours === 0) {
    throw issue("validation", "retention must be of an hour or more, provided 0");
  }
  const fits =
    storage === undefined
      ? isWithin(hours, 0, hoursDefault)
      : isWithin(hours, 0, hoursOfStorage) && isWithin(storage, storageMin, storageMax);
  if (fits) return retention;
  const limits =
    `{ hours : [0, ${hoursDefault}],  storage : [0, 0]}, ` +
    `{ hours : [0, ${hoursOfStorage}],  storage : [${storageMin}, ${storageMax}]}, `;
  // The text says it twice, as that of the service does.
  throw issue(
    "validation",
    `retention hours and storage megabytes must fit one of: ${limits}${limits}` +
      `provided values: hours ${hours}, storage ${storage ?? 0}`,
  );
}

/**
 * How many shards a new stream has: as many as must be active at least, where that is given; else
 * what was asked for, or one. Throws ValidationException, LimitExceededException.
 */
export function readShardCount({
  ShardCount: asked = 0,
  PartitioningSettings: partitioning,
}: Pick<Settings, "PartitioningSettings"> & { ShardCount?: number }): number {
  const count = partitioning?.MinActivePartitions || asked;
  if (count < 0) throw issue("validation", `Partitions count must be positive, provided ${count}`);
  checkShardCount(count);
  return count || 1;
}

/** Throws LimitExceededException. */
export function checkShardCount(count: number): void {
  if (count > shardsMax) throw issue("limit", `Partitions count limit is ${shardsMax}`);
}

/** The change of the stream to a retention in hours. Undefined if the stream has it already. */
export function hourlyChange(
  { retentionHours }: StreamDescription,
  hours: number,
): StreamChange | undefined {
  if (hours === retentionHours) return undefined;
  return { kind: "retention", direction: hours > retentionHours ? "longer" : "shorter", hours };
}

/** Undefined if the input has none. */
export function readMode({ StreamModeDetails: details }: Settings): StreamMode | undefined {
  if (details === undefined || details.StreamMode !== undefined) return details?.StreamMode;
  throw issue("argument", "streams can't be created with unknown metering mode");
}

/** The members of a description that say all this. */
export function describeSettings({ yandex, mode, shards }: StreamDescription): object {
  const open = shards.filter(({ closedMs }) => closedMs === undefined).length;
  const {
    minActive = open,
    maxActive = open,
    strategy = disabled,
    stabilizationSeconds = stabilizationDefault,
    upPercent = upDefault,
    downPercent = downDefault,
  } = yandex?.partitioning ?? {};
  return {
    WriteQuotaKbPerSec: yandex?.writeQuotaKbPerSec ?? quotaDefault,
    StorageLimitMb: yandex?.storageLimitMb ?? 0,
    StreamModeDetails: { StreamMode: mode },
    PartitioningSettings: {
      MinActivePartitions: minActive,
      MaxActivePartitions: maxActive,
      AutoPartitioningSettings: {
        Strategy: strategy,
        PartitionWriteSpeed: {
          StabilizationWindow: { Seconds: stabilizationSeconds, Nanos: 0 },
          UpUtilizationPercent: upPercent,
          DownUtilizationPercent: downPercent,
        },
      },
    },
  };
}

function readQuota(given: number): number {
  const quota = given === 0 ? quotaDefault : given;
  if (quotas.includes(quota)) return quota;
  const values = quotas.map((each) => each * 1024).join(",");
  throw issue(
    "validation",
    `write_speed per second in partition must have values from set {${values}}, got ${quota * 1024}`,
  );
}

function readPartitioning({
  MinActivePartitions: min = 0,
  MaxActivePartitions: max = 0,
  AutoPartitioningSettings: auto,
}: NonNullable<Settings["PartitioningSettings"]>): PartitioningAttributes | undefined {
  const strategy = auto?.Strategy ?? disabled;
  if (!scalingStrategies.has(strategy)) return undefined;
  const speed = auto?.PartitionWriteSpeed;
  const up = speed?.UpUtilizationPercent ?? 0;
  const down = speed?.DownUtilizationPercent ?? 0;
  if (min < 0) throw issue("argument", "min_active_partitions must be great than 0");
  if (max < 0) throw issue("argument", "max_active_partitions must be great than 0");
  if (min > max) {
    throw issue(
      "argument",
      "max_active_partitions must be great or equals than min_active_partitions but " +
        `${max} less then  ${min}`,
    );
  }
  if (!isWithin(up, 0, 100)) {
    throw issue("argument", "up_utilization_percent must be between 0 and 100");
  }
  if (!isWithin(down, 0, 100)) {
    throw issue("argument", "down_utilization_percent must be between 0 and 100");
  }
  return {
    minActive: min || 1,
    maxActive: max || 1,
    strategy,
    stabilizationSeconds: speed?.StabilizationWindow?.Seconds || stabilizationDefault,
    upPercent: up || upDefault,
    downPercent: down || downDefault,
  };
}

function isWithin(value: number, min: number, max: number): boolean {
  return value >= min && value <= max;
}
