/**
 * Decodes the Huffman code of header compression (RFC 7541, section 5.2 and appendix B). The code is
 * canonical: codes of one length follow one another in the order of their bytes, and longer ones come
 * after shorter ones. So the lengths say everything. Decoding takes four bits at a time.
 */

/** Of the code of each byte, in bits. */
const lengths = `
13 23 28 28 28 28 28 28 28 24 30 28 28 30 28 28
28 28 28 28 28 28 30 28 28 28 28 28 28 28 28 28
6 10 10 12 13 6 8 11 10 10 8 11 8 6 6 6
5 5 5 6 6 6 6 6 6 6 7 8 15 6 12 10
13 6 7 7 7 7 7 7 7 7 7 7 7 7 7 7
7 7 7 7 7 7 7 7 8 7 8 13 19 13 14 6
15 5 6 5 6 5 6 6 6 5 7 7 6 6 6 5
6 7 6 5 5 6 7 7 7 7 7 15 11 14 13 28
20 22 20 20 22 22 22 23 22 23 23 23 23 23 24 23
24 24 22 23 24 23 23 23 23 21 22 23 22 23 23 24
22 21 20 22 22 23 23 21 23 22 22 24 21 22 23 23
21 21 22 21 23 22 23 23 20 22 22 22 23 22 22 23
26 26 20 19 22 23 22 25 26 26 26 27 27 26 24 25
19 21 26 27 27 26 27 24 21 21 26 26 28 27 27 27
20 24 20 21 22 21 21 23 22 22 25 25 24 24 26 23
26 27 26 26 27 27 27 27 27 28 27 27 27 27 27 26`
  .trim()
  .split(/\s+/)
  .map(Number);

/** The end of a string; never in one. It has the last code: thirty ones. */
const endSymbol = 256;
const endBits = 30;

/** A code is at least five bits long. */
const expansionMax = 8 / 5;

/** Set in a move that yields a byte; the byte is in the lowest bits, the next node above. */
const yields = 1 << 8;
const nodeShift = 9;
const refused = -1;

/** A code may be padded with up to seven ones. */
const paddingBitsMax = 7;

/** For each node of the tree and the next four bits: the move, and where a string may end. */
const { moves, endings } = buildMoves();

let scratch = Buffer.allocUnsafe(4096);

/** The text of a coded string, a character for each byte; undefined if the code is broken. */
export function decodeHuffman(bytes: Uint8Array, from: number, to: number): string | undefined {
  const byteCountMax = Math.ceil((to - from) * expansionMax);
  if (scratch.length < byteCountMax) scratch = Buffer.allocUnsafe(byteCountMax);
  let node = 0;
  let count = 0;
  for (let at = from; at < to; at++) {
    const byte = bytes[at] ?? 0;
    for (const bits of [byte >> 4, byte & 15]) {
      const move = moves[(node << 4) | bits] ?? refused;
      if (move === refused) return undefined;
      if ((move & yields) !== 0) scratch[count++] = move & 255;
      node = move >> nodeShift;
    }
  }
  return endings[node] === 1 ? scratch.toString("latin1", 0, count) : undefined;
}

/** The tree of the code: for each inner node its two children; bytes are negative, from -1 for 0. */
function buildTree(): number[] {
  const tree = [0, 0];
  const order = [...lengths.keys(), endSymbol].toSorted((a, b) => bitsOf(a) - bitsOf(b) || a - b);
  let code = 0;
  let bitCount = bitsOf(order[0] ?? 0);
  for (const symbol of order) {
    code *= 2 ** (bitsOf(symbol) - bitCount);
    bitCount = bitsOf(symbol);
    let node = 0;
    for (let bit = bitCount - 1; bit > 0; bit--) {
      const place = node * 2 + (Math.floor(code / 2 ** bit) % 2);
      if (tree[place] === 0) {
        tree[place] = tree.length / 2;
        tree.push(0, 0);
      }
      node = tree[place] ?? 0;
    }
    tree[node * 2 + (code % 2)] = -1 - symbol;
    code++;
  }
  return tree;
}

function bitsOf(symbol: number): number {
  return lengths[symbol] ?? endBits;
}

function buildMoves() {
  const tree = buildTree();
  const nodeCount = tree.length / 2;
  const built = new Int32Array(nodeCount * 16);
  for (let node = 0; node < nodeCount; node++) {
    for (let bits = 0; bits < 16; bits++) built[node * 16 + bits] = moveFrom(tree, node, bits);
  }
  const ends = new Uint8Array(nodeCount);
  for (let node = 0, depth = 0; depth <= paddingBitsMax; depth++) {
    ends[node] = 1;
    node = tree[node * 2 + 1] ?? 0;
  }
  return { moves: built, endings: ends };
}

/** Four bits yield one byte at most. */
function moveFrom(tree: readonly number[], from: number, bits: number): number {
  let node = from;
  let yielded = 0;
  for (let bit = 3; bit >= 0; bit--) {
    const child = tree[node * 2 + ((bits >> bit) & 1)] ?? 0;
    if (child === -1 - endSymbol) return refused;
    if (child < 0) yielded = yields | (-1 - child);
    node = Math.max(0, child);
  }
  return (node << nodeShift) | yielded;
}
