// Condition, filter and update expressions as text, parsed into what worker/items evaluates. Names
// of operators and functions are in any case, strings in quotes, a name that is also a keyword in
// backquotes. The functions are those of the reference, and those that storey sends; any other is
// refused. Sources: Iguazio data-layer reference, Expressions; storey drivers.py.
//
//   either  = both { "or" both }                    sum     = product { ("+" | "-") product }
//   both    = truth { "and" truth }                 product = factor { ("*" | "/" | "%") factor }
//   truth   = "not" truth | compare                 factor  = number [ ":" number ] | string | "true" | "false"
//   compare = sum [ ("==" | "!=" | "<" | …) sum             | "inf" | "nan" | name [ place ] | "-" factor
//           | "in" "(" list ")" ]                           | "(" either ")" | "blob" "(" string ")"
//   place   = "[" either [ ".." either ] "]"                | function "(" list ")" | "exists" "(" name ")"
//   update  = [ "set" ] name [ place ] assign either        | "if_not_exists" "(" name "," either ")"
//           | "remove" name | "delete" "(" name ")"         | "if_else" "(" either "," either "," either ")"
//   assign  = "=" | "+=" | "-=" | "*=" | "/=" | "%="  list    = either { "," either }
import { functions, isFunctionName } from "../items/functions.ts";
import type {
  Arithmetic,
  Comparison,
  Expression,
  FunctionName,
  Update,
} from "../core/itemTypes.ts";
import { parseNumber } from "../items/values.ts";
import { invalid } from "./errors.ts";
import { isWord, type Token, tokensOf } from "./expressionTokens.ts";
import { blob } from "./fields.ts";

/** Elements of an array: one, or those from the first to the last. */
interface Place {
  first: Expression;
  last?: Expression;
}

/** Bounds the work and the depth of one expression. */
const tokensMax = 1000;

/** The same for all expressions of an update: storey sends dozens for an item with a few features. */
const updateTokensMax = 10_000;

/** Bounds the nesting, because the parser is recursive. */
const depthMax = 50;

const assignments: readonly string[] = ["=", "+=", "-=", "*=", "/=", "%="];

const comparisons: readonly string[] = ["==", "!=", "<", "<=", ">", ">="];

/** Undefined for an empty text, which is always true. Throws InvalidArgumentException. */
export function parseCondition(text: string): Expression | undefined {
  const parser = new Parser(text, tokensMax);
  if (parser.takeEnd()) return undefined;
  const condition = parser.either();
  if (!parser.takeEnd()) throw invalid();
  return condition;
}

/** Throws InvalidArgumentException. */
export function parseUpdates(text: string): Update[] {
  const parser = new Parser(text, updateTokensMax);
  const updates: Update[] = [];
  while (!parser.takeEnd()) {
    if (parser.takeSign(";")) continue;
    updates.push(parser.update());
    if (!parser.takeSign(";") && !parser.takeEnd()) throw invalid();
  }
  return updates;
}

class Parser {
  private readonly tokens: Token[];
  private at = 0;
  private depth = 0;

  constructor(text: string, most: number) {
    this.tokens = tokensOf(text, most);
  }

  either(): Expression {
    if (++this.depth > depthMax) throw invalid();
    let left = this.both();
    while (this.takeWord("or")) left = { kind: "either", left, right: this.both() };
    this.depth--;
    return left;
  }

  update(): Update {
    if (this.takeWord("remove")) return { kind: "remove", name: this.name() };
    if (this.isCall("delete")) return { kind: "remove", name: this.inParentheses() };
    const start = this.at;
    this.takeWord("set");
    const name = this.name();
    const at = this.place();
    const assignment = this.takeOperator(assignments);
    if (assignment === undefined) throw invalid();
    const right = this.either();
    if (this.at - start > tokensMax) throw invalid();
    const value = assigned(assignment, name, at, right);
    return { kind: "set", name, ...(at !== undefined && { at }), value };
  }

  takeEnd(): boolean {
    return this.next.kind === "end";
  }

  takeSign(sign: string): boolean {
    return this.takeIf((token) => token.kind === "sign" && token.text === sign);
  }

  private both(): Expression {
    let left = this.truth();
    while (this.takeWord("and")) left = { kind: "both", left, right: this.truth() };
    return left;
  }

  private truth(): Expression {
    let negations = 0;
    while (this.takeWord("not")) negations++;
    let truth = this.compare();
    for (; negations > 0; negations--) truth = { kind: "not", of: truth };
    return truth;
  }

  private compare(): Expression {
    const left = this.sum();
    if (this.takeWord("in")) return { kind: "call", name: "in", operands: [left, ...this.list()] };
    const operator = this.takeOperator(comparisons);
    if (operator === undefined) return left;
    return { kind: "compare", operator: operator as Comparison, left, right: this.sum() };
  }

  private sum(): Expression {
    return this.chain(["+", "-"], () => this.product());
  }

  private product(): Expression {
    return this.chain(["*", "/", "%"], () => this.factor());
  }

  private chain(operators: readonly string[], operand: () => Expression): Expression {
    let left = operand();
    for (;;) {
      const operator = this.takeOperator(operators);
      if (operator === undefined) return left;
      left = { kind: "compute", operator: operator as Arithmetic, left, right: operand() };
    }
  }

