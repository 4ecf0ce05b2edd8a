/**
 * Encodes the headers of a reply (HPACK, RFC 7541): common names as indices, values as they are. No
 * table is used, so a block depends on no other one.
 */
import { staticFields } from "./staticTable.ts";

/** Sets the size of the table to none, which a smaller limit of the client asks for. */
export const tableUnused = "\x20";

const nameIndices = new Map<string, number>();
const statusIndices = new Map<string, number>();
for (const [i, { name, value }] of staticFields.entries()) {
  if (!nameIndices.has(name)) nameIndices.set(name, i + 1);
  if (name === ":status") statusIndices.set(value, i + 1);
}
const statusName = nameIndices.get(":status") ?? 0;

/** The name of a field that enters no table, in front of its value. */
const printedNames = new Map<string, string>();
const printedNamesMax = 1000;

/** The block, a character for each byte. `list` has names in lower case and values in turn. */
export function printHeaders(status: number, list: readonly string[]): string {
  const index = statusIndices.get(String(status));
  let text =
    index === undefined
      ? printInteger(statusName, 4, 0) + printString(String(status))
      : printInteger(index, 7, 0x80);
  for (let i = 0; i < list.length; i += 2) {
    text += printName(list[i] ?? "") + printString(list[i + 1] ?? "");
  }
  return text;
}

function printName(name: string): string {
  const known = printedNames.get(name);
  if (known !== undefined) return known;
  const index = nameIndices.get(name) ?? 0;
  const printed = printInteger(index, 4, 0) + (index === 0 ? printString(name) : "");
  if (printedNames.size < printedNamesMax) printedNames.set(name, printed);
  return printed;
}

function printString(text: string): string {
  return printInteger(text.length, 7, 0) + text;
}

/** RFC 7541, section 5.1. */
function printInteger(value: number, prefixBits: number, kind: number): string {
  const most = (1 << prefixBits) - 1;
  if (value < most) return String.fromCharCode(kind | value);
  let text = String.fromCharCode(kind | most);
  let rest = value - most;
  for (; rest >= 0x80; rest >>= 7) text += String.fromCharCode((rest & 0x7f) | 0x80);
  return text + String.fromCharCode(rest);
}
