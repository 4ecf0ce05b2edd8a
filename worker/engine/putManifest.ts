// What the front of the local server tells the Worker about a PutRecords request whose body it keeps. The
// front reads the body with the engine and packs its records into a chunk. The Worker decides from the manifest
// who may put what and where, and the shard stores the stamped header. The bytes behind the header go from the
// front to the disk, and never through the Worker (docs/decisions/0025).

/** A request with this header has a manifest as its body. The value is a secret that only the front knows. */
export const manifestHeader = "x-millrace-manifest";

export interface PutManifest {
  /** By which the front finds what it keeps: a random text that is used once. */
  id: string;
  /** Of the request's body. */
  bodyBytes: number;
  /** SHA-256 of the body in hex, on a server that checks signatures. */
  bodyHash?: string | undefined;
  streamName?: string | undefined;
  streamArn?: string | undefined;
  /** Key and data of the largest record. */
  largestBytes: number;
  /** The header of the chunk of all records, not stamped, in base64. */
  head: string;
  /** The filter of the records' keys (core/keyFilter.ts), in base64; none if they are too many. */
  keys?: string | undefined;
}

/** A body to be written to a file, with room for its header before it, so that it survives a loss of power. */
export interface StagedBody {
  /** As the manifest has it. */
  id: string;
  /** Path in the bucket's folder. */
  key: string;
}

/** A staged file that becomes the object of its segment: it gets its header, and that name. */
export interface Adoption {
  from: string;
  to: string;
  /** The stamped header of the chunk, in base64. */
  head: string;
}
