/**
 * How far a reader is in every shard of a stream, and the file that keeps it, so that a killed
 * command goes on where it was. The file is replaced as a whole. It is written after what it counts
 * has been delivered: after a kill records may come twice, and none is left out.
 */
import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { errorCode, Failure } from "../../local/failure.ts";
import type { StreamSummary } from "../stream/stream.ts";

/**
 * Where the reader goes on in a shard: `start` is the oldest record, `latest` the next one that
 * arrives, a number the first that arrived at that Unix millisecond or later, and `after` follows
 * the record of that sequence number. `end`: the shard is closed and all of it was read. `skipped`:
 * it is not read at all.
 */
export type Place = "start" | "latest" | number | { after: string } | "end" | "skipped";

export type Places = Map<string, Place>;

export interface Saved {
  places: Places;
  /** Records and bytes that were delivered, and what else the command counts. */
  counts: Record<string, number>;
}

const version = 1;

export class StateFile {
  readonly path: string;
  private readonly stream: Pick<StreamSummary, "arn" | "createdMs">;

  constructor(path: string, stream: Pick<StreamSummary, "arn" | "createdMs">) {
    this.path = path;
    this.stream = stream;
  }

  /** Undefined if there is no file. Throws a Failure if it is of another stream, or no state. */
  read(): Saved | undefined {
    const text = readIfThere(this.path);
    if (text === undefined) return undefined;
    const saved = parseState(text);
    if (saved === undefined) {
      throw new Failure(`${this.path} is not a state file: name another, or delete it`);
    }
    const { arn, createdMs } = this.stream;
    if (saved.stream !== arn || saved.createdMs !== createdMs) {
      const what = saved.stream === arn ? "an earlier stream of this name" : saved.stream;
      throw new Failure(`${this.path} is the state of ${what}: name another file, or delete it`);
    }
    return saved;
  }

  /** A place that is `latest` is kept as `beganMs`, because later it would be another one. */
  write({ places, counts }: Saved, beganMs: number): void {
    const { arn, createdMs } = this.stream;
    const kept = [...places].map(([id, place]) => [id, place === "latest" ? beganMs : place]);
    const shards: unknown = Object.fromEntries(kept);
    const text = `${JSON.stringify({ version, stream: arn, createdMs, counts, shards }, null, 1)}\n`;
    const draft = `${this.path}.draft`;
    try {
      writeFileSync(draft, text);
      renameSync(draft, this.path);
    } catch (error) {
      throw new Failure(`${this.path} cannot be written (${errorCode(error)})`);
    }
  }
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (errorCode(error) === "ENOENT") return undefined;
    throw new Failure(`${path} cannot be read (${errorCode(error)})`);
  }
}

function parseState(text: string): (Saved & { stream: string; createdMs: number }) | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== "object" || value === null) return undefined;
  const of = (name: string): unknown => Reflect.get(value, name);
  const [stream, createdMs, shards, counts] = ["stream", "createdMs", "shards", "counts"].map(of);
  if (of("version") !== version || typeof stream !== "string" || typeof createdMs !== "number") {
    return undefined;
  }
  const places: Places = new Map();
  for (const [id, place] of Object.entries(Object(shards))) {
    if (!isPlace(place)) return undefined;
    places.set(id, place);
  }
  const numbers = Object.entries(Object(counts)).filter(
    (entry): entry is [string, number] => typeof entry[1] === "number",
  );
  return { stream, createdMs, places, counts: Object.fromEntries(numbers) };
}

function isPlace(value: unknown): value is Place {
  if (typeof value === "number") return true;
  if (typeof value === "string") return ["start", "end", "skipped"].includes(value);
  return (
    typeof value === "object" && value !== null && typeof Reflect.get(value, "after") === "string"
  );
}
