// The second step from a decoded body to an input: the constraints of the shape, up to ten broken
// ones in one ValidationException, worded as kinesalite validations/index.js words them. A valid
// input costs comparisons only; paths and messages are built only for errors.
import { isPlainObject } from "../codec/plainObject.ts";
import { echo, echoLengthMax, KinesisError } from "./errors.ts";
import type {
  BlobShape,
  InputOf,
  ListShape,
  MapShape,
  Member,
  NumberShape,
  Shape,
  StructureShape,
  TextShape,
} from "./shapeTypes.ts";

/** The service reports no more than this many at once. */
const violationCountMax = 10;

/** `keyed` says whether records need a partition key. */
export function satisfies<Content extends StructureShape>(
  shape: Content,
  input: Partial<InputOf<Content>>,
  keyed = true,
): input is InputOf<Content> {
  return findViolations(shape, input, keyed).length === 0;
}

/** One message per broken constraint. */
export function findViolations<Content extends StructureShape>(
  shape: Content,
  input: Partial<InputOf<Content>>,
  keyed = true,
): readonly string[] {
  return checker.check(shape, input, keyed);
}

export function violationError(violations: readonly string[]): KinesisError {
  const count =
    violations.length === 1 ? "1 validation error" : `${violations.length} validation errors`;
  return new KinesisError("ValidationException", `${count} detected: ${violations.join("; ")}`);
}

class ConstraintChecker {
  #violations: string[] = [];
  #keyed = true;
  /** The structures around the member at hand: their paths and, in lists, ordinals from 1. */
  readonly #trail: (string | number)[] = [];

  check(shape: StructureShape, input: Record<string, unknown>, keyed: boolean): readonly string[] {
    this.#keyed = keyed;
    this.#trail.length = 0;
    this.#violations.length = 0;
    this.#checkStructure(shape, input);
    const violations = this.#violations;
    if (violations.length === 0) return none;
    this.#violations = [];
    return violations;
  }

  #checkStructure({ members }: StructureShape, input: Record<string, unknown>): void {
    for (const member of members) {
      if (this.#isFull()) return;
      const value = input[member.name];
      if (value !== undefined) this.#checkValue(member.path, member.shape, value);
      else if (this.#isMissing(member, input)) this.#report(member.path, "Member must not be null");
    }
  }

  #isMissing({ presence }: Member, siblings: Record<string, unknown>): boolean {
    if (typeof presence === "object") return siblings[presence.unless] === undefined;
    return presence === "always" || (presence === "keyed" && this.#keyed);
  }

  #checkValue(path: string, shape: Shape, value: unknown): void {
    switch (shape.type) {
      case "String":
        if (typeof value === "string") this.#checkText(path, shape, value);
        break;
      case "Integer":
      case "Long":
        if (typeof value === "number") this.#checkNumber(path, shape, value);
        break;
      case "Blob":
        if (value instanceof Uint8Array) this.#checkBlob(path, shape, value);
        break;
      case "List":
        if (Array.isArray(value)) this.#checkList(path, shape, value);
        break;
      case "Map":
        if (value instanceof Map) this.#checkMap(path, shape, value);
        break;
      case "Structure":
        if (!isPlainObject(value)) break;
        this.#trail.push(path);
        this.#checkStructure(shape, value);
        this.#trail.pop();
        break;
      case "Boolean":
      case "Timestamp":
    }
  }

