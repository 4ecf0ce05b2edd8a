// Scans: what matches, where a page of selected records ends, and what filters of keys leave out.
import type { Mutation } from "../mutation.ts";

export const scanMutations: readonly Mutation[] = [
  {
    id: "scan-01",
    file: "assembly/scan/select.ts",
    find: "return evaluate(expression, bits) && isValidRecord();",
    replace: "return evaluate(expression, bits);",
    tests: ["test/worker/scan/document.test.ts", "test/engine/scan.fuzz.test.ts"],
    harm: "data that is no JSON matches",
  },
  {
    id: "scan-02",
    file: "assembly/scan/walk.ts",
    find: "bits &= ~load<u64>(entry, ENTRY_BITS);",
    replace: "",
    tests: ["test/worker/scan/document.test.ts"],
    harm: "the first of two fields with one name counts",
  },
  {
    id: "scan-03",
    file: "assembly/scan/validate.ts",
    find: "if (depth == DEPTH_MAX) return false;",
    replace: "",
    tests: ["test/engine/scan.fuzz.test.ts"],
    harm: "deep JSON overwrites memory behind the brackets",
  },
  {
    id: "scan-04",
    file: "worker/stream/shardScan.ts",
    find: "if (this.hasRecords && engine.payloadBytes(chunk, from, end) > bytesLeft) end = from;",
    replace: "",
    tests: ["test/worker/scan/changes.workerd.test.ts"],
    harm: "a page has more bytes than its limit",
  },
  {
    id: "scan-05",
    file: "worker/core/keyFilter.ts",
    find: "if (done < count) return undefined;",
    replace: "",
    tests: ["test/worker/core/keyFilter.test.ts"],
    harm: "a filter misses keys of its segment",
  },
  {
    id: "scan-06",
    file: "worker/operator/routes.ts",
    find: '{ action: "kinesis:GetRecords", run: scanStream }',
    replace: "{ run: scanStream }",
    tests: ["test/worker/access/scan.workerd.test.ts"],
    harm: "everybody with credentials reads every stream of the account",
  },
  {
    id: "scan-07",
    file: "worker/stream/selectedPage.ts",
    find: "if (step.isFull || isAtTip || isSpent) break;",
    replace: "if (step.isFull || isAtTip) break;",
    tests: ["test/worker/scan/changes.workerd.test.ts"],
    harm: "a page of a long history is never sent",
  },
];
