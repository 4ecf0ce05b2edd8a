// JSON whose numbers stay as they were written. A number of JavaScript holds some 15 digits, and ids have more.

/** A number as its text, where a number of JavaScript would be another one. */
export class ExactNumber {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/** More digits than a number surely holds, or an exponent that may be too large. */
const maybeInexact = /\d(?:\.?\d){15}|\de[+-]?\d{3}/i;

/** Throws a SyntaxError. Browsers that do not tell the text of a number give the number. */
export function parseExactly(text: string): unknown {
  if (!maybeInexact.test(text)) return JSON.parse(text);
  return JSON.parse(text, (_key, value: unknown, context?: { source?: string }) => {
    const source = context?.source;
    const isExact = typeof value !== "number" || source === undefined || String(value) === source;
    return isExact ? value : new ExactNumber(source);
  });
}

/** Indented JSON; undefined if a number would not be the one that was written. Bytes are in base64. */
export function printExactly(
  value: unknown,
  base64: (bytes: Uint8Array) => string,
): string | undefined {
  let isExact = true;
  const text = JSON.stringify(
    value,
    (_key, inner: unknown) => {
      if (inner instanceof ExactNumber) isExact = false;
      if (inner instanceof Uint8Array) return base64(inner);
      return typeof inner === "bigint" ? String(inner) : inner;
    },
    2,
  );
  return isExact ? text : undefined;
}
