// What is read, in the address of the page.
import { expect, it } from "vitest";
import { noFilter } from "../../console/records/filter.ts";
import { queryOf, type Reading, readingOf } from "../../console/records/position.ts";

const everything: Reading = { start: { kind: "latest" }, shardId: "", filter: noFilter };

it.each<[string, Partial<Reading>]>([
  ["", {}],
  ["?from=oldest", { start: { kind: "oldest" } }],
  ["?from=1795829159014", { start: { kind: "time", timeMs: 1_795_829_159_014 } }],
  [
    "?from=shardId-000000000001%3A495",
    { start: { kind: "sequence", shardId: "shardId-000000000001", sequenceNumber: "495" } },
  ],
  ["?shard=shardId-000000000001", { shardId: "shardId-000000000001" }],
  ["?key=a%26b*", { filter: { key: "a&b*", pattern: "" } }],
  ["?where=%7B%22a%22%3A%5B1%5D%7D", { filter: { key: "", pattern: '{"a":[1]}' } }],
])("%s is %j, and back", (query, changed) => {
  const reading = { ...everything, ...changed };
  expect(queryOf(reading)).toBe(query);
  expect(readingOf(new URLSearchParams(query))).toEqual(reading);
});

it("what is no place to read from is the end", () => {
  for (const from of ["newest", "-1", "shardId-1:x", "1e3"]) {
    expect(readingOf(new URLSearchParams({ from }))).toEqual(everything);
  }
});
