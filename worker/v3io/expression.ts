// Condition, filter and update expressions as text, parsed into what worker/items evaluates. Names of
// operators and functions are in any case, strings in quotes, a name that is also a keyword in
// backquotes. Of the functions only exists and if_not_exists are taken, which is what consumer groups
// and counters need; anything else is refused rather than guessed. Source: Iguazio data-layer reference,
// Expressions.
//
//   either  = both { "or" both }                    sum     = product { ("+" | "-") product }
//   both    = truth { "and" truth }                 product = factor { ("*" | "/" | "%") factor }
//   truth   = "not" truth | compare                 factor  = number | string | "true" | "false" | name
//   compare = sum [ ("==" | "!=" | "<" | …) sum ]           | "-" factor | "(" either ")"
//   update  = [ "set" ] name "=" either                     | "exists" "(" name ")"
//           | "remove" name | "delete" "(" name ")"         | "if_not_exists" "(" name "," either ")"
import { parseNumber } from "../items/evaluate.ts";
import type { Arithmetic, Comparison, Expression, Update } from "../items/types.ts";
import { invalid } from "./errors.ts";

interface Token {
  kind: "number" | "string" | "name" | "quoted" | "sign" | "end";
  text: string;
}

/** Bounds the work and the depth of one expression. */
const tokensMax = 1000;

/** Deeper nesting than anybody writes; the parser calls itself. */
const depthMax = 50;

const tokenPattern =
  /\s*(?:(\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)|('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")|([A-Za-z_]\w*)|`([^`]+)`|(==|!=|<=|>=|[<>=+\-*/%(),;]))/y;

const comparisons: readonly string[] = ["==", "!=", "<", "<=", ">", ">="];

/** Undefined for an empty text, which holds always. Throws InvalidArgumentException. */
export function parseCondition(text: string): Expression | undefined {
  const parser = new Parser(text);
  if (parser.takeEnd()) return undefined;
  const condition = parser.either();
  if (!parser.takeEnd()) throw invalid();
  return condition;
}

/** Throws InvalidArgumentException. */
export function parseUpdates(text: string): Update[] {
  const parser = new Parser(text);
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

  constructor(text: string) {
    this.tokens = tokensOf(text);
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
    this.takeWord("set");
    const name = this.name();
    this.expect("=");
    return { kind: "set", name, value: this.either() };
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
    const { kind, text } = this.next;
    this.at++;
    switch (kind) {
      case "number":
        return { kind: "literal", value: parseNumber(text) };
      case "string":
        return { kind: "literal", value: text };
      case "quoted":
        return { kind: "attribute", name: text };
      case "name":
        if (this.takeSign("(")) throw invalid();
        return wordOf(text);
      default:
        throw invalid();
    }
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

function tokensOf(text: string): Token[] {
  const tokens: Token[] = [];
  const end = text.trimEnd().length;
  tokenPattern.lastIndex = 0;
  while (tokenPattern.lastIndex < end) {
    const match = tokenPattern.exec(text);
    if (match === null || tokens.length === tokensMax) throw invalid();
    tokens.push(tokenOf(match));
  }
  return tokens;
}

function tokenOf([, number, string, name, quoted, sign]: RegExpExecArray): Token {
  if (number !== undefined) return { kind: "number", text: number };
  if (string !== undefined) {
    return { kind: "string", text: string.slice(1, -1).replaceAll(/\\(.)/gs, "$1") };
  }
  if (name !== undefined) return { kind: "name", text: name };
  if (quoted !== undefined) return { kind: "quoted", text: quoted };
  return { kind: "sign", text: sign ?? "" };
}

function wordOf(text: string): Expression {
  const word = text.toLowerCase();
  if (word === "true" || word === "false") return { kind: "literal", value: word === "true" };
  if (["and", "or", "not"].includes(word)) throw invalid();
  return { kind: "attribute", name: text };
}

function isWord({ kind, text }: Token, word: string): boolean {
  return kind === "name" && text.toLowerCase() === word;
}
