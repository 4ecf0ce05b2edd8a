// The scanner's memory: one fixed block that never grows. It is another module than the engine, with a memory of its
// own, because a record of 10 MiB must lie in it as a whole. Every window ends in SLACK bytes that belong to nobody:
// a loop may load a whole vector at the last byte.
//
//   INPUT    10 MiB + 64 KiB   a chunk
//   PROGRAM  128 KiB           the compiled condition (program.ts)
//   RUNS     64 KiB            rows of two u32: the records that match
//   RESULT   64 B              further results beside the returned number
//   SCRATCH  4 KiB             a key without its escapes; the open brackets of a text; an address in bytes
//   STATE    512 B             where the test of a record has paused (work.ts)
//   MOVED    21 KiB            vectors that are folded into later ones (fold.ts)
//   FOLDED   4816 B            what is left of bytes whose checksum is asked for

export const SLACK: usize = 256;

export const INPUT_BYTES: usize = 0xa10000;
export const INPUT: usize = memory.data(<i32>(INPUT_BYTES + SLACK), 16);

export const PROGRAM_BYTES: usize = 0x20000;
export const PROGRAM: usize = memory.data(<i32>(PROGRAM_BYTES + SLACK), 16);

/** A row of RUNS: a record that matches, and the first one after it that does not. */
export const RUN_BYTES: usize = 8;
export const RUNS_MAX: u32 = 8192;
export const RUNS: usize = memory.data(0x10000, 16);

export const RESULT_BYTES: usize = 64;
export const RESULT: usize = memory.data(<i32>RESULT_BYTES, 16);

export const SCRATCH: usize = memory.data(<i32>(0x1000 + SLACK), 16);
/** A longer key of an object is none that a pattern names. */
export const KEY_BYTES_MAX: u32 = 1024;
export const UNESCAPED_KEY: usize = SCRATCH;
export const BRACKETS: usize = SCRATCH + 0x800;
export const ADDRESS: usize = SCRATCH + 0xc00;

/** With frames for as many objects within one another as a pattern may have. */
export const STATE_BYTES: usize = 512;
export const STATE: usize = memory.data(<i32>STATE_BYTES, 16);

export const VECTOR_BYTES: usize = 16;
/** Vectors that are moved on, after the 300 before them. */
export const MOVED_BLOCK: usize = 0x4000;
export const MOVED: usize = memory.data(<i32>(0x4000 + 300 * 16), 16);
export const FOLDED_BYTES: usize = 301 * 16;
export const FOLDED: usize = memory.data(<i32>FOLDED_BYTES, 16);
