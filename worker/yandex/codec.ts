// Bodies of the Yandex face: JSON and CBOR of the same shape. JSON carries bytes in base64 and CBOR as
// they are; times are seconds with a fraction in both. CBOR is written as nlohmann::json writes it:
// lengths definite, members sorted, numbers as short as they go without loss. Sources: YDB
// serialization.cpp; RFC 8949.
import { Buffer } from "node:buffer";
import { concatBytes, utf8 } from "../bytes.ts";
import { decodeCbor } from "../codec/cborReader.ts";
import { parseJson } from "../codec/json.ts";

export type WireFormat = "json" | "cbor";

export interface BodyCodec {
  readonly format: WireFormat;
  readonly contentType: string;
  /** Throws when the body is not well formed. */
  decode(body: Uint8Array): unknown;
  encode(value: object): Uint8Array;
}

const UNSIGNED = 0;
const NEGATIVE = 1;
const BYTES = 2;
const TEXT = 3;
const ARRAY = 4;
const MAP = 5;

const FALSE = 0xf4;
const TRUE = 0xf5;
const NULL = 0xf6;
const FLOAT32 = 0xfa;
const FLOAT64 = 0xfb;

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
  encode: (value) => concatBytes([...itemParts(value)]),
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

/** What stands before so many items, in CBOR. */
export function encodeArrayHead(count: number): Uint8Array {
  return head(ARRAY, count);
}

/** Bytes in base64. Replies hold no Buffer, which JSON would take apart first. */
function writeBytes(_key: string, value: unknown): unknown {
  return value instanceof Uint8Array ? Buffer.from(value).toString("base64") : value;
}

function* itemParts(value: unknown): Generator<Uint8Array> {
  switch (typeof value) {
    case "string": {
      const text = utf8(value);
      yield head(TEXT, text.length);
      yield text;
      return;
    }
    case "number":
      yield number(value);
      return;
    case "boolean":
      yield new Uint8Array([value ? TRUE : FALSE]);
      return;
    case "object":
      yield* value === null ? [new Uint8Array([NULL])] : objectParts(value);
      return;
    default:
      throw new TypeError(`no CBOR for a ${typeof value}`);
  }
}

function* objectParts(value: object): Generator<Uint8Array> {
  if (value instanceof Uint8Array) {
    yield head(BYTES, value.length);
    yield value;
  } else if (Array.isArray(value)) {
    yield head(ARRAY, value.length);
    for (const item of value) yield* itemParts(item);
  } else {
    const members = Object.entries(value)
      .filter(([, member]) => member !== undefined)
      .sort(([a], [b]) => (a < b ? -1 : 1));
    yield head(MAP, members.length);
    for (const [name, member] of members) {
      yield* itemParts(name);
      yield* itemParts(member);
    }
  }
}

function number(value: number): Uint8Array {
  if (Number.isSafeInteger(value)) {
    return value < 0 ? head(NEGATIVE, -1 - value) : head(UNSIGNED, value);
  }
  const isShort = Math.fround(value) === value;
  const bytes = Buffer.alloc(isShort ? 5 : 9);
  bytes[0] = isShort ? FLOAT32 : FLOAT64;
  if (isShort) bytes.writeFloatBE(value, 1);
  else bytes.writeDoubleBE(value, 1);
  return bytes;
}

function head(major: number, argument: number): Uint8Array {
  const first = major << 5;
  if (argument < 24) return new Uint8Array([first + argument]);
  const size = argument < 2 ** 8 ? 1 : argument < 2 ** 16 ? 2 : argument < 2 ** 32 ? 4 : 8;
  const bytes = Buffer.alloc(1 + size);
  bytes[0] = first + 24 + Math.log2(size);
  if (size < 8) bytes.writeUIntBE(argument, 1, size);
  else bytes.writeBigUInt64BE(BigInt(argument), 1);
  return bytes;
}
