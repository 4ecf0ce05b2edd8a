// The first byte of a CBOR item (RFC 8949, section 3): a major type in the upper three bits, and
// additional information in the lower five. What the reader and the writer share.

export const UNSIGNED = 0;
export const NEGATIVE = 1;
export const BYTES = 2;
export const TEXT = 3;
export const ARRAY = 4;
export const MAP = 5;
export const TAG = 6;

/** Additional information of an item of indefinite length. */
export const INDEFINITE = 31;

/** The byte that ends such an item. */
export const BREAK = 0xff;
