// How much an account may have in one region. DescribeLimits answers the service's quotas (Kinesis
// developer guide, "Quotas and limits"). They are applied only if the server keeps the service's
// limits (core/settings.ts). Otherwise Millrace's own bounds apply (limits.ts), because here no
// support ticket could raise a quota. Streams that were created through Yandex do not count towards
// the service's quotas.
import { accountShardsMax, onDemandStreamsMax } from "../limits.ts";
import type { Settings } from "../core/settings.ts";
import type { YandexAttributes } from "../core/types.ts";

export interface AccountQuota {
  openShards: number;
  onDemandStreams: number;
}

const largeRegions = new Set(["us-east-1", "us-west-2", "eu-west-1"]);
const largeRegionShards = 20_000;

/** The guide says 1,000 or 6,000 without naming the regions. */
const otherRegionShards = 6000;

const serviceOnDemandStreams = 50;

export function serviceQuota(region: string): AccountQuota {
  return {
    openShards: largeRegions.has(region) ? largeRegionShards : otherRegionShards,
    onDemandStreams: serviceOnDemandStreams,
  };
}

/** The bounds that apply to such a stream. */
export function accountQuota(
  { limits }: Settings,
  { region, yandex }: { region: string; yandex?: YandexAttributes },
): AccountQuota {
  if (limits === "kinesis" && yandex === undefined) return serviceQuota(region);
  return { openShards: accountShardsMax, onDemandStreams: onDemandStreamsMax };
}
