// What is known of a Durable Object that may never have been written to: see stream/written.ts.

export interface Writing {
  isWritten(): Promise<boolean>;
  /** To be awaited before a call that may be the first one that writes. */
  begin(): Promise<void>;
}
