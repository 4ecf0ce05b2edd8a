/// <reference lib="esnext.disposable" />

// The types of the package `millrace`. This file imports nothing, because it is published as it is.

/** How a server starts. The names are those of the flags of `millrace start`. */
export interface MillraceOptions {
  /** Port to listen on; 0, the default, takes a free one. */
  port?: number;
  /** Address to listen on; 127.0.0.1 by default. */
  host?: string;
  /** Port of workerd's own socket; a free one by default. */
  direct?: number;
  /** Folder that keeps the data. Without it nothing is kept. */
  data?: string;
  /** Keep nothing: the default without `data`. */
  memory?: boolean;
  /** Free disk space, in megabytes, below which writes are refused; 128 by default. */
  minFree?: number;
  /** The document of access keys (README, Access). Without it any credentials are accepted. */
  auth?: object;
  /** Without keys: names that are accepted as Host besides loopback names. */
  allowHost?: string[];
  /** Without keys: origins whose web pages are served. */
  allowOrigin?: string[];
  /** The v3io containers; bigdata, users and projects by default. */
  containers?: string[];
  /** "kinesis" applies the quotas of Amazon Kinesis. */
  limits?: "kinesis" | "none";
  /** How long streams and consumers stay CREATING, UPDATING or DELETING; 0 by default. */
  transitionMs?: number;
  /** How long a long poll of Durable Streams waits, in milliseconds; 20000 by default. */
  longPollMs?: number;
  /** Streams to make, with the counts of their shards. They are made again by `reset`. */
  streams?: Record<string, number>;
  /** Age at which shard iterators expire, in milliseconds; 300000 by default. */
  iteratorTtl?: number;
  /** How much of the calls of an operation fails, 0 to 1: `{ PutRecords: 0.1 }`. */
  errorRate?: Record<string, number>;
  /** How long every reply is delayed, in milliseconds. */
  latency?: number;
  /** A line for each request: all, refused ones, or failed ones. */
  log?: "off" | "error" | "warn" | "info";
  /** Make these lines JSON. */
  json?: boolean;
  /** Speak TLS too, with a certificate of the server's own: see `ca` of the server. */
  tls?: boolean;
  /** Files, in PEM, of a certificate and its key. */
  cert?: string;
  key?: string;
  /** Takes the lines of the log; they are written to stderr by default. */
  onLog?: (line: string) => void;
}

/** What every SDK takes. */
export interface MillraceCredentials {
  accessKeyId: string;
  secretAccessKey: string;
}

/** A server that runs. It does not keep the process alive, and ends with it. */
export interface MillraceServer {
  /** Where clients connect, such as "http://127.0.0.1:34567"; with TLS "https://...". */
  endpoint: string;
  /** workerd's own socket: HTTP/1.1 only, faster for large pages. */
  direct: string;
  port: number;
  /** The region in which `streams` are made. */
  region: string;
  /** Credentials that the server accepts: those of the first principal if it has keys. */
  credentials: MillraceCredentials;
  /** With `tls`: the authority to trust, as PEM, and the file that has it. */
  ca?: string;
  caFile?: string;
  /** The folder of the data; a temporary one is deleted at the end. */
  data: string;
  /** Empties the store and makes `streams` again; with an account, what that account has. */
  reset(account?: string): Promise<void>;
  /** Ends the server. Requests have two seconds to finish. */
  stop(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}
