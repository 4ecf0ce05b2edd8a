import { testBlobs } from "./blob-cases.ts";

testBlobs();
