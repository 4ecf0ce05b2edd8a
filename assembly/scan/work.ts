// How long a call may take. Work is counted in bytes that are passed, and in steps that take about as long as one. When
// the work of a call is done, the test of a record stops where it is, between two fields, elements or comparisons, and a
// later call goes on from there. What that call needs is in STATE:
//
//   +0 stage of the record's test  +4 address in the data  +8 bits of the walk (u64)  +16 bits of all else (u64)
//   +24 verdicts on the value at the address (u64)  +32 their number  +36 level  +40 entry  +44 arrays that are open
//   +48 place in the walk  +52 1 if the record is JSON  +56 if the value at the address has lost its escapes: where it
//   ends now, else 0  +60 and its quote  +64 a frame of two u32 for each level: entry, arrays
//
// A comparison that searches a value is a verdict: when a test of a value is begun again, those that are known are not
// made again. They come in the same order each time.
import { STATE } from "./layout";

export const STATE_STAGE: usize = 0;
export const STATE_AT: usize = 4;
export const STATE_BITS: usize = 8;
export const STATE_OTHERS: usize = 16;
const STATE_VERDICTS: usize = 24;
const STATE_VERDICT_COUNT: usize = 32;
export const STATE_LEVEL: usize = 36;
export const STATE_ENTRY: usize = 40;
export const STATE_DEPTH: usize = 44;
export const STATE_PLACE: usize = 48;
export const STATE_VALID: usize = 52;
export const STATE_PLAIN_END: usize = 56;
export const STATE_QUOTE: usize = 60;
export const STATE_FRAMES: usize = 64;

/** Stages of the test of a record's data. */
export const STAGE_NONE: u32 = 0;
export const STAGE_BYTES: u32 = 1;
export const STAGE_WALK: u32 = 2;
export const STAGE_JSON: u32 = 3;

/** The work is done when a pass over the bytes gets here. Each step moves it back. */
let stopAt: isize = 0;
/** True once the call has got further than the one before it. */
let hasAdvanced: bool = false;
let paused: bool = false;

let verdicts: u64 = 0;
let verdictCount: u32 = 0;
/** The next comparison that searches the value. */
let verdict: u32 = 0;
let isResumable: bool = false;

export function openWork(at: usize, work: u32): void {
  stopAt = <isize>at + <isize>work;
  hasAdvanced = false;
  paused = false;
  isResumable = false;
  verdicts = load<u64>(STATE, STATE_VERDICTS);
  verdictCount = load<u32>(STATE, STATE_VERDICT_COUNT);
}

/** Counts steps beside the bytes that are passed. */
export function spend(steps: usize): void {
  stopAt -= <isize>steps;
}

/** What is left when the pass is at `at`. */
export function workLeft(at: usize): u32 {
  return <u32>max<isize>(stopAt - <isize>at, 0);
}

export function noteAdvance(): void {
  hasAdvanced = true;
}

/** True if the work of the call is done, and so the test has to stop here. */
export function isSpent(at: usize): bool {
  return <isize>at >= stopAt && hasAdvanced;
}

export function pause(): void {
  paused = true;
}

/** For the call that goes on: the stage, the bits of all but the walk, and the verdicts that are known. */
export function keepStage(stage: u32, others: u64): void {
  store<u64>(STATE, others, STATE_OTHERS);
  store<u32>(STATE, stage, STATE_STAGE);
  store<u64>(STATE, verdicts, STATE_VERDICTS);
  store<u32>(STATE, verdictCount, STATE_VERDICT_COUNT);
}

export function isPaused(): bool {
  return paused;
}

/** The comparisons with a value at `at` begin, maybe again. */
export function openVerdicts(): void {
  verdict = 0;
  isResumable = true;
}

/** All comparisons with a value are made. */
export function closeVerdicts(): void {
  verdicts = 0;
  verdictCount = 0;
  isResumable = false;
  hasAdvanced = true;
}

/** 0 or 1 if the next comparison that searches is known; 2 if it must be made now; 3 if it must wait. */
export function nextVerdict(at: usize): u32 {
  if (!isResumable) return VERDICT_OPEN;
  if (verdict < verdictCount) return u32((verdicts >> u64(verdict++)) & 1);
  return isSpent(at) ? VERDICT_LATER : VERDICT_OPEN;
}

export const VERDICT_OPEN: u32 = 2;
export const VERDICT_LATER: u32 = 3;

export function noteVerdict(isMatch: bool): void {
  if (!isResumable) return;
  verdicts |= u64(isMatch) << u64(verdict);
  verdict++;
  verdictCount = verdict;
  hasAdvanced = true;
}
