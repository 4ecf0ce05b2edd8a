// The variables of a server that behaves badly on purpose, read strictly.
import { expect, test } from "vitest";
import { type ControlVariables, readControls } from "../../../worker/core/controls.ts";

test("without variables nothing fails, waits or is logged", () => {
  expect(readControls({})).toEqual({
    iteratorTtlMs: 300_000,
    latencyMs: 0,
    errorRates: new Map(),
    log: "off",
    logForm: "text",
  });
});

test("rates are of named operations, and * of all others", () => {
  const { errorRates } = readControls({
    MILLRACE_ERROR_RATES: "PutRecords=0.25, GetRecords=1,*=0",
  });
  expect([...errorRates]).toEqual([
    ["PutRecords", 0.25],
    ["GetRecords", 1],
    ["*", 0],
  ]);
});

test.each<[ControlVariables, RegExp]>([
  [{ MILLRACE_ERROR_RATES: "" }, /MILLRACE_ERROR_RATES has ""/],
  [{ MILLRACE_ERROR_RATES: "PutRecord" }, /has "PutRecord"/],
  [{ MILLRACE_ERROR_RATES: "PutRecord=2" }, /has "PutRecord=2"/],
  [{ MILLRACE_ERROR_RATES: "PutRecord=-1" }, /has "PutRecord=-1"/],
  [{ MILLRACE_ERROR_RATES: "PutRecrd=0.1" }, /has "PutRecrd=0.1": set names of operations/],
  [{ MILLRACE_ERROR_RATES: "PutRecord=0.1,PutRecord=0.2" }, /has "PutRecord=0.2"/],
  [{ MILLRACE_LATENCY_MS: "300001" }, /MILLRACE_LATENCY_MS is "300001": set 0 to 300000/],
  [{ MILLRACE_ITERATOR_TTL_MS: "0" }, /MILLRACE_ITERATOR_TTL_MS is "0": set 1 to/],
  [{ MILLRACE_LOG: "all" }, /MILLRACE_LOG is "all": set off, error, warn, info/],
  [{ MILLRACE_LOG_FORM: "xml" }, /MILLRACE_LOG_FORM is "xml": set text, json/],
])("%j is an error that names the variable", (variables, message) => {
  expect(() => readControls(variables)).toThrow(message);
});
