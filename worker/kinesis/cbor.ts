// CBOR as Kinesis speaks it (application/x-amz-cbor-1.1; RFC 8949), and how it is written: as the
// service writes it, with maps and arrays of indefinite length, timestamps as whole milliseconds
// under tag 1, bytes as byte strings. Reading and writing are in codec/.
//
//   first byte   major type, 3 bits      additional information, 5 bits
//                0 unsigned, 1 negative   0..23 the number itself
//                2 bytes, 3 text          24, 25, 26, 27: it is in the next 1, 2, 4, 8 bytes
//                4 array, 5 map           31 of indefinite length (2 to 5), or its end (7)
//                6 tag, 7 simple, float   28..30 not well formed
import { decodeCbor } from "../codec/cborReader.ts";
import { type CborStyle, writeCbor } from "../codec/cborWriter.ts";
import { type BodyCodec, Timestamp } from "./codec.ts";

const style: CborStyle = {
  indefinite: true,
  sorted: false,
  singles: false,
  momentOf: (value) => (value instanceof Timestamp ? value.ms : undefined),
};

export const cborCodec: BodyCodec = {
  format: "cbor",
  contentType: "application/x-amz-cbor-1.1",
  decode: decodeCbor,
  encode: encodeCbor,
};

/** Throws a TypeError for what no reply holds, such as a bigint. */
export function encodeCbor(value: unknown): Uint8Array {
  return writeCbor(value, style);
}
