// Bytes of a compiled condition: numbers are little-endian, offsets count from the beginning, and what was placed once
// is found again under its offset. assembly/scan/program.ts describes the layout.
import { StreamError } from "../errors.ts";
import { programBytesMax } from "../limits.ts";

export class Assembler {
  private readonly bytes = new Uint8Array(programBytesMax);
  private readonly view = new DataView(this.bytes.buffer);
  private length = 0;

  /** Room for so many bytes, at a multiple of eight; returns its offset. Throws `invalidCondition`. */
  place(length: number): number {
    const at = this.length;
    const next = (at + length + 7) & ~7;
    if (next > programBytesMax) {
      const what = `it takes more than ${programBytesMax} bytes when compiled`;
      throw new StreamError("invalidCondition", { at: 1, path: "", what });
    }
    this.length = next;
    return at;
  }

  /** Words one after the other; returns their offset. */
  placeWords(words: readonly number[]): number {
    const at = this.place(words.length * 4);
    for (const [i, word] of words.entries()) this.word(at + i * 4, word);
    return at;
  }

  /** Their number, and the bytes. */
  placeText(text: Uint8Array): number {
    const at = this.place(4 + text.length);
    this.word(at, text.length);
    this.copy(at + 4, text);
    return at;
  }

  placeBytes(bytes: Uint8Array): number {
    const at = this.place(bytes.length);
    this.copy(at, bytes);
    return at;
  }

  copy(at: number, bytes: Uint8Array): void {
    this.bytes.set(bytes, at);
  }

  word(at: number, value: number): void {
    this.view.setUint32(at, value, true);
  }

  double(at: number, value: number): void {
    this.view.setFloat64(at, value, true);
  }

  bits(at: number, value: bigint): void {
    this.view.setBigUint64(at, value, true);
  }

  finish(): Uint8Array {
    return this.bytes.slice(0, this.length);
  }
}
