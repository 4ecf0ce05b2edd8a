// How often each control-plane operation may be called where the service's limits are kept
// (core/settings.ts): calls a second, for an account or for one stream of it (AWS API reference, one
// operation each). The data plane's limits are its shards' to keep.
import type { Env } from "../core/bindings.ts";
import { readSettings } from "../core/settings.ts";
import { writtenCatalogOf } from "../stream/directory.ts";
import type { Scope } from "../core/types.ts";
import { accountRateExceeded, requestRateExceeded } from "./errorTexts.ts";
import type { StreamAddress } from "./names.ts";
import type { OperationName } from "./shapes.ts";

interface Rate {
  perSecond: number;
  of: "account" | "stream";
}

const rates: { readonly [Name in OperationName]?: Rate } = {
  AddTagsToStream: { perSecond: 5, of: "account" },
  CreateChannel: { perSecond: 5, of: "account" },
  CreateStream: { perSecond: 5, of: "account" },
  DeleteChannel: { perSecond: 5, of: "account" },
  DeleteStream: { perSecond: 5, of: "account" },
  DeregisterStreamConsumer: { perSecond: 5, of: "stream" },
  DescribeAccountSettings: { perSecond: 5, of: "account" },
  DescribeChannel: { perSecond: 5, of: "account" },
  DescribeLimits: { perSecond: 1, of: "account" },
  DescribeStream: { perSecond: 10, of: "account" },
  DescribeStreamConsumer: { perSecond: 20, of: "stream" },
  DescribeStreamSummary: { perSecond: 20, of: "account" },
  ListChannels: { perSecond: 5, of: "account" },
  ListShards: { perSecond: 1000, of: "stream" },
  ListStreamConsumers: { perSecond: 5, of: "stream" },
  ListStreams: { perSecond: 5, of: "account" },
  ListTagsForStream: { perSecond: 5, of: "account" },
  MergeShards: { perSecond: 5, of: "account" },
  RegisterStreamConsumer: { perSecond: 5, of: "account" },
  RemoveTagsFromStream: { perSecond: 5, of: "account" },
  SplitShard: { perSecond: 5, of: "account" },
  UpdateAccountSettings: { perSecond: 5, of: "account" },
  UpdateChannel: { perSecond: 5, of: "account" },
  UpdateShardCount: { perSecond: 10, of: "account" },
  UpdateStreamWarmThroughput: { perSecond: 5, of: "account" },
};

/** Throws LimitExceededException when the call comes too soon; `named` is what its input names. */
export async function takeRate(
  env: Env,
  scope: Scope,
  operation: OperationName,
  named: StreamAddress | undefined,
): Promise<void> {
  if (readSettings(env).limits === "none") return;
  const rate = rates[operation];
  if (rate === undefined) return;
  const stream = rate.of === "stream" ? named : undefined;
  const kind = stream === undefined ? operation : `${operation}/${stream.name}`;
  const isAllowed = await writtenCatalogOf(env, stream ?? scope).takePermit(kind, rate.perSecond);
  if (isAllowed) return;
  throw stream === undefined ? accountRateExceeded(scope.account) : requestRateExceeded(stream);
}
