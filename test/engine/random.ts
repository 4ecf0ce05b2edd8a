// A seeded generator for tests: the same seed gives the same numbers on every machine, so a
// failing round is repeated by naming its seed. The algorithm is Mulberry32 (Tommy Ettinger,
// public domain): small, fast and good enough to shuffle bytes; nothing here is a secret.

export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** 0 to 2^32 - 1. */
  word(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let word = this.#state;
    word = Math.imul(word ^ (word >>> 15), word | 1);
    word ^= word + Math.imul(word ^ (word >>> 7), word | 61);
    return (word ^ (word >>> 14)) >>> 0;
  }

  /** 0 to `count` - 1, for counts up to 2^53. */
  below(count: number): number {
    if (count <= 2 ** 32) return Math.floor((this.word() / 2 ** 32) * count);
    const wide = (this.word() >>> 11) * 2 ** 32 + this.word();
    return wide % count;
  }

  /** `low` to `high`, both included. */
  between(low: number, high: number): number {
    return low + this.below(high - low + 1);
  }

  chance(probability: number): boolean {
    return this.word() < probability * 2 ** 32;
  }

  pick<T>(choices: readonly T[]): T {
    return choices[this.below(choices.length)]!;
  }

  bytes(count: number): Uint8Array {
    const words = new Uint32Array(Math.ceil(count / 4));
    for (let i = 0; i < words.length; i++) words[i] = this.word();
    return new Uint8Array(words.buffer, 0, count);
  }
}
