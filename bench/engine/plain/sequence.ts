// The tail of a record in Kinesis JSON, from the end of the key to the closing brace, for the
// plain path: made once, then patched. The sequence number is kept in limbs of four decimal
// digits; the next index adds 2^80, which moves the low seven limbs and seldom more. A BigInt is
// used once a second of arrival time, never per record.

const LIMB = 10_000;
const LIMBS = 14;
/** 2^80 in limbs, lowest first. */
const STEP = Uint16Array.of(6176, 7470, 6291, 9614, 2581, 2089, 1);
const DIGITS = makeDigits();
const LABEL = '","ApproximateArrivalTimestamp":';
const NUMBER_LABEL = ',"SequenceNumber":"';

interface Shard {
  createdMs: number;
  index: number;
}

export class SequenceTail {
  /** The text of the record at hand, good until the next one. */
  text = Buffer.alloc(0);
  readonly #shard: Shard;
  readonly #limbs = new Uint16Array(LIMBS);
  #index: number;
  #timeMs = -1;
  #second = -1;
  /** Where the lowest limb stands. */
  #lowAt = 0;

  constructor(shard: Shard, firstIndex: number) {
    this.#shard = shard;
    this.#index = firstIndex;
  }

  /** Moves on to the next record, given its arrival. */
  next(timeMs: number): void {
    if (timeMs !== this.#timeMs && this.#moveTime(timeMs)) {
      this.#index += 1;
      return;
    }
    this.#index += 1;
    const limbs = this.#limbs;
    const text = this.text;
    let at = this.#lowAt;
    let carry = 0;
    for (let i = 0; i < 7; i++) {
      let limb = limbs[i]! + STEP[i]! + carry;
      carry = limb >= LIMB ? 1 : 0;
      limb -= carry * LIMB;
      limbs[i] = limb;
      const digits = limb * 4;
      text[at] = DIGITS[digits]!;
      text[at + 1] = DIGITS[digits + 1]!;
      text[at + 2] = DIGITS[digits + 2]!;
      text[at + 3] = DIGITS[digits + 3]!;
      at -= 4;
    }
    if (carry > 0) this.#carryFrom(7);
  }

  /** Patches the time; true when the whole tail had to be made again. */
  #moveTime(timeMs: number): boolean {
    this.#timeMs = timeMs;
    const second = Math.floor(timeMs / 1000);
    if (second !== this.#second) {
      this.#second = second;
      this.#restart(timeMs);
      return true;
    }
    const digits = (timeMs - second * 1000) * 4;
    const at = this.#lowAt - (LIMBS - 1) * 4 - NUMBER_LABEL.length - 3;
    this.text.set(DIGITS.subarray(digits + 1, digits + 4), at);
    return false;
  }

  #restart(timeMs: number): void {
    const number = sequenceNumber(this.#shard, this.#index, this.#second);
    const ms = String(timeMs - this.#second * 1000).padStart(3, "0");
    const front = `${LABEL}${this.#second}.${ms}${NUMBER_LABEL}`;
    this.text = Buffer.from(`${front}${number}"}`);
    this.#lowAt = front.length + (LIMBS - 1) * 4;
    for (let i = 0; i < LIMBS; i++) {
      const at = (LIMBS - 1 - i) * 4;
      this.#limbs[i] = Number(number.slice(at, at + 4));
    }
  }

  #carryFrom(first: number): void {
    for (let i = first; i < LIMBS; i++) {
      const limb = (this.#limbs[i]! + 1) % LIMB;
      this.#limbs[i] = limb;
      this.text.set(DIGITS.subarray(limb * 4, limb * 4 + 4), this.#lowAt - i * 4);
      if (limb > 0) return;
    }
  }
}

function sequenceNumber(shard: Shard, index: number, second: number): string {
  const created = BigInt(Math.floor(shard.createdMs / 1000));
  const number =
    (2n << 184n) |
    (created << 148n) |
    (BigInt(shard.index & 15) << 144n) |
    (BigInt(index) << 80n) |
    (BigInt(second) << 36n) |
    (BigInt(shard.index) << 4n) |
    2n;
  return number.toString();
}

/** The four digits of 0000 to 9999, as text. */
function makeDigits(): Uint8Array {
  const digits = Array.from({ length: LIMB }, (_, value) => String(value).padStart(4, "0"));
  return new TextEncoder().encode(digits.join(""));
}
