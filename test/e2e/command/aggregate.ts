/** Aggregates as the Kinesis Producer Library writes them: an encoder of its own, for tests. */
import { createHash } from "node:crypto";

export interface Part {
  key: string;
  hashKey?: string;
  data: Uint8Array;
}

export function aggregate(parts: readonly Part[]): Buffer {
  const keys = [...new Set(parts.map(({ key }) => key))];
  const hashKeys = [...new Set(parts.flatMap(({ hashKey }) => hashKey ?? []))];
  const message = Buffer.concat([
    ...keys.map((key) => bytesField(1, Buffer.from(key))),
    ...hashKeys.map((key) => bytesField(2, Buffer.from(key))),
    ...parts.map(({ key, hashKey, data }) =>
      bytesField(
        3,
        Buffer.concat([
          numberField(1, keys.indexOf(key)),
          ...(hashKey === undefined ? [] : [numberField(2, hashKeys.indexOf(hashKey))]),
          bytesField(3, data),
        ]),
      ),
    ),
  ]);
  const digest = createHash("md5").update(message).digest();
  return Buffer.concat([Buffer.from("f3899ac2", "hex"), message, digest]);
}

function numberField(field: number, value: number): Buffer {
  return Buffer.concat([varint(field << 3), varint(value)]);
}

function bytesField(field: number, value: Uint8Array): Buffer {
  return Buffer.concat([varint((field << 3) | 2), varint(value.length), value]);
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  for (; value > 127; value >>>= 7) bytes.push((value & 127) | 128);
  return Buffer.from([...bytes, value]);
}
