// Bodies of the Yandex face: JSON and CBOR of the same shape. JSON carries bytes in base64 and CBOR as
// they are; times are seconds with a fraction in both. CBOR is written as nlohmann::json writes it:
// lengths definite, members sorted, numbers as short as they go without loss. Sources: YDB
// serialization.cpp; RFC 8949.
import { Buffer } from "node:buffer";
import { utf8 } from "../codec/bytes.ts";
import { decodeCbor } from "../codec/cborReader.ts";
import { type CborStyle, writeCbor } from "../codec/cborWriter.ts";
import { parseJson } from "../codec/json.ts";

export type WireFormat = "json" | "cbor";

export interface BodyCodec {
  readonly format: WireFormat;
  readonly contentType: string;
  /** Throws when the body is not well formed. */
  decode(body: Uint8Array): unknown;
  encode(value: object): Uint8Array;
}

/** As nlohmann::json does. */
const style: CborStyle = { indefinite: false, sorted: true, singles: true };

const json: BodyCodec = {
  format: "json",
  contentType: "application/x-amz-json-1.1",
  decode: (body) => parseJson(body),
  encode: (value) => utf8(JSON.stringify(value, writeBytes)),
};

const cbor: BodyCodec = {
  format: "cbor",
  contentType: "application/x-amz-cbor-1.1",
  decode: (body) => decodeCbor(body),
  encode: (value) => writeCbor(value, style),
};

const codecs = new Map<string, BodyCodec>([
  ["application/json", json],
  ["application/x-amz-json-1.0", json],
  ["application/x-amz-json-1.1", json],
  ["application/cbor", cbor],
  ["application/x-amz-cbor-1.1", cbor],
]);

/** For replies to requests whose own format is not known. */
export const defaultCodec = json;

export function codecOf(contentType: string | null): BodyCodec | undefined {
  return codecs.get((contentType ?? "").split(";", 1)[0]?.trim().toLowerCase() ?? "");
}

/** Bytes in base64. Replies hold no Buffer, which JSON would take apart first. */
function writeBytes(_key: string, value: unknown): unknown {
  return value instanceof Uint8Array ? Buffer.from(value).toString("base64") : value;
}
