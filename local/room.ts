/** Bytes that all connections share: what is kept back for one of them is not there for the others. */
export class Room {
  #freeBytes: number;

  constructor(bytes: number) {
    this.#freeBytes = bytes;
  }

  get freeBytes(): number {
    return this.#freeBytes;
  }

  /** True if so many bytes may be kept; they count until they are given to `free`. */
  reserve(bytes: number): boolean {
    if (bytes > this.#freeBytes) return false;
    this.#freeBytes -= bytes;
    return true;
  }

  free(bytes: number): void {
    this.#freeBytes += bytes;
  }
}
