// The storage engine against an array, as storage.fuzz.workerd.test.ts, where no bucket is bound.

import { fuzzStorage } from "./storage-fuzz.ts";

fuzzStorage("segments in SQLite alone");
