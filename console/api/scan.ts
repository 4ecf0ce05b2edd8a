// How many records arrived when, by `GET /_millrace/scan?select=histogram`.
import { ApiError, send } from "./request.ts";

export type Stretch = "second" | "minute" | "hour" | "day";

export interface HistogramPoint {
  timeMs: number;
  count: number;
}

interface Line {
  from?: string;
  count?: number;
  error?: string;
}

/** Throws ApiError. */
export async function readHistogram(
  stream: string,
  by: Stretch,
  fromMs: number,
  signal?: AbortSignal,
): Promise<HistogramPoint[]> {
  const reply = await send({
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
  for (const text of reply.split("\n")) {
    const line = text === "" ? {} : (JSON.parse(text) as Line);
    if (line.error !== undefined) throw new ApiError(line.error, "The scan has failed.", 500);
    if (line.from !== undefined && line.count !== undefined) {
      points.push({ timeMs: Date.parse(line.from), count: line.count });
    }
  }
  return points;
}
