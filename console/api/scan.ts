// How many records arrived when, by `GET /_millrace/scan?select=histogram`.
import { send } from "./request.ts";

export type Stretch = "second" | "minute" | "hour" | "day";

export interface HistogramPoint {
  timeMs: number;
  count: number;
}

/** Throws ApiError. */
export async function readHistogram(
  stream: string,
  by: Stretch,
  fromMs: number,
  signal?: AbortSignal,
): Promise<HistogramPoint[]> {
  const response = await send({
    method: "GET",
    path: "/_millrace/scan",
    query: [
      ["stream", stream],
      ["select", "histogram"],
      ["by", by],
      ["from", (fromMs / 1000).toFixed(3)],
    ],
    ...(signal && { signal }),
  });
  const points: HistogramPoint[] = [];
  for (const text of (await response.text()).split("\n")) {
    const line = text === "" ? {} : (JSON.parse(text) as { from?: string; count?: number });
    if (line.from !== undefined && line.count !== undefined) {
      points.push({ timeMs: Date.parse(line.from), count: line.count });
    }
  }
  return points;
}
