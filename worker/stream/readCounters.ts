// What the pages of an isolate came from and cost, for operators, tests and benches.

export const readCounters = {
  historyPages: 0,
  shardPages: 0,
  viewRequests: 0,
  segmentRequests: 0,
  /** Pages that were refused because they would begin with damaged bytes. */
  damagedPages: 0,
};
