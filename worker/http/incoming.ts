// What the faces need of a request: one of the platform, or one that came by the front's WebSocket (gathered.ts).
import type { HeaderReader } from "../auth/credentials.ts";

export interface HeaderSet extends HeaderReader {
  has(name: string): boolean;
}

export interface Incoming {
  readonly method: string;
  readonly url: string;
  readonly headers: HeaderSet;
  /** The body, if it has come already; then nothing else is asked for it. */
  readonly whole?: Uint8Array;
  readonly body: ReadableStream<Uint8Array> | null;
  arrayBuffer(): Promise<ArrayBuffer>;
  /** To be called when it is answered: what is left of the body is not asked for any more. */
  release?(): void;
}
