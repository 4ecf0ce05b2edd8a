// The parameters of GET /_millrace/scan: which records, what of them, and where to go on. Everything that is wrong with
// them is refused before anything is read.
import { parseInstant } from "../codec/instant.ts";
import { StreamError } from "../errors.ts";
import { histogramBucketsMax } from "../limits.ts";
import { compileSelection, type Selection } from "../scan/selection.ts";

export interface ScanParameters {
  /** The index of one shard; all shards of the stream if undefined. */
  shard: number | undefined;
  /** Arrival of the first record and of the first one after the last, in milliseconds. */
  fromMs: number | undefined;
  toMs: number | undefined;
  selection: Selection | undefined;
  limit: number;
  output: ScanOutput;
  /** Where an earlier scan has ended. */
  cursor: ScanCursor | undefined;
}

export type ScanOutput =
  /** A line of JSON for each record. */
  | { kind: "records" }
  /** The data of each record, as it is, and the end of a line. */
  | { kind: "data" }
  | { kind: "count" }
  /** How many records arrived in each stretch of time. */
  | { kind: "histogram"; stretchMs: number };

/** The next index of each shard that was begun. Shards that it does not have are read from their beginning. */
export interface ScanCursor {
  /** The beginning of the stream's uid: the cursor is of no other. */
  stream: string;
  places: ReadonlyMap<number, number>;
}

const names = "stream shard from to key where limit format select by cursor".split(" ");

const stretches: ReadonlyMap<string, number> = new Map([
  ["second", 1000],
  ["minute", 60_000],
  ["hour", 3_600_000],
  ["day", 86_400_000],
]);

/** Throws `invalidQuery`, `invalidCondition`. */
export function readScanParameters(parameters: URLSearchParams): ScanParameters {
  for (const name of parameters.keys()) {
    const isKnown = names.includes(name);
    if (!isKnown) throw wanted(`no other parameters than ${names.join(", ")}`);
    const isOnce = name === "key" || parameters.getAll(name).length === 1;
    if (!isOnce) throw wanted(`${name} once`);
  }
  const [fromMs, toMs] = [timeOf(parameters, "from"), timeOf(parameters, "to")];
  return {
    shard: shardOf(parameters.get("shard")),
    fromMs,
    toMs,
    selection: compileSelection({
      where: parameters.get("where") ?? undefined,
      keys: parameters.getAll("key"),
    }),
    limit: limitOf(parameters.get("limit")),
    output: outputOf(parameters, fromMs, toMs),
    cursor: cursorOf(parameters.get("cursor")),
  };
}

/** A cursor's text: the stream, then index and next record of each shard. */
export function printCursor({ stream, places }: ScanCursor): string {
  return [stream, ...Array.from(places, ([shard, index]) => `${shard}.${index}`)].join("~");
}

function cursorOf(text: string | null): ScanCursor | undefined {
  if (text === null) return undefined;
  const [stream = "", ...pairs] = text.split("~");
  const places = new Map<number, number>();
  for (const pair of pairs) {
    const [, shard, index] = /^(\d{1,9})\.(\d{1,15})$/.exec(pair) ?? [];
    if (shard === undefined || index === undefined) throw wanted("the cursor of a scan");
    places.set(Number(shard), Number(index));
  }
  if (!/^[0-9a-f]{8}$/.test(stream)) throw wanted("the cursor of a scan");
  return { stream, places };
}

function outputOf(
  parameters: URLSearchParams,
  fromMs: number | undefined,
  toMs: number | undefined,
): ScanOutput {
  const [select, format, by] = ["select", "format", "by"].map((name) => parameters.get(name));
  if (by !== null && select !== "histogram") throw wanted("by with select=histogram");
  if (select !== null && format !== null) throw wanted("select or format");
  if (select === "count") return { kind: "count" };
  if (select === "histogram") {
    const stretchMs = stretches.get(by ?? "minute");
    if (stretchMs === undefined) throw wanted(`by as one of ${[...stretches.keys()].join(", ")}`);
    const isTooLong = ((toMs ?? 0) - (fromMs ?? toMs ?? 0)) / stretchMs > histogramBucketsMax;
    if (isTooLong) throw tooManyBuckets();
    return { kind: "histogram", stretchMs };
  }
  if (select !== null) throw wanted("select as count or histogram");
  if (format === "data") return { kind: "data" };
  if (format !== null && format !== "records") throw wanted("format as records or data");
  return { kind: "records" };
}

export function tooManyBuckets(): StreamError {
  return wanted(`a histogram of no more than ${histogramBucketsMax} stretches of time`);
}

/** Its number, or the identifier that Kinesis gives it. */
function shardOf(text: string | null): number | undefined {
  if (text === null) return undefined;
  const [, digits] = /^(?:shardId-)?(\d{1,12})$/.exec(text) ?? [];
  if (digits === undefined) throw wanted("shard as a number or shardId-000000000000");
  return Number(digits);
}

/** Seconds since 1970 as a decimal number, or a date of ISO 8601 with its zone. */
function timeOf(parameters: URLSearchParams, name: string): number | undefined {
  const text = parameters.get(name);
  if (text === null) return undefined;
  const isSeconds = /^\d{1,11}(?:\.\d{1,9})?$/.test(text);
  const isDate = /^\d{4}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:\d\d))?$/.test(
    text,
  );
  const ms = isSeconds ? Math.ceil(Number(text) * 1000) : isDate ? parseInstant(text) : NaN;
  if (!(ms >= 0)) {
    throw wanted(`${name} as seconds, or as a date such as 2026-11-27 or 2026-11-27T12:00:00Z`);
  }
  return ms;
}

function limitOf(text: string | null): number {
  if (text === null) return Infinity;
  if (!/^[1-9]\d{0,14}$/.test(text)) throw wanted("limit as a number of records");
  return Number(text);
}

function wanted(what: string): StreamError {
  return new StreamError("invalidQuery", { wanted: what });
}
