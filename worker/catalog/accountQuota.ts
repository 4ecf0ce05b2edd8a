// How much an account may have in one region. The service's quotas (Kinesis developer guide, "Quotas
// and limits") are what DescribeLimits answers, and are kept where its limits are kept (core/settings.ts).
// Elsewhere Millrace's own bounds hold (limits.ts): a quota that a support ticket would raise is nobody's
// to raise here. Streams that were made through the Yandex face have none of the service's.
import { accountShardsMax, onDemandStreamsMax } from "../limits.ts";
import type { Settings } from "../core/settings.ts";
import type { YandexAttributes } from "../core/types.ts";

export interface AccountQuota {
  openShards: number;
  onDemandStreams: number;
}

const largeRegions = new Set(["us-east-1", "us-west-2", "eu-west-1"]);
const largeRegionShards = 20_000;

/** The guide says 1,000 or 6,000 and not where. */
const otherRegionShards = 6000;

const serviceOnDemandStreams = 50;

export function serviceQuota(region: string): AccountQuota {
  return {
    openShards: largeRegions.has(region) ? largeRegionShards : otherRegionShards,
    onDemandStreams: serviceOnDemandStreams,
  };
}

/** What is refused beyond, to such a stream. */
export function accountQuota(
  { limits }: Settings,
  { region, yandex }: { region: string; yandex?: YandexAttributes },
): AccountQuota {
  if (limits === "kinesis" && yandex === undefined) return serviceQuota(region);
  return { openShards: accountShardsMax, onDemandStreams: onDemandStreamsMax };
}
