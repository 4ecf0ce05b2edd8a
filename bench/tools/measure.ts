// Times subjects side by side. Each is warmed up and calibrated to a sample of some milliseconds;
// then all take turns, round after round, so that a slow moment of the machine falls on all of
// them, and the median round counts. Spread is half the distance between the quartiles, in parts
// of the median.

export interface Subject {
  name: string;
  /** Sets the stage before each sample, outside the clock. */
  prepare?: () => void;
  /** One call; the number keeps a compiler from dropping the work. */
  run: () => number;
}

export interface Timing {
  /** Nanoseconds of one call, median over the rounds. */
  callNs: number;
  spread: number;
  rounds: number;
}

export interface Effort {
  warmMs: number;
  sampleMs: number;
  rounds: number;
}

/** What all calls returned, added up; printing it keeps the work observable. */
let sink = 0;

export function measureSubjects(subjects: readonly Subject[], effort: Effort): Map<string, Timing> {
  const callCounts = subjects.map((subject) => calibrate(subject, effort));
  const samples = subjects.map((): number[] => []);
  for (let round = 0; round < effort.rounds; round++)
    for (const [i, subject] of subjects.entries())
      samples[i]!.push(timeCalls(subject, callCounts[i]!));
  return new Map(subjects.map(({ name }, i) => [name, summarise(samples[i]!)]));
}

export function sinkOf(): number {
  return sink;
}

/** Warms the subject up; returns the calls that fill a sample. */
function calibrate(subject: Subject, { warmMs, sampleMs }: Effort): number {
  let calls = 1;
  let callNs = timeCalls(subject, calls);
  const endMs = performance.now() + warmMs;
  while (performance.now() < endMs) {
    calls = Math.max(1, Math.round((warmMs * 1e6) / 8 / callNs));
    callNs = timeCalls(subject, calls);
  }
  return Math.max(1, Math.round((sampleMs * 1e6) / callNs));
}

/** Nanoseconds of a call, over `calls` of them. */
function timeCalls(subject: Subject, calls: number): number {
  subject.prepare?.();
  let sum = 0;
  const startNs = process.hrtime.bigint();
  for (let call = 0; call < calls; call++) sum += subject.run();
  const elapsedNs = Number(process.hrtime.bigint() - startNs);
  sink = (sink + sum) % 2 ** 32;
  return elapsedNs / calls;
}

function summarise(samples: readonly number[]): Timing {
  const ordered = samples.toSorted((a, b) => a - b);
  const at = (part: number): number => ordered[Math.round((ordered.length - 1) * part)]!;
  const spread = (at(0.75) - at(0.25)) / 2 / at(0.5);
  return { callNs: at(0.5), spread, rounds: samples.length };
}
