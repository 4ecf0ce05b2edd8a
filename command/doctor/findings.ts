/** What a check of a data folder finds. A problem names its place and what is wrong. */
import { isCode } from "../../worker/errors.ts";

export interface Problem {
  /** The file, relative to the data folder. */
  file: string;
  /** Where in it, such as `shard 2-9f0c…-0 (orders, 0), segment 12`. */
  place: string;
  what: string;
}

/** What was looked at. */
export interface Counts {
  databases: number;
  streams: number;
  shards: number;
  /** Bodies of segments and of chunks of a tail, each copy by itself. */
  bodies: number;
  bodyBytes: number;
  /** Records that can be read, each once. */
  records: number;
  items: number;
}

export class Findings {
  readonly problems: Problem[] = [];
  /** What is no damage, but takes space or is good to know. */
  readonly notes: Problem[] = [];
  readonly counts: Counts = {
    databases: 0,
    streams: 0,
    shards: 0,
    bodies: 0,
    bodyBytes: 0,
    records: 0,
    items: 0,
  };

  problem(file: string, place: string, what: string): void {
    this.problems.push({ file, place, what });
  }

  note(file: string, place: string, what: string): void {
    this.notes.push({ file, place, what });
  }

  /** Runs a check of the product's own code; what it refuses as `corrupt` is a problem. */
  attempt<T>(file: string, place: string, check: () => T): T | undefined {
    try {
      return check();
    } catch (error) {
      if (!isCode(error, "corrupt")) throw error;
      this.problem(file, place, error.detail.what);
      return undefined;
    }
  }
}
