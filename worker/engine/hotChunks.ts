// Chunks that lie in the engine's memory, behind its windows, so that they are read where they are. An
// engine has such room only if it was asked for: that of the local server's front has.

/** Room is given in units of this. */
const unitBytes = 65_536;

export class HotChunks {
  private readonly memory: Uint8Array;
  private readonly start: number;
  /** 1 for each unit that is taken. */
  private readonly taken: Uint8Array;

  /** The memory from `start` on. The last unit stays free: the engine may read past the end of a chunk. */
  constructor(memory: Uint8Array, start: number) {
    this.memory = memory;
    this.start = start;
    this.taken = new Uint8Array(Math.floor((memory.length - start) / unitBytes) - 1);
  }

  /** The chunk as it lies there now; undefined if there is no room for it in one piece. */
  take(chunk: Uint8Array): Uint8Array | undefined {
    const count = unitsOf(chunk);
    const first = this.findRoom(count);
    if (first === undefined) return undefined;
    this.taken.fill(1, first, first + count);
    const at = this.start + first * unitBytes;
    this.memory.set(chunk, at);
    return this.memory.subarray(at, at + chunk.length);
  }

  /** Nobody reads what `take` has returned any more. */
  release(chunk: Uint8Array): void {
    const first = (chunk.byteOffset - this.start) / unitBytes;
    this.taken.fill(0, first, first + unitsOf(chunk));
  }

  private findRoom(count: number): number | undefined {
    for (let first = 0; first + count <= this.taken.length;) {
      const obstacle = this.taken.subarray(first, first + count).lastIndexOf(1);
      if (obstacle < 0) return first;
      first += obstacle + 1;
    }
    return undefined;
  }
}

function unitsOf({ length }: Uint8Array): number {
  return Math.ceil(length / unitBytes);
}
