// The model's idea of a chunk: a first index and an array of plain records. Everything the
// format derives (an index, an arrival ordinal) is computed here by counting, so that the
// other files of the reference can speak of records and never of bytes.

export interface ModelRecord {
  timeMs: number;
  key: Uint8Array;
  info: Uint8Array;
  data: Uint8Array;
}

export interface ModelChunk {
  firstIndex: number;
  /** How many earlier records of the shard arrived in the millisecond of the first record. */
  timeOrdinal: number;
  records: readonly ModelRecord[];
}

export function payloadBytes(record: ModelRecord): number {
  return record.key.length + record.info.length + record.data.length;
}

/** The first of the records that `test` accepts, or their count. */
export function firstRecord(
  chunk: ModelChunk,
  test: (record: ModelRecord, i: number) => boolean,
): number {
  const i = chunk.records.findIndex(test);
  return i < 0 ? chunk.records.length : i;
}

/** Of each record, its position among the records of the shard that arrived with it. */
export function arrivalOrdinals(chunk: ModelChunk): number[] {
  const ordinals: number[] = [];
  let previousMs: number | undefined;
  let ordinal = 0;
  for (const record of chunk.records) {
    if (previousMs === undefined) ordinal = chunk.timeOrdinal;
    else if (record.timeMs === previousMs) ordinal += 1;
    else ordinal = 0;
    ordinals.push(ordinal);
    previousMs = record.timeMs;
  }
  return ordinals;
}
