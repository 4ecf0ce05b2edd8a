// Every error of the Yandex face with its status, the number of every kind of issue, and what each failure
// of the core is called. Sources: YDB exceptions_mapping.cpp, datastreams_codes.h.

import { describe, expect, test, vi } from "vitest";
import { FailureLog } from "../../../worker/core/failureLog.ts";
import { StreamError, type StreamErrorCode } from "../../../worker/errors.ts";
import {
  errorStatus,
  issue,
  type IssueKind,
  YandexError,
  yandexErrorOf,
} from "../../../worker/yandex/errors.ts";

const failures = new FailureLog("request");

test("every name has its status", () => {
  const { InternalError, Unavailable, ...others } = errorStatus;
  expect([InternalError, Unavailable]).toEqual([500, 503]);
  expect(new Set(Object.values(others))).toEqual(new Set([400]));
  expect(Object.keys(errorStatus)).toEqual([
    "AccessDeniedException",
    "ExpiredIteratorException",
    "ExpiredNextTokenException",
    "IncompleteSignature",
    "InternalError",
    "InvalidAction",
    "InvalidArgumentException",
    "InvalidParameterCombination",
    "LimitExceededException",
    "MissingAction",
    "MissingAuthenticationToken",
    "MissingParameter",
    "ProvisionedThroughputExceededException",
    "ResourceInUseException",
    "ResourceNotFoundException",
    "ThrottlingException",
    "Unavailable",
    "ValidationException",
  ]);
});

test.each<[IssueKind, number, string]>([
  ["badRequest", 500_003, "ValidationException"],
  ["limit", 500_030, "LimitExceededException"],
  ["argument", 500_040, "InvalidArgumentException"],
  ["missing", 500_050, "MissingParameter"],
  ["notFound", 500_060, "ResourceNotFoundException"],
  ["inUse", 500_070, "ResourceInUseException"],
  ["validation", 500_080, "ValidationException"],
  ["unsupported", 500_100, "InvalidAction"],
  ["throughput", 500_100, "ProvisionedThroughputExceededException"],
  ["overload", 500_100, "ThrottlingException"],
  ["combination", 500_110, "InvalidParameterCombination"],
  ["iteratorExpired", 500_120, "ExpiredIteratorException"],
  ["tokenExpired", 500_130, "ExpiredNextTokenException"],
  ["internal", 500_100, "InternalError"],
])("%s is %i, %s", (kind, code, name) => {
  const error = issue(kind, "what is wrong");
  expect([error.name, error.message]).toEqual([
    name,
    `<main>: Error: what is wrong, code: ${code}\n`,
  ]);
});

describe("what a failure of the core is called", () => {
  test.each<[StreamErrorCode, string]>([
    ["streamNotFound", "ResourceNotFoundException"],
    ["shardNotFound", "ResourceNotFoundException"],
    ["consumerNotFound", "ResourceNotFoundException"],
    ["streamExists", "ResourceInUseException"],
    ["streamNotActive", "ResourceInUseException"],
    ["consumerExists", "ResourceInUseException"],
    ["consumersRegistered", "ResourceInUseException"],
    ["consumerNotActive", "ResourceInUseException"],
    ["tooManyConsumers", "LimitExceededException"],
    ["tooManyShards", "LimitExceededException"],
    ["tooManyStreams", "LimitExceededException"],
    ["tooLarge", "LimitExceededException"],
    ["tooFewShards", "InvalidArgumentException"],
    ["wrongMode", "ValidationException"],
    ["retentionNotLonger", "ValidationException"],
    ["retentionNotShorter", "ValidationException"],
    ["overloaded", "ThrottlingException"],
    ["shardClosed", "ThrottlingException"],
  ])("%s: %s", (code, name) => {
    expect(
      yandexErrorOf(new StreamError(code, { stream: "s", consumer: "c" }), "/Root/s", failures)
        .name,
    ).toBe(name);
  });

  test("an error of this face stays what it is", () => {
    const error = new YandexError("MissingAction", "none");
    expect(yandexErrorOf(error, "", failures)).toBe(error);
  });

  test("anything else is internal, and keeps what it says to itself", () => {
    const log = vi.spyOn(console, "error").mockReturnValue();
    const { name, message } = yandexErrorOf(new Error("secret"), "/Root/s", failures);
    expect([name, message]).toEqual([
      "InternalError",
      "<main>: Error: Internal error, code: 500100\n",
    ]);
    expect(log).toHaveBeenCalledTimes(1);
    log.mockRestore();
  });
});
