/**
 * A reason why the local server cannot do what was asked, as one line that also tells the user what
 * to do. The line must be understandable without a stack trace. `main` prints it and ends with the
 * exit code. Any other error is a bug and keeps its stack trace.
 */
export class Failure extends Error {
  override readonly name = "Failure";
  readonly exitCode: number;

  /** `exitCode` 1: a problem on this machine. 2: the command line is wrong. */
  constructor(message: string, exitCode: 1 | 2 = 1) {
    super(message);
    this.exitCode = exitCode;
  }
}

/** The `code` of a system error (`EADDRINUSE`, `EACCES`), or `""` if the error has none. */
export function errorCode(error: unknown): string {
  // Not `instanceof Error`: a test runner may give each test file classes of its own.
  const code = typeof error === "object" && error !== null && "code" in error ? error.code : "";
  return typeof code === "string" ? code : "";
}

/** The message of an error, or the text of whatever else was thrown. */
export function messageOf(error: unknown): string {
  const hasMessage = typeof error === "object" && error !== null && "message" in error;
  return String(hasMessage ? error.message : error);
}
