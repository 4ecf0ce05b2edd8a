// What a request met that is no caller's doing: a commit that failed, damaged bytes, an exception of an object.
// The reply says no more than "internal", so the log says what it was and whose request it hit. A failure is
// logged once, however many records or layers of a face it passes.

export class FailureLog {
  readonly #request: string;
  readonly #logged = new Set<unknown>();

  /** `request`: the dialect and the id of the request, as the reply has it. */
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
