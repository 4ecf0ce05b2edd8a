// Reads the text of a pattern, which is JSON, and keeps where each value stands, so that a mistake can be shown in its
// place. JSON.parse tells neither that nor if an object has a name twice.
import { StreamError } from "../errors.ts";
import { patternDepthMax, patternCharactersMax } from "../limits.ts";

/** A value and its place: the character where it begins, and the path to it, such as data.status[0]. */
export type PatternValue = { readonly at: number; readonly path: string } & (
  | { readonly kind: "object"; readonly members: readonly PatternMember[] }
  | { readonly kind: "array"; readonly items: readonly PatternValue[] }
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "number"; readonly number: number }
  | { readonly kind: "null" | "true" | "false" }
);

export interface PatternMember {
  readonly name: string;
  readonly value: PatternValue;
}

const blank = /[ \t\n\r]*/y;
const stringToken = /"(?:[^"\\\p{Cc}]|[\u007f-\u009f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/uy;
const numberToken = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const literalToken = /null|true|false/y;

/** Throws `invalidCondition`. */
export function readPatternText(text: string): PatternValue {
  if (text.length > patternCharactersMax) {
    throw mistake(
      { at: patternCharactersMax, path: "" },
      `more than ${patternCharactersMax} characters`,
    );
  }
  return new PatternReader(text).read();
}

/** The error of a mistake in a pattern. */
export function mistake(
  { at, path }: { at: number; path: string },
  what: string,
): StreamError<"invalidCondition"> {
  return new StreamError("invalidCondition", { at: at + 1, path, what });
}

class PatternReader {
  private readonly text: string;
  private at = 0;

  constructor(text: string) {
    this.text = text;
  }

  read(): PatternValue {
    const value = this.value("", 0);
    this.skipBlanks();
    if (this.at < this.text.length) throw this.unexpected("");
    return value;
  }

  private value(path: string, depth: number): PatternValue {
    this.skipBlanks();
    const place = { at: this.at, path };
    if (depth > patternDepthMax) throw mistake(place, `more than ${patternDepthMax} levels`);
    const first = this.text[this.at];
    if (first === "{") return this.object(path, depth);
    if (first === "[") return this.array(path, depth);
    if (first === '"') return { ...place, kind: "text", text: this.string(path) };
    const number = this.token(numberToken);
    if (number !== undefined) {
      const value = Number(number);
      if (!Number.isFinite(value)) throw mistake(place, "a number beyond those of JSON");
      return { ...place, kind: "number", number: value };
    }
    const literal = this.token(literalToken) as "null" | "true" | "false" | undefined;
    if (literal === undefined) throw this.unexpected(path);
    return { ...place, kind: literal };
  }

  private object(path: string, depth: number): PatternValue {
    const place = { at: this.at++, path };
    const members: PatternMember[] = [];
    const names = new Set<string>();
    for (this.skipBlanks(); this.text[this.at] !== "}"; this.skipBlanks()) {
      if (members.length > 0) this.expect(",", path);
      this.skipBlanks();
      const nameAt = this.at;
      const name = this.string(path);
      const below = path === "" ? name : `${path}.${name}`;
      if (names.has(name)) throw mistake({ at: nameAt, path: below }, "the name is there twice");
      names.add(name);
      this.skipBlanks();
      this.expect(":", below);
      members.push({ name, value: this.value(below, depth + 1) });
    }
    this.at++;
    return { ...place, kind: "object", members };
  }

  private array(path: string, depth: number): PatternValue {
    const place = { at: this.at++, path };
    const items: PatternValue[] = [];
    for (this.skipBlanks(); this.text[this.at] !== "]"; this.skipBlanks()) {
      if (items.length > 0) this.expect(",", path);
      items.push(this.value(`${path}[${items.length}]`, depth + 1));
    }
    this.at++;
    return { ...place, kind: "array", items };
  }

  private string(path: string): string {
    const { at } = this;
    const token = this.token(stringToken);
    if (token === undefined) throw this.unexpected(path);
    const text = JSON.parse(token) as string;
    if (!text.isWellFormed()) throw mistake({ at, path }, "half of a surrogate pair");
    return text;
  }

  private expect(mark: string, path: string): void {
    if (this.text[this.at] !== mark) throw this.unexpected(path);
    this.at++;
  }

  private token(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.at;
    const [token] = pattern.exec(this.text) ?? [];
    this.at += token?.length ?? 0;
    return token;
  }

  private skipBlanks(): void {
    this.token(blank);
  }

  private unexpected(path: string): StreamError {
    const found = this.text[this.at];
    const what =
      found === undefined ? "the text ends too early" : `unexpected ${JSON.stringify(found)}`;
    return mistake({ at: this.at, path }, `no JSON: ${what}`);
  }
}
