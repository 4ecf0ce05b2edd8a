import { describe, expect, it } from "vitest";
import { addSample, ratesOf } from "../../console/app/rates.ts";

describe("rates", () => {
  it("a rate is the difference of two samples by the time between them", () => {
    addSample("a", { timeMs: 0, records: 10, bytes: 100 });
    addSample("a", { timeMs: 2000, records: 30, bytes: 500 });
    expect(ratesOf("a")).toEqual([{ timeMs: 2000, recordsPerSecond: 10, bytesPerSecond: 200 }]);
  });

  it("bytes that expire are no negative rate", () => {
    addSample("b", { timeMs: 0, records: 10, bytes: 100 });
    addSample("b", { timeMs: 1000, records: 10, bytes: 50 });
    expect(ratesOf("b")).toEqual([{ timeMs: 1000, recordsPerSecond: 0, bytesPerSecond: 0 }]);
  });

  it("a counter that falls begins anew", () => {
    addSample("c", { timeMs: 0, records: 10, bytes: 0 });
    addSample("c", { timeMs: 1000, records: 2, bytes: 0 });
    addSample("c", { timeMs: 2000, records: 5, bytes: 0 });
    expect(ratesOf("c").map(({ recordsPerSecond }) => recordsPerSecond)).toEqual([3]);
  });
});
