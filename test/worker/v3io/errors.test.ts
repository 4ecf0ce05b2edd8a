// Every error of the v3io face, byte for byte: number and name in a body indented by tabs, and the
// status; and what each failure of the core is called. Numbers and the layout of bodies are from the
// Iguazio web API reference and from replies captured in v3io-go (helper_test.go, sync_test.go).

import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { StreamError, type StreamErrorCode } from "../../../worker/errors.ts";
import { FailureLog } from "../../../worker/core/failureLog.ts";
import {
  errorResponse,
  errorTable,
  recordFailure,
  V3ioError,
  v3ioErrorOf,
  type V3ioErrorName,
} from "../../../worker/v3io/errors.ts";

const table: [V3ioErrorName, number, number, string?][] = [
  ["InvalidArgumentException", 400, -201326592],
  ["ShardIDOutOfRangeException", 400, -201326594],
  ["ResourceNotFoundException", 404, -201326595],
  ["ResourceInUseException", 409, -201326596],
  ["IllegalLocationException", 400, -201326597],
  ["ResourceIsnotStream", 400, -201326598],
  ["ResourceNotStreamException", 400, -201326598],
  ["InvalidShardCountException", 400, -201326599],
  ["ProvisionedThroughputExceededException", 503, -201326600],
  ["ConditionFalse", 400, -16777244, "The condition is false, ErrorCode -16777245"],
  ["ItemExists", 400, -369098809, "The item exists, ErrorCode -369098809"],
  ["Container not found", 404, -117440513],
  ["Operation not permitted", 403, -1],
  ["No such file or directory", 404, -2],
  ["Permission denied", 403, -13],
  ["Unauthorized", 401, -13, "Permission denied"],
  ["Is a directory", 400, -21],
  ["Requested range not satisfiable", 416, -22],
  ["File too large", 413, -27],
  ["Directory not empty", 409, -39],
  ["InternalError", 500, -117440512],
];

describe("what is said", () => {
  test.each(table)("%s", async (name, status, code, message = name) => {
    const response = errorResponse(new V3ioError(name));
    expect(response.status).toBe(status);
    expect(response.headers.get("content-type")).toBe("application/json");
    expect(await response.text()).toBe(
      `{\n\t"ErrorCode": ${code},\n\t"ErrorMessage": "${message}"\n}`,
    );
  });

  test("the table has no other rows", () => {
    expect(Object.keys(errorTable)).toEqual(table.map(([name]) => name));
  });

  test("the captured 404 has the length that the real server said", async () => {
    const body = await errorResponse(new V3ioError("No such file or directory")).text();
    expect(Buffer.byteLength(body)).toBe(66);
  });

  test("a failed record has a number and a name, and nothing else", () => {
    expect(recordFailure(new V3ioError("ShardIDOutOfRangeException"))).toEqual({
      ErrorCode: -201326594,
      ErrorMessage: "ShardIDOutOfRangeException",
    });
  });
});

describe("what a failure of the core is called", () => {
  let failures: FailureLog;
  let log: ReturnType<typeof spyOnLog>;

  beforeEach(() => {
    failures = new FailureLog("request");
    log = spyOnLog();
  });

  afterEach(() => {
    log.mockRestore();
  });

  const names: [StreamErrorCode, string][] = [
    ["streamNotFound", "ResourceNotFoundException"],
    ["shardNotFound", "ResourceNotFoundException"],
    ["streamExists", "ResourceInUseException"],
    ["streamNotActive", "ResourceInUseException"],
    ["locationNotFound", "IllegalLocationException"],
    ["overloaded", "ProvisionedThroughputExceededException"],
    ["shardClosed", "ProvisionedThroughputExceededException"],
    ["tooManyStreams", "ProvisionedThroughputExceededException"],
    ["tooManyShards", "InvalidArgumentException"],
    ["tooLarge", "InvalidArgumentException"],
    ["tooFewShards", "InvalidShardCountException"],
    ["itemNotFound", "No such file or directory"],
    ["itemExists", "The item exists, ErrorCode -369098809"],
    ["conditionFalse", "The condition is false, ErrorCode -16777245"],
    ["expressionFailed", "InvalidArgumentException"],
    ["commitFailed", "InternalError"],
  ];

  test("damaged bytes: which they are, and what an operator can do", async () => {
    const error = new StreamError("corrupt", { shard: "u-0", segment: 7, what: "short" });
    const body: unknown = await errorResponse(v3ioErrorOf(error, failures)).json();
    const message =
      "InternalError. Stored bytes are damaged: shard u-0, segment 7: short. " +
      "An operator can let readers pass over it: see docs/RECOVERY.md.";
    expect(body).toEqual({ ErrorCode: -117440512, ErrorMessage: message });
    expect(log).toHaveBeenCalledTimes(1);
  });

  test.each(names)("%s: %s", async (code, name) => {
    const error = new StreamError(code, { what: "it failed" });
    const body: unknown = await errorResponse(v3ioErrorOf(error, failures)).json();
    expect(body).toMatchObject({ ErrorMessage: name });
    expect(log).toHaveBeenCalledTimes(name === "InternalError" ? 1 : 0);
  });

  test("anything else is an internal error, and keeps what it says to itself", async () => {
    const response = errorResponse(v3ioErrorOf(new Error("secret"), failures));
    expect(log).toHaveBeenCalledTimes(1);
    expect([response.status, await response.text()]).toEqual([
      500,
      '{\n\t"ErrorCode": -117440512,\n\t"ErrorMessage": "InternalError"\n}',
    ]);
  });
});

function spyOnLog() {
  return vi.spyOn(console, "error").mockReturnValue();
}
