// The storage engine against an array, with a bucket bound: thousands of random steps. A failure is
// shrunk to a few of them, and says the seed that repeats it: SEED=… npx vitest run storage.fuzz.

import { fuzzStorage } from "./storage-fuzz.ts";

fuzzStorage("segments in R2");
