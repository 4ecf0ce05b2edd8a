// The settings of an existing stream: retention, mode, throughput, record size and the distribution
// of records. Each operation is one change in the catalog; the checks that need no stream come
// before it, those of the retention after the stream is known to exist (kinesalite
// actions/increaseStreamRetentionPeriod.js).
import type { ActionContext } from "../context.ts";
import { changeStreamNow, describeStreamNow } from "../currentStream.ts";
import { retentionTooLong, retentionTooShort, warmThroughputTooHigh } from "../errorTexts.ts";
import { streamArn, type StreamReference } from "../names.ts";
import { operation } from "../operation.ts";
import { streamNamed } from "../resource.ts";
import {
  streamArnShape,
  streamIdShape,
  retentionHoursShape,
  maxRecordSizeShape,
  warmThroughputShape,
  distributionShape,
  streamModeShape,
  streamNameField,
  byArn,
  byRequiredArn,
} from "../shapes.ts";
import { required, structure } from "../shapeTypes.ts";

const retentionHoursMin = 24;
const retentionHoursMax = 8760;

/** 10 GiB a second (AWS API reference, UpdateStreamWarmThroughput). */
const warmMibpsMax = 10_240;

/**
 * The throughput with which an on-demand stream begins (Kinesis developer guide, "Quotas and
 * limits").
 */
const onDemandMibps = 4;

const kibibyte = 1024;

export const increaseStreamRetentionPeriod = operation({
  name: "IncreaseStreamRetentionPeriod",
  input: structure({
    RetentionPeriodHours: required(retentionHoursShape),
    StreamName: streamNameField,
    ...byArn,
  }),
  resource: streamNamed,
  run: (context, input) => retain(context, input, "longer", input.RetentionPeriodHours),
});

export const decreaseStreamRetentionPeriod = operation({
  name: "DecreaseStreamRetentionPeriod",
  input: structure({
    RetentionPeriodHours: required(retentionHoursShape),
    StreamName: streamNameField,
    ...byArn,
  }),
  resource: streamNamed,
  run: (context, input) => retain(context, input, "shorter", input.RetentionPeriodHours),
});

export const updateStreamMode = operation({
  name: "UpdateStreamMode",
  input: structure({
    ...byRequiredArn,
    StreamModeDetails: required(streamModeShape),
    WarmThroughputMiBps: warmThroughputShape,
  }),
  resource: streamNamed,
  run: async (context, input) => {
    const { WarmThroughputMiBps: mibps } = input;
    checkWarmThroughput(mibps);
    await changeStreamNow(context, input, {
      kind: "mode",
      mode: input.StreamModeDetails.StreamMode,
      ...(mibps !== undefined && { warmThroughputMiBps: mibps }),
    });
    return undefined;
  },
});

export const updateStreamWarmThroughput = operation({
  name: "UpdateStreamWarmThroughput",
  input: structure({
    StreamARN: streamArnShape,
    StreamName: streamNameField,
    StreamId: streamIdShape,
    WarmThroughputMiBps: required(warmThroughputShape),
  }),
  resource: streamNamed,
  rate: { perSecond: 5, of: "account" },
  run: async (context, input) => {
    const { WarmThroughputMiBps: mibps } = input;
    checkWarmThroughput(mibps);
    const { before, after } = await changeStreamNow(context, input, {
      kind: "warmThroughput",
      mibps,
    });
    const isScaling = after.status === "UPDATING";
    const current = isScaling ? (before.warmThroughputMiBps ?? onDemandMibps) : mibps;
    return {
      StreamARN: streamArn(after),
      StreamName: after.name,
      WarmThroughput: { TargetMiBps: mibps, CurrentMiBps: current },
    };
  },
});

export const updateMaxRecordSize = operation({
  name: "UpdateMaxRecordSize",
  input: structure({ ...byRequiredArn, MaxRecordSizeInKiB: required(maxRecordSizeShape) }),
  resource: streamNamed,
  run: async (context, input) => {
    const bytesMax = input.MaxRecordSizeInKiB * kibibyte;
    await changeStreamNow(context, input, { kind: "recordSize", bytesMax });
    return undefined;
  },
});

export const updateStreamRecordDistributionStrategy = operation({
  name: "UpdateStreamRecordDistributionStrategy",
  input: structure({
    ...byRequiredArn,
    RecordDistributionStrategy: required(distributionShape),
  }),
  resource: streamNamed,
  run: async (context, input) => {
    const distribution = input.RecordDistributionStrategy;
    await changeStreamNow(context, input, { kind: "distribution", distribution });
    return undefined;
  },
});

/** Throws LimitExceededException. */
export function checkWarmThroughput(mibps: number | undefined): void {
  if (mibps !== undefined && mibps > warmMibpsMax) throw warmThroughputTooHigh(mibps, warmMibpsMax);
}

async function retain(
  context: ActionContext,
  reference: StreamReference,
  direction: "longer" | "shorter",
  hours: number,
): Promise<undefined> {
  if (hours < retentionHoursMin || hours > retentionHoursMax) {
    await describeStreamNow(context, reference);
    throw hours < retentionHoursMin ? retentionTooShort(hours) : retentionTooLong(hours);
  }
  await changeStreamNow(context, reference, { kind: "retention", direction, hours });
}
