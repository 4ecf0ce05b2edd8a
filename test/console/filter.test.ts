import { describe, expect, it } from "vitest";
import { filterText, withCondition } from "../../console/records/filter.ts";

describe("filter", () => {
  it.each([
    [{ key: "", pattern: "" }, undefined],
    [{ key: "k", pattern: "" }, '{"partitionKey":["k"]}'],
    [{ key: "eu-*", pattern: "" }, '{"partitionKey":[{"prefix":"eu-"}]}'],
    [{ key: "", pattern: '{"status":["failed"]}' }, '{"data":{"status":["failed"]}}'],
    [{ key: "", pattern: '{"data":{"a":[1]}}' }, '{"data":{"a":[1]}}'],
    [{ key: "k", pattern: '{"a":[1]}' }, '{"partitionKey":["k"],"data":{"a":[1]}}'],
    [{ key: "ключ", pattern: "" }, '{"partitionKey":["\\u043a\\u043b\\u044e\\u0447"]}'],
  ])("%j is %s", (filter, text) => {
    expect(filterText(filter)).toBe(text);
  });

  it("a pattern about the arrival is one about the record", () => {
    const pattern = '{"approximateArrivalTimestamp":[{"numeric":[">",5]}]}';
    expect(filterText({ key: "k", pattern })).toBe(
      '{"partitionKey":["k"],"approximateArrivalTimestamp":[{"numeric":[">",5]}]}',
    );
  });

  it("a key that is asked for twice is refused, and none of both is forgotten", () => {
    const pattern = '{"partitionKey":["b"]}';
    expect(() => filterText({ key: "a", pattern })).toThrow("asks for the partition key too");
  });

  it("a comparison of numbers takes numbers", () => {
    for (const value of ["", "ten", "0x1", "1e"]) {
      expect(() => withCondition("", { path: "a", operator: ">", value })).toThrow(
        "needs a number",
      );
    }
  });

  it.each(["{", "[]", "7", "null"])("the pattern %s is refused", (pattern) => {
    expect(() => filterText({ key: "", pattern })).toThrow();
  });

  it("conditions are added one by one, in nested members too", () => {
    let pattern = withCondition("", { path: "order.status", operator: "is", value: "failed" });
    pattern = withCondition(pattern, { path: "order.amount", operator: ">", value: "100" });
    pattern = withCondition(pattern, { path: "city", operator: "begins with", value: "ber" });
    pattern = withCondition(pattern, { path: "code", operator: "is not", value: "7" });
    expect(JSON.parse(pattern)).toEqual({
      order: { status: ["failed"], amount: [{ numeric: [">", 100] }] },
      city: [{ prefix: "ber" }],
      code: [{ "anything-but": [7] }],
    });
  });
});
