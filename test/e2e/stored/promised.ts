// What a stored data folder must give back, written down from what was put and what the replies said,
// never from what was read. Data is a text repeated to a length, so that all of it fits a small file.

export interface PromisedRecord {
  stream: string;
  shard: number;
  sequenceNumber: string;
  key: string;
  /** Repeated to `bytes`. */
  text: string;
  bytes: number;
}

/** As v3io clients read it. */
export interface PromisedV3ioRecord {
  SequenceNumber: number;
  PartitionKey?: string;
  ClientInfo?: string;
  Data: string;
}

export interface Promised {
  /** Of the server that wrote it. */
  version: string;
  streams: {
    name: string;
    retentionHours: number;
    recordKibMax: number;
    tags: Record<string, string>;
    consumers: string[];
    /** Of each shard, in order: its parents, and whether it is open. */
    shards: { parents: number[]; isOpen: boolean }[];
  }[];
  records: PromisedRecord[];
  v3io: { path: string; records: PromisedV3ioRecord[] };
  item: { path: string; attributes: Record<string, unknown> };
  object: { path: string; text: string };
}

/** Nothing that is stored arrived before this, and nothing of it expires for a year after. */
export const arrivalMs = Date.UTC(2100, 0, 1);

export function dataOf({ text, bytes }: Pick<PromisedRecord, "text" | "bytes">): Buffer {
  return Buffer.alloc(bytes, text);
}
