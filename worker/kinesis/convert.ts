// The first step from a decoded body to an input: every member to its type, in the order of the
// shape, stopping at the first that cannot be converted (SerializationException). Members that the
// shape does not have are dropped and null is absence. Texts and tolerances are those of kinesalite
// validations/index.js; what only CBOR has is recognised by the format of the body.
import { isPlainObject } from "../codec/plainObject.ts";
import { BlobArena, blobBytesMax, decodeBlob } from "./blob.ts";
import type { WireFormat } from "./codec.ts";
import { echo, KinesisError } from "./errors.ts";
import type {
  InputOf,
  ListShape,
  MapShape,
  NumberShape,
  Shape,
  StructureShape,
} from "./shapeTypes.ts";

export interface InputSource {
  readonly format: WireFormat;
  /** Bounds the bytes of all blobs together. */
  readonly bodyBytes: number;
}

/** The input, in which every member has its type. Members may be missing or out of bounds. */
export function checkTypes<Content extends StructureShape>(
  shape: Content,
  decoded: unknown,
  { format, bodyBytes }: InputSource,
): Partial<InputOf<Content>> {
  const reader = { format, arena: new BlobArena(blobBytesMax(bodyBytes)) };
  return readValue(shape, decoded, reader) ?? {};
}

interface Reader {
  readonly format: WireFormat;
  readonly arena: BlobArena;
}

/** Undefined for null. */
function readValue(shape: Shape, value: unknown, reader: Reader): unknown {
  if (value === null || value === undefined) return undefined;
  switch (shape.type) {
    case "String":
      if (typeof value === "string") return value;
      throw inconvertible(value, "an String");
    case "Structure":
      return readStructure(shape, value, reader);
    case "Blob":
      if (typeof value === "string") return decodeBlob(value, reader.arena);
      if (value instanceof Uint8Array) return value;
      throw inconvertible(value, "a Blob");
    case "List":
      return readList(shape, value, reader);
    case "Integer":
    case "Long":
      return readNumber(shape, value);
    case "Boolean":
      return readBoolean(value);
    case "Timestamp":
      return readTimestamp(value, reader);
    default:
      return readMap(shape, value, reader);
  }
}

function readStructure(shape: StructureShape, value: unknown, reader: Reader): unknown {
  if (!isPlainObject(value)) throw misplaced(value, "Expected null");
  const input: Record<string, unknown> = {};
  for (const member of shape.members) {
    const content = readValue(member.shape, value[member.name], reader);
    if (content !== undefined) input[member.name] = content;
  }
  return input;
}

/** An item that is null stays so, for the constraints to refuse. */
function readList(shape: ListShape, value: unknown, reader: Reader): unknown {
  if (!Array.isArray(value)) throw misplaced(value, "Expected list or null");
  return value.map((item) => readValue(shape.item, item, reader) ?? null);
}

/** A Map rather than an object: a key may be called `__proto__`. */
function readMap(shape: MapShape, value: unknown, reader: Reader): unknown {
  if (!isPlainObject(value)) throw misplaced(value, "Expected map or null");
  const entries = new Map<string, unknown>();
  for (const key of Object.keys(value)) {
    entries.set(key, readValue(shape.item, value[key], reader) ?? null);
  }
  return entries;
}

/** Rounded down; an Integer is also clamped to 32 bits, as the service does. */
function readNumber({ type }: NumberShape, value: unknown): number {
  const number = numberOf(value);
  if (number === undefined) throw inconvertible(value, `an ${type}`);
  const whole = Math.floor(number);
  return type === "Long" ? whole : Math.min(Math.max(whole, -2_147_483_648), 2_147_483_647);
}

function readBoolean(value: unknown): boolean {
  if (typeof value === "boolean") return value;
  if (typeof value === "string") {
    throw serialization(`'${echo(value).toUpperCase()}' can not be converted to an Boolean`);
  }
  throw inconvertible(value, "an Boolean");
}

/**
 * JSON has seconds with a fraction, CBOR milliseconds, for which some clients send digits in text.
 * Infinite values stop where numbers stop being exact.
 */
function readTimestamp(value: unknown, { format }: Reader): number {
  const isText = format === "cbor" && typeof value === "string" && /^-?\d{1,15}$/.test(value);
  const number = isText ? Number(value) : numberOf(value);
  if (number === undefined) throw inconvertible(value, "milliseconds since epoch");
  const ms = Math.round(format === "json" ? number * 1000 : number);
  return Math.min(Math.max(ms, Number.MIN_SAFE_INTEGER), Number.MAX_SAFE_INTEGER);
}

/** Undefined for a value that is no number; CBOR also has bigints and NaN. */
function numberOf(value: unknown): number | undefined {
  if (typeof value === "bigint") return Number(value);
  return typeof value === "number" && !Number.isNaN(value) ? value : undefined;
}

function inconvertible(value: unknown, target: string): KinesisError {
  return misplaced(value, `class ${javaClass(value)} can not be converted to ${target}`);
}

function misplaced(value: unknown, scalarMessage: string): KinesisError {
  if (Array.isArray(value)) return serialization("Start of list found where not expected");
  return serialization(
    isPlainObject(value) ? "Start of structure or map found where not expected." : scalarMessage,
  );
}

function javaClass(value: unknown): string {
  switch (typeof value) {
    case "boolean":
      return "java.lang.Boolean";
    case "string":
      return "java.lang.String";
    case "object":
      return "java.nio.HeapByteBuffer";
    default:
      return "com.amazon.coral.value.json.numbers.TruncatingBigNumber";
  }
}

function serialization(message: string): KinesisError {
  return new KinesisError("SerializationException", message);
}
