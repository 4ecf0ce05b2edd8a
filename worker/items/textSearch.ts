// Finds a text within another in a time that grows with their lengths alone. The platform's search may compare nearly
// every character of one with nearly every character of the other: seconds, if both are long and of one letter.

/** Comparisons that the platform's search may take at worst: about a millisecond. */
const comparisonsMax = 1 << 20;

export function isWithin(text: string, part: string): boolean {
  if (text.length * part.length <= comparisonsMax) return text.includes(part);
  return part.length <= text.length && searchLinear(text, part);
}

/** Knuth, Morris and Pratt: no character of the text is looked at again after a mismatch. */
function searchLinear(text: string, part: string): boolean {
  const borders = bordersOf(part);
  let matched = 0;
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    while (matched > 0 && part.charCodeAt(matched) !== unit) matched = borders[matched - 1]!;
    if (part.charCodeAt(matched) === unit) matched++;
    if (matched === part.length) return true;
  }
  return false;
}

/** For each beginning of the text, how long the longest shorter beginning is that it ends with. */
function bordersOf(text: string): Uint32Array {
  const borders = new Uint32Array(text.length);
  let length = 0;
  for (let at = 1; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    while (length > 0 && text.charCodeAt(length) !== unit) length = borders[length - 1]!;
    if (text.charCodeAt(length) === unit) length++;
    borders[at] = length;
  }
  return borders;
}
