// What an account has and may have: DescribeLimits, and its settings. There is one setting, a
// commitment to a minimum throughput. It is stored because warm throughput requires it; nothing is
// billed.
import type { Commitment } from "../../core/control.ts";
import { commitmentState } from "../../catalog/account.ts";
import { serviceQuota } from "../../catalog/accountQuota.ts";
import { Timestamp } from "../codec.ts";
import { operation } from "../operation.ts";
import { accountNamed } from "../resource.ts";
import { oneOf, required, structure } from "../shapeTypes.ts";

const statusNames = {
  none: "DISABLED",
  committed: "ENABLED",
  ending: "ENABLED_UNTIL_EARLIEST_ALLOWED_END",
} as const;

export const describeLimits = operation({
  name: "DescribeLimits",
  input: structure({}),
  resource: accountNamed,
  rate: { perSecond: 1, of: "account" },
  run: async ({ backend, scope }) => {
    const { totals } = await backend.accounts.describe(scope);
    const quota = serviceQuota(scope.region);
    return {
      ShardLimit: quota.openShards,
      OpenShardCount: totals.openShards,
      OnDemandStreamCount: totals.onDemandStreams,
      OnDemandStreamCountLimit: quota.onDemandStreams,
      ChannelCount: 0,
      ChannelCountLimit: 0,
    };
  },
});

export const describeAccountSettings = operation({
  name: "DescribeAccountSettings",
  input: structure({}),
  resource: accountNamed,
  rate: { perSecond: 5, of: "account" },
  run: async ({ backend, scope, nowMs }) => {
    const { commitment } = await backend.accounts.describe(scope);
    return { MinimumThroughputBillingCommitment: commitmentOf(commitment, nowMs) };
  },
});

export const updateAccountSettings = operation({
  name: "UpdateAccountSettings",
  input: structure({
    MinimumThroughputBillingCommitment: required(
      structure({ Status: required(oneOf("ENABLED", "DISABLED")) }),
    ),
  }),
  resource: accountNamed,
  rate: { perSecond: 5, of: "account" },
  run: async ({ backend, scope, nowMs }, input) => {
    const wanted = input.MinimumThroughputBillingCommitment.Status === "ENABLED";
    const { commitment } = await backend.accounts.commit(scope, wanted);
    return { MinimumThroughputBillingCommitment: commitmentOf(commitment, nowMs) };
  },
});

function commitmentOf(commitment: Commitment | undefined, nowMs: number) {
  const state = commitmentState(commitment, nowMs);
  if (commitment === undefined) return { Status: statusNames[state] };
  const { startedMs, earliestEndMs, endsMs } = commitment;
  return {
    Status: statusNames[state],
    StartedAt: new Timestamp(startedMs),
    EndedAt: endsMs !== undefined && state === "none" ? new Timestamp(endsMs) : undefined,
    EarliestAllowedEndAt: new Timestamp(earliestEndMs),
  };
}
