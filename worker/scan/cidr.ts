// Ranges of internet addresses, as a pattern writes them: an address and the number of its leading bits.

/** The masked network and its bits; undefined if the text is no range. */
export function parseCidr(text: string): { network: Uint8Array; bits: number } | undefined {
  const [, address = "", digits = ""] = /^([0-9a-fA-F.:]+)\/(\d{1,3})$/.exec(text) ?? [];
  const network = parseAddress(address);
  const bits = Number(digits);
  if (network === undefined || bits > network.length * 8) return undefined;
  for (let i = 0; i < network.length; i++) {
    const kept = Math.min(Math.max(bits - i * 8, 0), 8);
    network[i] = (network[i] as number) & (0xff00 >> kept);
  }
  return { network, bits };
}

/** Four bytes or sixteen (RFC 4291, 2.2); undefined if the text is no address. */
export function parseAddress(text: string): Uint8Array | undefined {
  if (!text.includes(":")) return parseFour(text);
  const halves = text.split("::");
  if (halves.length > 2) return undefined;
  const [before, after] = halves.map(parseGroups);
  if (before === undefined) return undefined;
  if (halves.length === 1) return before.length === 16 ? Uint8Array.from(before) : undefined;
  // "::" stands for one group of zeros at least.
  if (after === undefined || before.length + after.length > 14) return undefined;
  const gap = Array.from({ length: 16 - before.length - after.length }, () => 0);
  return Uint8Array.from([...before, ...gap, ...after]);
}

function parseFour(text: string): Uint8Array | undefined {
  const parts = text.split(".");
  const isSound = parts.every((part) => /^(?:0|[1-9]\d{0,2})$/.test(part) && Number(part) <= 255);
  return parts.length === 4 && isSound ? Uint8Array.from(parts, Number) : undefined;
}

/** Bytes of groups between colons; the last one may be four numbers. */
function parseGroups(text: string): number[] | undefined {
  if (text === "") return [];
  const bytes: number[] = [];
  const groups = text.split(":");
  for (const [i, group] of groups.entries()) {
    const four = i === groups.length - 1 && group.includes(".") ? parseFour(group) : undefined;
    if (four !== undefined) bytes.push(...four);
    else if (/^[0-9a-fA-F]{1,4}$/.test(group))
      bytes.push(parseInt(group, 16) >> 8, parseInt(group, 16) & 255);
    else return undefined;
  }
  return bytes;
}
