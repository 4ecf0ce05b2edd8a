// Compiles a condition to the program that the engine runs over records: see assembly/scan/program.ts for its layout,
// which both files must agree on.
import { utf8 } from "../codec/bytes.ts";
import { Assembler } from "./assembler.ts";
import type {
  Clauses,
  Matcher,
  NumberBound,
  RecordCondition,
  Relation,
  Spellings,
} from "./condition.ts";
import { type Decimal, roundingBounds } from "./decimals.ts";
import { bitsOfAll, type Expression, stepsOf } from "./expression.ts";
import { addClauses, Bits, bitsIfMissing, type Field, type Fields, type Leaf } from "./fields.ts";
import { failureTable, needleOf, rarestPlaces } from "./needle.ts";

const codes = {
  equals: 1,
  oneOf: 2,
  prefix: 3,
  suffix: 4,
  equalsFolded: 5,
  prefixFolded: 6,
  suffixFolded: 7,
  wildcard: 8,
  cidr: 9,
  number: 10,
  null: 11,
  true: 12,
  false: 13,
  exists: 14,
  noneOf: 15,
};

const relationMasks: Record<Relation, number> = { "<": 1, "=": 2, ">": 4, "<=": 3, ">=": 6 };

const headBytes = 40;
const entryBytes = 40;
const nodeHeadBytes = 24;

/** Throws `invalidCondition` if it asks for more than its bounds allow. */
export function compileProgram(condition: RecordCondition): Uint8Array {
  const fields: Fields = new Map();
  const expression = addClauses(fields, condition, new Bits());
  return new Compiler().compile(condition, fields, expression);
}

class Compiler {
  private readonly to = new Assembler();

  compile(condition: RecordCondition, fields: Fields, expression: Expression): Uint8Array {
    const { to } = this;
    const head = to.place(headBytes);
    const leavesOf = (name: string): number => this.leaves(fields.get(name)?.leaves ?? []);
    const data = fields.get("data");
    const hasJson = data?.fields !== undefined;
    const jsonBits = maskOf(data?.objects.map(({ bit }) => bit) ?? []);
    const needle = hasJson ? needleOf(jsonClauses(condition)) : undefined;
    const words = [
      this.expression(expression),
      leavesOf("partitionKey"),
      leavesOf("approximateArrivalTimestamp"),
      leavesOf("data"),
      data !== undefined && hasJson
        ? this.entry(to.place(entryBytes), "", { ...data, leaves: [] })
        : 0,
      needle === undefined ? 0 : this.needle(needle),
    ];
    for (const [i, word] of words.entries()) to.word(head + i * 4, word);
    to.bits(head + 24, jsonBits | maskOf(data?.leaves.map(({ bit }) => bit) ?? []));
    to.bits(head + 32, jsonBits);
    return to.finish();
  }

  private node(fields: Fields): number {
    const { to } = this;
    const at = to.place(nodeHeadBytes + fields.size * entryBytes);
    const all = [...fields.values()].map(bitsOfField);
    to.bits(
      at,
      all.reduce((bits, each) => bits | each, 0n),
    );
    to.bits(at + 8, maskOf(bitsIfMissing(fields)));
    to.word(at + 16, fields.size);
    let lengths = 0;
    for (const [i, [name, field]] of [...fields].entries()) {
      this.entry(at + nodeHeadBytes + i * entryBytes, name, field);
      lengths |= 1 << (utf8(name).length & 31);
    }
    to.word(at + 20, lengths >>> 0);
    return at;
  }

  private entry(at: number, name: string, field: Field): number {
    const { to } = this;
    const missing = field.objects.filter(({ holdsIfMissing }) => holdsIfMissing);
    to.bits(at, bitsOfField(field));
    to.bits(at + 8, maskOf(missing.map(({ bit }) => bit)));
    to.word(at + 16, to.placeBytes(utf8(name)));
    to.word(at + 20, utf8(name).length);
    to.word(at + 24, this.leaves(field.leaves));
    to.word(at + 28, field.fields === undefined ? 0 : this.node(field.fields));
    to.word(at + 32, this.objects(field));
    return at;
  }

  private objects({ objects }: Field): number {
    const { to } = this;
    const at = to.place(4 + objects.length * 12);
    to.word(at, objects.length);
    for (const [i, { bit, expression }] of objects.entries()) {
      to.bits(at + 4 + i * 12, maskOf([bit]));
      to.word(at + 12 + i * 12, this.expression(expression));
    }
    return at;
  }

  private expression(expression: Expression): number {
    const { to } = this;
    const all = bitsOfAll(expression);
    if (all !== undefined) {
      const at = to.place(12);
      to.bits(at + 4, maskOf(all));
      return at;
    }
    return to.placeText(stepsOf(expression));
  }

  /** 0 if there is none. */
  private leaves(leaves: readonly Leaf[]): number {
    if (leaves.length === 0) return 0;
    const { to } = this;
    const lists = leaves.map(({ bit, matchers }) => ({ bit, matchers: this.matchers(matchers) }));
    const at = to.place(lists.reduce((bytes, list) => bytes + 12 + list.matchers.length * 8, 4));
    to.word(at, lists.length);
    let leaf = at + 4;
    for (const { bit, matchers } of lists) {
      to.bits(leaf, maskOf([bit]));
      to.word(leaf + 8, matchers.length);
      for (const [i, [code, operand]] of matchers.entries()) {
        to.word(leaf + 12 + i * 8, code);
        to.word(leaf + 16 + i * 8, operand);
      }
      leaf += 12 + matchers.length * 8;
    }
    return at;
  }

