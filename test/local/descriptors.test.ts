// How many connections a limit of open files allows.
import { expect, test } from "vitest";
import { connectionsMaxFor, readDescriptorLimit } from "../../local/descriptors.ts";

test.each([
  [64, 16],
  [256, 32],
  [1024, 224],
  [10_240, 2528],
  [1_048_576, 8192],
])("%i descriptors: %i connections", (descriptors, connections) => {
  expect(connectionsMaxFor(descriptors)).toBe(connections);
});

test("the system says what the limit is", () => {
  expect(readDescriptorLimit()).toBeGreaterThan(64);
});