  private factor(): Expression {
    if (this.takeSign("-")) {
      if (++this.depth > depthMax) throw invalid();
      const right = this.factor();
      this.depth--;
      return { kind: "compute", operator: "-", left: { kind: "literal", value: 0n }, right };
    }
    if (this.takeSign("(")) {
      const inner = this.either();
      this.expect(")");
      return inner;
    }
    if (this.isCall("exists")) return { kind: "exists", name: this.inParentheses() };
    if (this.isCall("if_not_exists")) return this.ifNotExists();
    if (this.isCall("if_else")) return this.ifElse();
    if (this.isCall("blob")) return this.blob();
    const { kind, text } = this.next;
    this.at++;
    switch (kind) {
      case "number":
        return this.takeSign(":") ? this.time(text) : { kind: "literal", value: parseNumber(text) };
      case "string":
        return { kind: "literal", value: text };
      case "quoted":
        return this.attribute(text);
      case "name":
        if (this.next.kind === "sign" && this.next.text === "(") return this.call(text);
        return wordOf(text) ?? this.attribute(text);
      default:
        throw invalid();
    }
  }

  private attribute(name: string): Expression {
    return attributeAt(name, this.place());
  }

  /** An index or a range of them in brackets, if there is one. */
  private place(): Place | undefined {
    if (!this.takeSign("[")) return undefined;
    const first = this.either();
    const last = this.takeSign("..") ? this.either() : undefined;
    this.expect("]");
    return { first, ...(last !== undefined && { last }) };
  }

  /** The nanoseconds of a time whose seconds have been taken. */
  private time(seconds: string): Expression {
    const { kind, text } = this.next;
    if (kind !== "number" || !/^\d{1,12}$/.test(seconds) || !/^\d{1,9}$/.test(text))
      throw invalid();
    this.at++;
    return { kind: "constant", value: { TS: `${seconds}:${text}` } };
  }

  private blob(): Expression {
    this.at++;
    this.expect("(");
    const { kind, text } = this.next;
    if (kind !== "string") throw invalid();
    this.at++;
    blob(text);
    this.expect(")");
    return { kind: "constant", value: { B: text } };
  }

  private call(text: string): Expression {
    const name = text.toLowerCase();
    if (!isCallable(name)) throw invalid();
    const operands = this.list();
    const { least, most } = functions[name];
    if (operands.length < least || operands.length > most) throw invalid();
    return { kind: "call", name, operands };
  }

  private list(): Expression[] {
    this.expect("(");
    const list = [this.either()];
    while (this.takeSign(",")) list.push(this.either());
    this.expect(")");
    return list;
  }

  private ifElse(): Expression {
    this.at++;
    const [condition, whenTrue, whenFalse, ...more] = this.list();
    if (condition === undefined || whenTrue === undefined || whenFalse === undefined)
      throw invalid();
    if (more.length > 0) throw invalid();
    return { kind: "ifElse", condition, whenTrue, whenFalse };
  }

  private ifNotExists(): Expression {
    this.at++;
    this.expect("(");
    const name = this.name();
    this.expect(",");
    const otherwise = this.either();
    this.expect(")");
    return { kind: "ifNotExists", name, otherwise };
  }

  private inParentheses(): string {
    this.at++;
    this.expect("(");
    const name = this.name();
    this.expect(")");
    return name;
  }

  private name(): string {
    const { kind, text } = this.next;
    if (kind !== "name" && kind !== "quoted") throw invalid();
    this.at++;
    return text;
  }

  private get next(): Token {
    return this.tokens[this.at] ?? { kind: "end", text: "" };
  }

  private isCall(word: string): boolean {
    const after = this.tokens[this.at + 1];
    return isWord(this.next, word) && after?.kind === "sign" && after.text === "(";
  }

  private takeWord(word: string): boolean {
    return this.takeIf((token) => isWord(token, word));
  }

  private takeOperator(operators: readonly string[]): string | undefined {
    const { text } = this.next;
    const taken = this.takeIf((token) => token.kind === "sign" && operators.includes(token.text));
    return taken ? text : undefined;
  }

  private takeIf(test: (token: Token) => boolean): boolean {
    if (!test(this.next)) return false;
    this.at++;
    return true;
  }

  private expect(sign: string): void {
    if (!this.takeSign(sign)) throw invalid();
  }
}

/** `a += 1` is `a = a + 1`. */
function assigned(
  assignment: string,
  name: string,
  at: Place | undefined,
  right: Expression,
): Expression {
  if (assignment === "=") return right;
  const operator = assignment.slice(0, -1) as Arithmetic;
  return { kind: "compute", operator, left: attributeAt(name, at), right };
}

function attributeAt(name: string, at: Place | undefined): Expression {
  if (at === undefined) return { kind: "attribute", name };
  const { first, last } = at;
  return last === undefined
    ? { kind: "element", name, first }
    : { kind: "slice", name, first, last };
}

/** `in` stands between its operands. */
function isCallable(name: string): name is FunctionName {
  return name !== "in" && isFunctionName(name);
}

/** The value of a word that is not the name of an attribute. */
function wordOf(text: string): Expression | undefined {
  const word = text.toLowerCase();
  if (["and", "or", "not"].includes(word)) throw invalid();
  if (word === "inf") return { kind: "literal", value: Infinity };
  if (word === "nan") return { kind: "literal", value: NaN };
  const isTruth = word === "true" || word === "false";
  return isTruth ? { kind: "literal", value: word === "true" } : undefined;
}
