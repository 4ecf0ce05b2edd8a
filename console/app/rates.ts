// Rates from counters that are sampled: the samples of the last minutes, for sparklines and charts.

export interface Sample {
  timeMs: number;
  records: number;
  bytes: number;
}

export interface RatePoint {
  timeMs: number;
  recordsPerSecond: number;
  bytesPerSecond: number;
}

const samplesMax = 900;

/** Series by name; they outlive the pages that fill them. */
const series = new Map<string, Sample[]>();

export function addSample(name: string, sample: Sample): void {
  const samples = series.get(name) ?? [];
  const before = samples.at(-1);
  // A counter that falls belongs to another stream of the same name, or records have expired.
  if (before !== undefined && sample.records < before.records) samples.length = 0;
  if (before === undefined || sample.timeMs > before.timeMs) samples.push(sample);
  if (samples.length > samplesMax) samples.shift();
  series.set(name, samples);
}

export function ratesOf(name: string): RatePoint[] {
  const samples = series.get(name) ?? [];
  const points: RatePoint[] = [];
  for (let i = 1; i < samples.length; i++) {
    const [from, to] = [samples[i - 1], samples[i]];
    if (from === undefined || to === undefined) continue;
    const seconds = (to.timeMs - from.timeMs) / 1000;
    points.push({
      timeMs: to.timeMs,
      recordsPerSecond: (to.records - from.records) / seconds,
      bytesPerSecond: Math.max(0, to.bytes - from.bytes) / seconds,
    });
  }
  return points;
}
