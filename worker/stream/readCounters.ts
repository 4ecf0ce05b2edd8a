// Counters of the pages of an isolate: where they came from and what they cost. For operators,
// tests and benchmarks.

export const readCounters = {
  historyPages: 0,
  shardPages: 0,
  nextDoorPages: 0,
  /** Pages that the front has printed. */
  orderedPages: 0,
  viewRequests: 0,
  segmentRequests: 0,
  /** Pages that were refused because they would begin with damaged bytes. */
  damagedPages: 0,
};
