/**
 * A reason why the local server cannot do what it was asked to, said in one line that tells the
 * reader what to do about it. Whoever throws one promises that the line needs no stack to be
 * understood; main prints it and ends with the exit code. Any other error is a bug and keeps its
 * stack.
 */
export class Failure extends Error {
  override readonly name = "Failure";
  readonly exitCode: number;

  /** `exitCode` 1: something is in the way on this machine; 2: the command line is wrong. */
  constructor(message: string, exitCode: 1 | 2 = 1) {
    super(message);
    this.exitCode = exitCode;
  }
}

/** The `code` of a system error (`EADDRINUSE`, `EACCES`), or `""` when the error has none. */
export function errorCode(error: unknown): string {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  return typeof code === "string" ? code : "";
}
