// What is stored as JSON, on its way into a row and out again. A document says its version; one without a
// version is of 0.1.0, which is read as version 1. What is read is checked member by member: text that is no JSON,
// a version that this code does not know, a member that is missing or of another type are `corrupt`, with the
// document's place. Members that are not known are kept.
import { StreamError, type Damage } from "../errors.ts";

/** Says what is wrong with a value that stands at a place of its document; undefined where it is sound. */
type Check = (value: unknown, at: string) => string | undefined;

export interface Shape<T> extends Check {
  /** Ties the shape to the type; there is no such member. */
  readonly holds?: (value: T) => T;
}

type Members<T> = {
  readonly [Name in keyof T]-?: object extends Pick<T, Name>
    ? OptionalShape<Exclude<T[Name], undefined>>
    : Shape<T[Name]>;
};

interface OptionalShape<T> {
  readonly ifThere: Shape<T>;
}

type Place = Omit<Damage, "what">;

export interface Codec<T> {
  encode(document: T): string;
  /** Throws `corrupt`. */
  decode(stored: string, place: Place): T;
}

const VERSION = 1;

/** A document that is an object. Its own members cannot be called `version`. */
export function objectCodec<T extends object>(name: string, shape: Shape<T>): Codec<T> {
  return {
    encode: (document) => JSON.stringify({ version: VERSION, ...document }),
    decode(stored, place) {
      const parsed = parse(name, stored, place);
      if (!isPlainObject(parsed)) throw damaged(`${name} is no object`, place);
      const { version = VERSION, ...document } = parsed;
      if (version !== VERSION) throw unknownVersion(name, version, place);
      return checked(name, shape, document, place);
    },
  };
}

/** A document that is a list is of version 1: an object with a version takes its place when there is another. */
export function listCodec<T>(name: string, shape: Shape<T>): Codec<readonly T[]> {
  const list = listOf(shape);
  return {
    encode: (document) => JSON.stringify(document),
    decode(stored, place) {
      const parsed = parse(name, stored, place);
      if (isPlainObject(parsed)) throw unknownVersion(name, parsed["version"], place);
      return checked(name, list, parsed, place);
    },
  };
}

export const text: Shape<string> = (value, at) =>
  typeof value === "string" ? undefined : `${at} is no text`;

export const number: Shape<number> = (value, at) =>
  Number.isFinite(value) ? undefined : `${at} is no number`;

/** A safe integer that is not negative: an index, a count, a size. */
export const whole: Shape<number> = (value, at) =>
  Number.isSafeInteger(value) && Number(value) >= 0 ? undefined : `${at} is no whole number`;

export const flag: Shape<boolean> = (value, at) =>
  typeof value === "boolean" ? undefined : `${at} is no boolean`;

export function oneOf<T extends string>(...values: readonly T[]): Shape<T> {
  return (value, at) =>
    values.some((each) => each === value) ? undefined : `${at} is none of ${values.join(", ")}`;
}

export function listOf<T>(shape: Shape<T>): Shape<T[]> {
  return (value, at) => {
    if (!Array.isArray(value)) return `${at} is no list`;
    for (const [i, each] of value.entries()) {
      const wrong = shape(each, `${at}[${i}]`);
      if (wrong !== undefined) return wrong;
    }
    return undefined;
  };
}

/** A list of exactly these. */
export function tupleOf<A, B>(first: Shape<A>, second: Shape<B>): Shape<[A, B]> {
  return (value, at) => {
    if (!Array.isArray(value) || value.length !== 2) return `${at} is no pair`;
    return first(value[0], `${at}[0]`) ?? second(value[1], `${at}[1]`);
  };
}

/** Every member of the type, each with its shape. */
export function object<T extends object>(members: Members<T>): Shape<T> {
  const shapes = Object.entries<Check | { readonly ifThere: Check }>(members);
  return (value, at) => {
    if (!isPlainObject(value)) return `${at} is no object`;
    for (const [name, shape] of shapes) {
      const member = value[name];
      const isOptional = "ifThere" in shape;
      if (isOptional && member === undefined) continue;
      const wrong = (isOptional ? shape.ifThere : shape)(member, `${at}.${name}`);
      if (wrong !== undefined) return wrong;
    }
    return undefined;
  };
}

export function optional<T>(shape: Shape<T>): OptionalShape<T> {
  return { ifThere: shape };
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function parse(name: string, stored: string, place: Place): unknown {
  try {
    return JSON.parse(stored);
  } catch {
    throw damaged(`${name} is no JSON`, place);
  }
}

function checked<T>(name: string, shape: Shape<T>, value: unknown, place: Place): T {
  const wrong = shape(value, name);
  if (wrong !== undefined) throw damaged(wrong, place);
  return value as T;
}

function unknownVersion(name: string, version: unknown, place: Place): StreamError {
  return damaged(`${name} is of the unknown version ${JSON.stringify(version)}`, place);
}

function damaged(what: string, place: Place): StreamError {
  return new StreamError("corrupt", { ...place, what });
}
