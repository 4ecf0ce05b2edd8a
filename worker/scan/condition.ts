// A condition on records, as a pattern says it. Texts are bytes already: the engine knows nothing of characters.

/** A test of one value: a text, number or literal. A field's value passes if one matcher of its list does. */
export type Matcher =
  | { readonly kind: "equals"; readonly text: Uint8Array }
  | { readonly kind: "prefix" | "suffix"; readonly text: Uint8Array }
  /** The same in any case: the spellings of each character. */
  | {
      readonly kind: "equalsFolded" | "prefixFolded" | "suffixFolded";
      readonly characters: Spellings[];
    }
  /** These parts in their order, with anything between them; an empty one at an end: anything there. */
  | { readonly kind: "wildcard"; readonly parts: readonly Uint8Array[] }
  | { readonly kind: "cidr"; readonly network: Uint8Array; readonly bits: number }
  | { readonly kind: "number"; readonly bounds: readonly NumberBound[] }
  /** `exists`: any value that is no object; `missing`: no such value is there. */
  | { readonly kind: "null" | "true" | "false" | "exists" | "missing" }
  /** A value that passes none of these. */
  | { readonly kind: "noneOf"; readonly matchers: readonly Matcher[] };

export type Spellings = readonly Uint8Array[];

export interface NumberBound {
  readonly relation: Relation;
  readonly number: number;
}

export type Relation = "=" | "<" | "<=" | ">" | ">=";

/** Conditions that must all hold for an object, or for a record. */
export type Clauses<Field extends string = string> = readonly Clause<Field>[];

export type Clause<Field extends string = string> =
  | { readonly kind: "value"; readonly field: Field; readonly matchers: readonly Matcher[] }
  | { readonly kind: "object"; readonly field: Field; readonly clauses: Clauses }
  /** At least one of these holds. */
  | { readonly kind: "any"; readonly of: readonly Clauses<Field>[] };

/**
 * The fields of a record: the key as text, the arrival in seconds, and the data. A value clause on the data is about
 * its bytes, an object clause about its JSON.
 */
export type RecordField = "partitionKey" | "approximateArrivalTimestamp" | "data";

export type RecordCondition = Clauses<RecordField>;
