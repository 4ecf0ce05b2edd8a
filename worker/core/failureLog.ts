// Logs failures of a request that its caller did not cause: a failed commit, damaged bytes, an
// exception of an object. The reply only says "internal", so the log names the cause and the
// request. A failure is logged once, however many records or layers it passes.

export class FailureLog {
  readonly #request: string;
  readonly #logged = new Set<unknown>();

  /** `request`: the dialect and the id of the request, as in the reply. */
  constructor(request: string) {
    this.#request = request;
  }

  get isEmpty(): boolean {
    return this.#logged.size === 0;
  }

  log(failure: unknown): void {
    if (this.#logged.has(failure)) return;
    this.#logged.add(failure);
    console.error(`${this.#request} failed:`, failure);
  }
}
