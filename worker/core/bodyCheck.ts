// Checks every body that a shard loads from its storage, and remembers which ones failed. A failure
// names the shard, the segment and the first record. The bytes stay as they are, so that they can
// be repaired. All other bodies are read as before.
import { isCode, StreamError } from "../errors.ts";
import { verifyBody } from "../engine/chunk.ts";

/** What a body must hold. */
interface Expected {
  firstIndex: number;
  count: number;
}

export class Inspector {
  /** First indexes of the bodies that failed. */
  readonly damaged = new Set<number>();
  readonly uid: string;

  constructor(uid: string) {
    this.uid = uid;
  }

  /**
   * Checks the checksums of a body, and that it belongs to the shard and to this place. Throws
   * `corrupt`.
   */
  inspect(body: Uint8Array, expected: Expected, segment: number): void {
    const index = expected.firstIndex;
    let what = body.length === 0 ? "missing" : "other records";
    try {
      const { firstIndex, count } = verifyBody(body, this.uid);
      if (firstIndex === index && count === expected.count) {
        this.damaged.delete(index);
        return;
      }
    } catch (error) {
      if (!isCorrupt(error)) throw error;
      if (body.length > 0) what = error.detail.what;
    }
    this.damaged.add(index);
    throw new StreamError("corrupt", { shard: this.uid, segment, index, what });
  }
}

export function isCorrupt(error: unknown): error is StreamError<"corrupt"> {
  return isCode(error, "corrupt");
}