  #checkText(path: string, shape: TextShape, value: string): void {
    for (const fault of textFaults(shape, value)) this.#report(path, fault, `'${echo(value)}'`);
  }

  #checkNumber(path: string, { min, max }: NumberShape, value: number): void {
    if (min !== undefined && value < min) {
      this.#report(path, `Member must have value greater than or equal to ${min}`, `'${value}'`);
    }
    if (max !== undefined && value > max) {
      this.#report(path, `Member must have value less than or equal to ${max}`, `'${value}'`);
    }
  }

  /** The content of a record is never printed. */
  #checkBlob(path: string, { lengthMax }: BlobShape, { length }: Uint8Array): void {
    if (length > lengthMax) this.#report(path, lengthAtMost(lengthMax), "");
  }

  #checkList(path: string, shape: ListShape, items: readonly unknown[]): void {
    const { item, lengthMin, lengthMax } = shape;
    const report = (words: string): void => this.#report(path, words, printList(shape, items));
    if (items.length < lengthMin) report(lengthAtLeast(lengthMin));
    if (items.length > lengthMax) report(lengthAtMost(lengthMax));
    if (item.type === "Structure") this.#checkItems(path, item, items);
    if (item.type === "String" && !items.every((value) => isGoodText(item, value))) {
      report(`Member must satisfy constraint: ${printConstraints(item)}`);
    }
  }

  #checkItems(path: string, item: StructureShape, items: readonly unknown[]): void {
    const ordinalAt = this.#trail.push(path, 0, "member") - 2;
    for (let i = 0; i < items.length && !this.#isFull(); i++) {
      const value = items[i];
      this.#trail[ordinalAt] = i + 1;
      if (isPlainObject(value)) this.#checkStructure(item, value);
      else this.#report("", "Member must not be null");
    }
    this.#trail.length = ordinalAt - 1;
  }

  #checkMap(path: string, shape: MapShape, entries: ReadonlyMap<string, unknown>): void {
    const { key, item, lengthMin, lengthMax } = shape;
    const report = (words: string): void => this.#report(path, words, printMap(entries));
    if (entries.size < lengthMin) report(lengthAtLeast(lengthMin));
    if (entries.size > lengthMax) report(lengthAtMost(lengthMax));
    if (!Array.from(entries.keys()).every((value) => isGoodText(key, value))) {
      report(`Map keys must satisfy constraint: ${printConstraints(key)}`);
    }
    if (item.type !== "String") return;
    if (!Array.from(entries.values()).every((value) => isGoodText(item, value))) {
      report(`Map value must satisfy constraint: ${printConstraints(item)}`);
    }
  }

  #isFull(): boolean {
    return this.#violations.length >= violationCountMax;
  }

  /** `name` is empty for a list item itself; `value` for what is not printed. */
  #report(name: string, constraint: string, value = "null"): void {
    if (this.#isFull()) return;
    const path = [...this.#trail, ...(name ? [name] : [])].join(".");
    const shown = value && `${value} `;
    this.#violations.push(`Value ${shown}at '${path}' failed to satisfy constraint: ${constraint}`);
  }
}

const none: readonly string[] = [];

/** One for all: V8 forgets the code that works with objects of a class when it finds none of them. */
const checker = new ConstraintChecker();

function textFaults(shape: TextShape, value: string): readonly string[] {
  const { pattern, lengthMin, lengthMax, values } = shape;
  const isTooLong = lengthMax !== undefined && value.length > lengthMax;
  let faults: string[] | undefined;
  if (pattern && !(isTooLong && pattern.isSlow) && !pattern.regex.test(value)) {
    (faults ??= []).push(`Member must satisfy regular expression pattern: ${pattern.printed}`);
  }
  if (lengthMin !== undefined && value.length < lengthMin) {
    (faults ??= []).push(lengthAtLeast(lengthMin));
  }
  if (isTooLong) (faults ??= []).push(lengthAtMost(lengthMax));
  if (values && !values.includes(value)) (faults ??= []).push(enumWords(values));
  return faults ?? none;
}

function isGoodText(shape: TextShape, value: unknown): boolean {
  return typeof value === "string" && textFaults(shape, value).length === 0;
}

/** All constraints of an item, broken or not, as messages about its collection list them. */
function printConstraints({ lengthMin, lengthMax, values }: TextShape): string {
  const constraints: string[] = [];
  if (lengthMax !== undefined) constraints.push(lengthAtMost(lengthMax));
  if (lengthMin !== undefined) constraints.push(lengthAtLeast(lengthMin));
  if (values) constraints.push(enumWords(values));
  return `[${constraints.join(", ")}]`;
}

/** As Java prints a list; structures by their class. No more items than could be echoed. */
function printList({ item }: ListShape, items: readonly unknown[]): string {
  const printed = items
    .slice(0, echoLengthMax)
    .map((value) => (item.type === "Structure" ? item.printedAs : String(value)));
  return `'${echo(`[${printed.join(", ")}]`)}'`;
}

function printMap(entries: ReadonlyMap<string, unknown>): string {
  const printed = Array.from(entries, ([key, value]) => `${key}=${String(value)}`);
  return `'${echo(`{${printed.join(", ")}}`)}'`;
}

function lengthAtLeast(length: number): string {
  return `Member must have length greater than or equal to ${length}`;
}

function lengthAtMost(length: number): string {
  return `Member must have length less than or equal to ${length}`;
}

function enumWords(values: readonly string[]): string {
  return `Member must satisfy enum value set: [${values.join(", ")}]`;
}
