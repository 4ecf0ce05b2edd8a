// An item's attributes as its row has them: a list of names and values, in the order in which they were written.
import { listCodec, text, tupleOf } from "../core/document.ts";
import type { Attributes, AttributeValue } from "../core/itemTypes.ts";

const types = { N: "string", S: "string", B: "string", BOOL: "boolean", TS: "string" };

const attributesDocument = listCodec(
  "the list of attributes",
  tupleOf<string, AttributeValue>(text, attributeValue),
);

export function encodeAttributes(attributes: Attributes): string {
  return attributesDocument.encode([...attributes]);
}

/** Throws `corrupt`. */
export function decodeAttributes(stored: string, path: string): Attributes {
  return new Map(attributesDocument.decode(stored, { item: path }));
}

function attributeValue(value: unknown, at: string): string | undefined {
  const members = typeof value === "object" && value !== null ? Object.entries(value) : [];
  const [type, content] = members[0] ?? [];
  const isSound =
    members.length === 1 &&
    Object.entries(types).some(([t, of]) => t === type && typeof content === of);
  return isSound ? undefined : `${at} is no value of one type`;
}
