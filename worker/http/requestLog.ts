// The log of requests (core/controls.ts): one line each, when the head of its reply is ready.
//
//   2026-11-27T14:00:00.000Z kinesis PutRecords orders 200 3ms 4f0c...
import type { HeaderReader } from "../auth/credentials.ts";
import type { Controls, LogLevel } from "../core/controls.ts";
import type { AccessRequest } from "../stream/backend.ts";

/** What was asked for, and when. */
export interface LoggedRequest {
  dialect: string;
  deed: AccessRequest;
  startMs: number;
}

const severity: Record<LogLevel | "off", number> = { off: 0, error: 1, warn: 2, info: 3 };

/**
 * Logs the request at the level `debug`, which nothing else uses: so the local server knows its
 * lines from those of the Worker's own log.
 */
export function logRequest(
  { dialect, deed, startMs }: LoggedRequest,
  { status, headers }: { status: number; headers: HeaderReader },
  { log, logForm }: Controls,
  nowMs: number,
): void {
  const level = levelOf(status);
  if (severity[level] > severity[log]) return;
  const { operation, stream, error } = deed;
  const entry = {
    time: new Date(nowMs).toISOString(),
    level,
    dialect,
    ...(operation !== undefined && { operation }),
    ...(stream !== undefined && stream !== "" && { stream }),
    status,
    ...(error !== undefined && { error }),
    ms: nowMs - startMs,
    ...requestIdOf(headers),
  };
  console.debug(logForm === "json" ? JSON.stringify(entry) : printText(entry));
}

function levelOf(status: number): LogLevel {
  if (status >= 500) return "error";
  return status >= 400 ? "warn" : "info";
}

/** v3io replies have an id only if something failed. */
function requestIdOf(headers: HeaderReader): { requestId?: string } {
  const requestId = headers.get("x-amzn-requestid") ?? headers.get("x-request-id");
  return requestId === null ? {} : { requestId };
}

function printText(entry: {
  time: string;
  dialect: string;
  operation?: string;
  stream?: string;
  status: number;
  ms: number;
  requestId?: string;
}): string {
  const { time, dialect, operation = "-", stream = "-", status, ms, requestId = "-" } = entry;
  return `${time} ${dialect} ${operation} ${stream} ${status} ${ms}ms ${requestId}`;
}
