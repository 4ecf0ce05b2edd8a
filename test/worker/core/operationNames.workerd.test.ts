// Settings name operations of all dialects: the list of names is what the dialects declare.
import { expect, test } from "vitest";
import { listOperationNames } from "../../../worker/core/operationNames.ts";
import { operations as durable } from "../../../worker/durable/operations.ts";
import { declared as kinesis } from "../../../worker/kinesis/operations.ts";
import { operations as v3io } from "../../../worker/v3io/operations.ts";
import { operations as yandex } from "../../../worker/yandex/operations.ts";

test("every operation that a dialect declares has its name in the list, and no other is there", () => {
  const declared = [...durable, ...kinesis, ...v3io, ...yandex.values()].map(({ name }) => name);
  expect([...new Set<string>(declared)].sort()).toEqual(listOperationNames());
});
