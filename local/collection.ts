/**
 * Requests that the front keeps back until they are whole, to pass another one on instead of them.
 */

/** A head that is complete and valid. */
export interface RequestHead {
  method: string;
  target: string;
  /** Names in lower case; without those that tell where the request ends, and Host. */
  headers: readonly (readonly [name: string, value: string])[];
  bodyBytes: number | "chunked";
  /** True if the client wants the connection to end with the reply. */
  isLast: boolean;
}

/** Takes a request with a body of known length. `finish` or `abandon` is called, once. */
export interface Collection {
  /** So much more of the body has come. False if no more can be kept back; then it is to be abandoned. */
  grow(bytes: number): boolean;
  /** The request is whole; returns what is passed on instead of it. */
  finish(head: Buffer, body: Buffer[]): Buffer[];
  /** It is passed on as far as it has come, or is not needed any more. */
  abandon(): void;
}

/** What takes room that is shared, until its bytes are written to workerd or given up. `free` may be called several times. */
export interface Counted {
  free(): void;
}

/** A head with one more line at its end, in parts. The line has its line end. */
export function withLine(head: Buffer, line: Buffer): Buffer[] {
  const end = head.length - (head.at(-2) === cr ? 2 : 1);
  return [head.subarray(0, end), line, head.subarray(end)];
}

const cr = 0x0d;

/** Parts below this are copied: each has memory of its own, which may be much more than its bytes. */
const smallBytes = 4096;
const roomBytes = 16 << 10;
const noRoom = Buffer.alloc(0);

/** A request that is kept back. After `finish` or `release`, or when `add` has returned something, it is none any more. */
export class Collected {
  readonly #collection: Collection;
  readonly #head: Buffer;
  readonly #body = new BodyParts();

  constructor(collection: Collection, head: Buffer) {
    this.#collection = collection;
    this.#head = head;
  }

  /** Keeps more of the body back. If that cannot be, returns all that has come, to be passed on. */
  add(bytes: Buffer): Buffer[] | undefined {
    this.#body.add(bytes);
    return this.#collection.grow(bytes.length) ? undefined : this.release();
  }

  /** The body is whole; returns what is passed on. */
  finish(): Buffer[] {
    return this.#collection.finish(this.#head, this.#body.take());
  }

  /** Returns what has come. */
  release(): Buffer[] {
    this.#collection.abandon();
    return [this.#head, ...this.#body.take()];
  }
}

/** A body in the parts in which it came; small ones are joined. */
class BodyParts {
  readonly #parts: Buffer[] = [];
  /** Where the next small parts go, behind those that are joined already. */
  #room = noRoom;
  #joinedBytes = 0;

  add(bytes: Buffer): void {
    if (bytes.length >= smallBytes) {
      this.#flush();
      this.#parts.push(bytes);
      return;
    }
    if (this.#joinedBytes + bytes.length > this.#room.length) {
      this.#flush();
      this.#room = Buffer.allocUnsafeSlow(roomBytes);
    }
    bytes.copy(this.#room, this.#joinedBytes);
    this.#joinedBytes += bytes.length;
  }

  /** All of them. No more is added after that. */
  take(): Buffer[] {
    this.#flush();
    return this.#parts;
  }

  #flush(): void {
    if (this.#joinedBytes === 0) return;
    this.#parts.push(this.#room.subarray(0, this.#joinedBytes));
    this.#room = this.#room.subarray(this.#joinedBytes);
    this.#joinedBytes = 0;
  }
}
