// The vocabulary in which a Kinesis input is described: one plain object per type, with the
// constraints that the service prints in its messages, and the TypeScript type that a value has
// once it satisfies them (`InputOf`). Operations declare theirs; the reader is validate.ts.
// Order matters: members are checked, and their errors printed, in the order they are declared.

export type Shape =
  | TextShape
  | NumberShape
  | BooleanShape
  | BlobShape
  | TimestampShape
  | ListShape
  | MapShape
  | StructureShape;

/** Lengths are UTF-16 units, as in Java. */
export interface TextShape<Value extends string = string> {
  readonly type: "String";
  readonly pattern: Pattern | undefined;
  readonly lengthMin: number | undefined;
  readonly lengthMax: number | undefined;
  /** In the order in which the service prints them. */
  readonly values: readonly Value[] | undefined;
}

export interface NumberShape {
  readonly type: "Integer" | "Long";
  readonly min: number | undefined;
  readonly max: number | undefined;
}

export interface BooleanShape {
  readonly type: "Boolean";
}

/** Bytes; base64 text in JSON. */
export interface BlobShape {
  readonly type: "Blob";
  readonly lengthMax: number;
}

/** Milliseconds since the epoch once read; JSON carries seconds, CBOR milliseconds. */
export interface TimestampShape {
  readonly type: "Timestamp";
}

export interface ListShape<Item extends Shape = Shape> {
  readonly type: "List";
  readonly item: Item;
  readonly lengthMin: number;
  readonly lengthMax: number;
}

export interface MapShape<Item extends Shape = Shape> {
  readonly type: "Map";
  readonly key: TextShape;
  readonly item: Item;
  readonly lengthMin: number;
  readonly lengthMax: number;
}

export interface StructureShape<Fields extends FieldMap = FieldMap> {
  readonly type: "Structure";
  readonly fields: Fields;
  readonly members: readonly Member[];
  /** What Java prints for one inside a list. */
  readonly printedAs: string;
}

/** `printed` is the pattern as messages show it; `regex` accepts the same texts, whole. */
export interface Pattern {
  readonly printed: string;
  readonly regex: RegExp;
  /** Matching takes more than linear time, so a text that is too long is not matched at all. */
  readonly isSlow: boolean;
}

/**
 * When a member must be there. "always"; "never"; `unless` a sibling stands in for it; "keyed":
 * unless the stream distributes its records by itself (RecordDistributionStrategy AUTO), which
 * only the action can know.
 */
export type Presence = "always" | "never" | "keyed" | { readonly unless: string };

export interface Field<Content extends Shape = Shape, When extends Presence = Presence> {
  readonly shape: Content;
  readonly presence: When;
}

/** A bare shape is a member that may be absent. */
export type FieldMap = Readonly<Record<string, Shape | Field>>;

export interface Member {
  readonly name: string;
  /** The name as messages print it: first letter in lower case. */
  readonly path: string;
  readonly shape: Shape;
  readonly presence: Presence;
}

/** The type of a value that satisfies the shape and its constraints. */
export type InputOf<Content extends Shape> =
  Content extends TextShape<infer Value>
    ? Value
    : Content extends NumberShape | TimestampShape
      ? number
      : Content extends BooleanShape
        ? boolean
        : Content extends BlobShape
          ? Uint8Array
          : Content extends ListShape<infer Item>
            ? readonly InputOf<Item>[]
            : Content extends MapShape<infer Item>
              ? ReadonlyMap<string, InputOf<Item>>
              : Content extends StructureShape<infer Fields>
                ? StructureInput<Fields>
                : never;

type StructureInput<Fields extends FieldMap> = Flat<
  { readonly [Name in RequiredName<Fields>]: FieldInput<Fields[Name]> } & {
    readonly [Name in Exclude<keyof Fields, RequiredName<Fields>>]?:
      | FieldInput<Fields[Name]>
      | undefined;
  }
>;

type RequiredName<Fields extends FieldMap> = {
  [Name in keyof Fields]: Fields[Name] extends Field<Shape, "always"> ? Name : never;
}[keyof Fields];

type FieldInput<Entry> =
  Entry extends Field<infer Content>
    ? InputOf<Content>
    : Entry extends Shape
      ? InputOf<Entry>
      : never;

type Flat<Value> = { [Name in keyof Value]: Value[Name] };

export interface TextLimits {
  readonly pattern?: Pattern;
  readonly min?: number;
  readonly max?: number;
}

export function text(limits: TextLimits = {}): TextShape {
  const { pattern, min, max } = limits;
  return { type: "String", pattern, lengthMin: min, lengthMax: max, values: undefined };
}

export function oneOf<const Value extends string>(...values: readonly Value[]): TextShape<Value> {
  return { type: "String", pattern: undefined, lengthMin: undefined, lengthMax: undefined, values };
}

export function integer(min?: number, max?: number): NumberShape {
  return { type: "Integer", min, max };
}

export function long(min?: number, max?: number): NumberShape {
  return { type: "Long", min, max };
}

export function blob(max: number): BlobShape {
  return { type: "Blob", lengthMax: max };
}

export const boolean: BooleanShape = { type: "Boolean" };

export const timestamp: TimestampShape = { type: "Timestamp" };

export function list<Item extends Shape>(item: Item, min: number, max: number): ListShape<Item> {
  return { type: "List", item, lengthMin: min, lengthMax: max };
}

export function map<Item extends Shape>(
  key: TextShape,
  item: Item,
  min: number,
  max: number,
): MapShape<Item> {
  return { type: "Map", key, item, lengthMin: min, lengthMax: max };
}

export function structure<const Fields extends FieldMap>(
  fields: Fields,
  printedAs = "",
): StructureShape<Fields> {
  const members = Object.entries(fields).map(([name, entry]): Member => {
    const { shape, presence }: Field =
      "shape" in entry ? entry : { shape: entry, presence: "never" };
    return { name, path: name.charAt(0).toLowerCase() + name.slice(1), shape, presence };
  });
  return { type: "Structure", fields, members, printedAs };
}

export function required<Content extends Shape>(shape: Content): Field<Content, "always"> {
  return { shape, presence: "always" };
}

export function requiredUnless<Content extends Shape>(
  sibling: string,
  shape: Content,
): Field<Content, { unless: string }> {
  return { shape, presence: { unless: sibling } };
}

/** For the member that a stream with USER_PARTITION_KEY needs and one with AUTO does not. */
export function requiredByKey<Content extends Shape>(shape: Content): Field<Content, "keyed"> {
  return { shape, presence: "keyed" };
}

/**
 * A pattern from the service model. `regex` is an equivalent for the patterns whose runs of `.*`
 * would otherwise backtrack for a quarter of a second on a hostile text of permitted length.
 */
export function pattern(printed: string, regex?: RegExp): Pattern {
  return { printed, regex: regex ?? new RegExp(`^(?:${printed})$`), isSlow: regex !== undefined };
}
