// The layout of a compiled condition, which worker/scan/program.ts writes. An offset counts from PROGRAM; offset 0
// means "none". A condition on a value has a bit in a set of 64. An expression says which bits must be set.
//
//   head     +0 expression  +4 leaves of the key  +8 of the time  +12 of the data as bytes  +16 entry of the data as
//            JSON  +20 text that matching data has, or a backslash  +24 bits of the data (u64)  +32 those of JSON (u64)
//   entry    a field of an object, 40 bytes:
//            +0 bits of its conditions (u64)  +8 those that hold if the field is missing (u64)
//            +16 name  +20 bytes of the name  +24 leaves  +28 node  +32 conditions on an object
//   node     the fields of an object: +0 all their bits (u64)  +8 those that hold at the beginning (u64)
//            +16 number of entries  +20 lengths of the names, modulo 32, as bits  +24 entries
//   leaves   +0 number, then for each: bit (u64), number of matchers (u32), matchers of 8 bytes: code, operand
//   objects  +0 number, then for each: bit (u64), expression (u32)
//   expression  +0 kind: ALL and the bits (u64) that must be set; or STEPS, their number (u32), and a byte each
//   needle   +0 bytes  +4 +8 places of its two rarest bytes  +12 failure table (u16 each)  +16 the text
//   literal  a number: +0 its value (f64)  +8 lower and +12 upper bound of the decimals that round to its magnitude
//            +16 and +20: 1 if that bound itself does
//   decimal  +0 exponent (i32)  +4 digits  +8 a byte each: 0.d1d2d3… × 10^exponent, without zeros at both ends

export const HEAD_EXPRESSION: usize = 0;
export const HEAD_KEY: usize = 4;
export const HEAD_TIME: usize = 8;
export const HEAD_DATA: usize = 12;
export const HEAD_JSON: usize = 16;
export const HEAD_NEEDLE: usize = 20;
export const HEAD_DATA_BITS: usize = 24;
export const HEAD_JSON_BITS: usize = 32;

export const ENTRY_BYTES: usize = 40;
export const ENTRY_BITS: usize = 0;
export const ENTRY_MISSING: usize = 8;
export const ENTRY_NAME: usize = 16;
export const ENTRY_NAME_BYTES: usize = 20;
export const ENTRY_LEAVES: usize = 24;
export const ENTRY_NODE: usize = 28;
export const ENTRY_OBJECTS: usize = 32;

export const NODE_BITS: usize = 0;
export const NODE_MISSING: usize = 8;
export const NODE_COUNT: usize = 16;
export const NODE_LENGTHS: usize = 20;
export const NODE_ENTRIES: usize = 24;

export const ALL: u32 = 0;

// Steps of an expression: a bit by its number, or one of these.
export const STEP_NOT: u8 = 0x40;
export const STEP_AND: u8 = 0x41;
export const STEP_OR: u8 = 0x42;

export const NEEDLE_TEXT: usize = 16;

// What a matcher tests.
export const EQUALS: u32 = 1;
export const ONE_OF: u32 = 2;
export const PREFIX: u32 = 3;
export const SUFFIX: u32 = 4;
export const EQUALS_FOLDED: u32 = 5;
export const PREFIX_FOLDED: u32 = 6;
export const SUFFIX_FOLDED: u32 = 7;
export const WILDCARD: u32 = 8;
export const CIDR: u32 = 9;
export const NUMBER: u32 = 10;
export const IS_NULL: u32 = 11;
export const IS_TRUE: u32 = 12;
export const IS_FALSE: u32 = 13;
export const EXISTS: u32 = 14;
export const NONE_OF: u32 = 15;

// Relations of a number: bits, so that "at most" is both "less" and "equal".
export const LESS: u32 = 1;
export const EQUAL: u32 = 2;
export const GREATER: u32 = 4;

// Kinds of a value.
export const VALUE_TEXT: u32 = 0;
export const VALUE_NUMBER: u32 = 1;
export const VALUE_NULL: u32 = 2;
export const VALUE_TRUE: u32 = 3;
export const VALUE_FALSE: u32 = 4;
