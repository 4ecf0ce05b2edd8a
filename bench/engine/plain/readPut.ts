// A PutRecords body in JSON by JSON.parse and the host's base64: keys and data one after the other,
// ready to be packed. It takes base64 as leniently as the host does; the engine takes none but strict.

interface Body {
  Records: { Data: string; PartitionKey: string }[];
}

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Returns the bytes written to `payload`. */
export function readPutBody(body: Uint8Array, payload: Buffer): number {
  const { Records } = JSON.parse(decoder.decode(body)) as Body;
  let at = 0;
  for (const { Data, PartitionKey } of Records) {
    at += payload.write(PartitionKey, at, "latin1");
    at += payload.write(Data, at, "base64");
  }
  return at;
}
