// An expression's text as words: numbers, strings in quotes with backslashes before what would end them, names, names
// in backquotes that may be keywords, and signs.
import { invalid } from "./errors.ts";

export interface Token {
  kind: "number" | "string" | "name" | "quoted" | "sign" | "end";
  text: string;
}

const tokenPattern =
  /\s*(?:(\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)|('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")|([A-Za-z_]\w*)|`([^`]+)`|(==|!=|<=|>=|[+\-*/%]=|\.\.|[<>=+\-*/%(),;:[\]]))/y;

/** Throws InvalidArgumentException for an invalid word, and for more than `most` words. */
export function tokensOf(text: string, most: number): Token[] {
  const tokens: Token[] = [];
  const end = text.trimEnd().length;
  tokenPattern.lastIndex = 0;
  while (tokenPattern.lastIndex < end) {
    const match = tokenPattern.exec(text);
    if (match === null || tokens.length === most) throw invalid();
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

export function isWord({ kind, text }: Token, word: string): boolean {
  return kind === "name" && text.toLowerCase() === word;
}
