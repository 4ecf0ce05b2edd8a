// The engine's memory: one fixed block that never grows, so that the views which JavaScript
// holds never detach. Each window is a constant address exported by engine.ts. Every window ends
// in SLACK bytes that belong to nobody: loops may load or store a whole vector at the last byte.
//
//   INPUT   2 MiB + 64 KiB   chunks, keys or plain bytes, as JavaScript lays them down
//   OUTPUT  4 MiB            what an operation makes
//   TABLE   160 KiB          rows of u32: lengths in, offsets in, walked records out
//   RESULT  64 B             further results beside the returned number
//   SCRATCH 4 KiB            reply templates while a render runs

export const SLACK: usize = 256;

export const INPUT_BYTES: usize = 0x210000;
export const INPUT: usize = memory.data(0x210100, 16);

export const OUTPUT_BYTES: usize = 0x400000;
export const OUTPUT: usize = memory.data(0x400100, 16);

export const TABLE_BYTES: usize = 0x28000;
export const TABLE: usize = memory.data(0x28100, 16);

export const RESULT: usize = memory.data(64, 16);

export const SCRATCH: usize = memory.data(0x1100, 16);

/** Pack lays the payload here and grows header and columns downwards from it. */
export const PACK_PAYLOAD: usize = INPUT + 0x10000;
/** Records that one pack takes: header and columns of 7 bytes each fit below PACK_PAYLOAD. */
export const PACK_RECORDS_MAX: u32 = 8192;
