// From a decoded body to a typed input. Inputs are protobuf messages underneath: a member may be
// written StreamName, streamName or stream_name, one that the message does not have is refused,
// every value must be of its type, and a missing member has the zero value of its type. Source: YDB
// json_proto_conversion.cpp, whose texts these are.
import { isPlainObject } from "../codec/plainObject.ts";
import { decodeBase64 } from "../codec/base64.ts";
import { YandexError } from "./errors.ts";

interface TextField {
  readonly type: "text";
}
interface IntegerField {
  readonly type: "integer";
}
interface BooleanField {
  readonly type: "boolean";
}
interface BytesField {
  readonly type: "bytes";
}
/** Seconds on the wire, whole milliseconds here. */
interface TimeField {
  readonly type: "time";
}
/** An unknown name counts as missing, and so does a number in a text. */
interface NameField<Name extends string = string> {
  readonly type: "name";
  readonly names: readonly Name[];
}
interface ListField {
  readonly type: "list";
  readonly of: Fields;
}
interface MessageField {
  readonly type: "message";
  readonly fields: Fields;
}

export type Field =
  | TextField
  | IntegerField
  | BooleanField
  | BytesField
  | TimeField
  | NameField
  | ListField
  | MessageField;

export type Fields = Readonly<Record<string, Field>>;

type ValueOf<F extends Field> = F extends TextField
  ? string
  : F extends IntegerField | TimeField
    ? number
    : F extends BooleanField
      ? boolean
      : F extends BytesField
        ? Uint8Array
        : F extends NameField<infer Name>
          ? Name
          : F extends ListField
            ? MessageOf<F["of"]>[]
            : F extends MessageField
              ? MessageOf<F["fields"]>
              : never;

/** Members that were not sent are undefined. */
export type MessageOf<F extends Fields> = { [Key in keyof F]?: ValueOf<F[Key]> };

export const text: TextField = { type: "text" };
export const integer: IntegerField = { type: "integer" };
export const boolean: BooleanField = { type: "boolean" };
export const bytes: BytesField = { type: "bytes" };
export const time: TimeField = { type: "time" };

export function nameOf<const Name extends string>(...names: Name[]): NameField<Name> {
  return { type: "name", names };
}

export function listOf<const F extends Fields>(of: F): { type: "list"; of: F } {
  return { type: "list", of };
}

export function messageOf<const F extends Fields>(fields: F): { type: "message"; fields: F } {
  return { type: "message", fields };
}

/** Integers are int32 underneath. */
const integerMin = -(2 ** 31);
const integerMax = 2 ** 31 - 1;

/** Longer than any name of a field, however it is written. */
const keyLengthMax = 64;

/** Characters of a refused text that its error repeats. */
const shownLength = 64;

type Raw = Record<string, unknown>;

/**
 * Throws MissingParameter if there is no body, InvalidArgumentException if it does not fit the
 * shape.
 */
export function readMessage<const F extends Fields>(fields: F, value: unknown): MessageOf<F> {
  if (value === null || value === undefined) {
    throw new YandexError("MissingParameter", "Top level of json value is not a map");
  }
  return readFields(fields, value) as MessageOf<F>;
}

function readFields(fields: Fields, value: unknown): Raw {
  if (!isPlainObject(value)) throw mismatch("object", value);
  const message: Raw = {};
  for (const [key, member] of Object.entries(value)) {
    const name = key.length <= keyLengthMax ? fieldNameOf(key) : key;
    const field = Object.hasOwn(fields, name) ? fields[name] : undefined;
    if (field === undefined) throw invalid(`Unexpected json key: ${key}`);
    message[name] = readValue(field, member);
  }
  return message;
}

function readValue(field: Field, value: unknown): unknown {
  switch (field.type) {
    case "text":
      return readText(value);
    case "integer":
      return within(whole(readNumber(value)), integerMin, integerMax);
    case "time": {
      const ms = Math.trunc(readNumber(value) * 1000);
      return within(ms, Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER);
    }
    case "boolean":
      if (typeof value !== "boolean") throw mismatch("boolean", value);
      return value;
    case "bytes":
      return value instanceof Uint8Array ? value : readBase64(readText(value));
    case "name": {
      const name = readText(value);
      const byNumber = /^\d{1,3}$/.test(name) ? field.names[Number(name) - 1] : undefined;
      return field.names.find((each) => each === name) ?? byNumber;
    }
    case "list":
      if (!Array.isArray(value)) throw mismatch("array", value);
      return value.map((item: unknown) => readFields(field.of, item));
    case "message":
      return readFields(field.fields, value);
  }
}

function readText(value: unknown): string {
  if (typeof value !== "string") throw mismatch("string", value);
  if (!value.isWellFormed()) throw invalid("[json.exception.type_error.316] invalid UTF-8 text");
  return value;
}

function readNumber(value: unknown): number {
  const number = typeof value === "bigint" ? Number(value) : value;
  if (typeof number !== "number") throw mismatch("number", value);
  return within(number, -Number.MAX_VALUE, Number.MAX_VALUE);
}

/** The service would drop the fraction: half a shard then counts as none said, which is one. */
function whole(number: number): number {
  if (Number.isInteger(number)) return number;
  throw invalid(`number ${number} is not a whole number`);
}

/** The wordings are our own: the service takes what is left of a number that its field cannot hold. */
function within(number: number, min: number, max: number): number {
  if (number >= min && number <= max) return number;
  throw invalid(`number ${number} is out of range`);
}

/** The service says that it cannot decode such a text; how it words that is not known. */
function readBase64(text: string): Uint8Array {
  const decoded = decodeBase64(text);
  if (decoded !== undefined) return decoded;
  throw invalid(`'${text.slice(0, shownLength)}' is not valid base64`);
}

/** StreamName of StreamName, streamName and stream_name. */
function fieldNameOf(key: string): string {
  const camel = key.replaceAll(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
  return camel.charAt(0).toUpperCase() + camel.slice(1);
}

function invalid(message: string): YandexError {
  return new YandexError("InvalidArgumentException", message);
}

function mismatch(wanted: string, value: unknown): YandexError {
  const message = `[json.exception.type_error.302] type must be ${wanted}, but is ${kindOf(value)}`;
  return invalid(message);
}

function kindOf(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "array";
  if (value instanceof Uint8Array) return "binary";
  return typeof value === "bigint" ? "number" : typeof value;
}