  /** Code and operand of each. */
  private matchers(matchers: readonly Matcher[]): [code: number, operand: number][] {
    const equal = matchers.filter((matcher) => matcher.kind === "equals");
    const isSet = equal.length > 3;
    const set: [number, number][] = isSet ? [[codes.oneOf, this.textSet(equal)]] : [];
    const others = matchers.filter(({ kind }) => !(isSet && kind === "equals"));
    return [...set, ...others.map((each): [number, number] => this.matcher(each))];
  }

  private matcher(matcher: Matcher): [code: number, operand: number] {
    const { to } = this;
    switch (matcher.kind) {
      case "equals":
      case "prefix":
      case "suffix":
        return [codes[matcher.kind], to.placeText(matcher.text)];
      case "equalsFolded":
      case "prefixFolded":
        return [codes[matcher.kind], this.folded(matcher.characters)];
      case "suffixFolded":
        return [codes.suffixFolded, this.folded(matcher.characters.toReversed())];
      case "wildcard":
        return [codes.wildcard, this.wildcard(matcher.parts)];
      case "cidr": {
        const { network, bits } = matcher;
        const operand = to.place(8 + network.length);
        to.word(operand, network.length);
        to.word(operand + 4, bits);
        to.copy(operand + 8, network);
        return [codes.cidr, operand];
      }
      case "number": {
        const words = matcher.bounds.flatMap((bound) => [
          relationMasks[bound.relation],
          this.literal(bound),
        ]);
        return [codes.number, to.placeWords([matcher.bounds.length, ...words])];
      }
      case "noneOf": {
        const pairs = this.matchers(matcher.matchers);
        return [codes.noneOf, to.placeWords([pairs.length, ...pairs.flat()])];
      }
      case "null":
      case "true":
      case "false":
      case "exists":
        return [codes[matcher.kind], 0];
      case "missing":
        throw new TypeError("a matcher of nothing");
    }
  }

  /** In the order of their lengths, then of their bytes. */
  private textSet(matchers: readonly Extract<Matcher, { kind: "equals" }>[]): number {
    const texts = matchers.map(({ text }) => text).sort(compareTexts);
    return this.to.placeWords([texts.length, ...texts.map((text) => this.to.placeText(text))]);
  }

  private folded(characters: readonly Spellings[]): number {
    const { to } = this;
    const bytes = characters.flatMap((spellings) => [
      spellings.length,
      ...spellings.flatMap((spelling) => [spelling.length, ...spelling]),
    ]);
    const at = to.place(4 + bytes.length);
    to.word(at, characters.length);
    to.copy(at + 4, Uint8Array.from(bytes));
    return at;
  }

  private wildcard(parts: readonly Uint8Array[]): number {
    const [first, last] = [parts[0], parts.at(-1)];
    const bytes = parts.reduce((sum, part) => sum + part.length, 0);
    const needles = parts.filter((part) => part.length > 0).map((part) => this.needle(part));
    const isFirst = Number(first !== undefined && first.length > 0);
    const isLast = Number(last !== undefined && last.length > 0);
    return this.to.placeWords([needles.length, isFirst, isLast, bytes, ...needles]);
  }

  private needle(text: Uint8Array): number {
    const { to } = this;
    const at = to.place(16 + text.length);
    const failures = to.placeBytes(new Uint8Array(failureTable(text).buffer));
    for (const [i, word] of [text.length, ...rarestPlaces(text), failures - at].entries()) {
      to.word(at + i * 4, word);
    }
    to.copy(at + 16, text);
    return at;
  }

  private literal({ number }: NumberBound): number {
    const { to } = this;
    const { lower, upper, areIncluded } = roundingBounds(Math.abs(number));
    const at = to.place(24);
    to.double(at, number);
    to.word(at + 8, lower === undefined ? 0 : this.decimal(lower));
    to.word(at + 12, this.decimal(upper));
    to.word(at + 16, Number(areIncluded));
    to.word(at + 20, Number(areIncluded));
    return at;
  }

  private decimal({ exponent, digits }: Decimal): number {
    const { to } = this;
    const at = to.place(8 + digits.length);
    to.word(at, exponent >>> 0);
    to.word(at + 4, digits.length);
    to.copy(at + 8, Uint8Array.from(digits, Number));
    return at;
  }
}

/** What every record must fulfil in its JSON. */
function jsonClauses(condition: RecordCondition): Clauses {
  return condition.flatMap((clause) =>
    clause.kind === "object" && clause.field === "data" ? clause.clauses : [],
  );
}

function bitsOfField({ leaves, objects }: Field): bigint {
  return maskOf([...leaves, ...objects].map(({ bit }) => bit));
}

function maskOf(bits: Iterable<number>): bigint {
  let mask = 0n;
  for (const bit of bits) mask |= 1n << BigInt(bit);
  return mask;
}

function compareTexts(a: Uint8Array, b: Uint8Array): number {
  if (a.length !== b.length) return a.length - b.length;
  for (const [i, byte] of a.entries()) if (byte !== b[i]) return byte - (b[i] as number);
  return 0;
}
