// The engine's memory: one fixed block that never grows after its start, so that the views which
// JavaScript holds never detach. Each window is a constant address exported by engine.ts. Every window ends in SLACK
// bytes that belong to nobody: loops may load or store a whole vector at the last byte, and base64
// up to 31 bytes past it.
//
//   INPUT   2 MiB + 64 KiB   chunks, keys or plain bytes, as JavaScript lays them down
//   OUTPUT  4 MiB            what an operation makes
//   PAGES   4 times 1.75 MiB texts of pages on their way to clients, each until it has been sent
//   TABLE   352 KiB          rows of u32: lengths in, offsets in, walked records out
//   RESULT  64 B             further results beside the returned number
//   SCRATCH 4 KiB            what an operation needs while it runs, see below
//
// What a host adds to the memory at the start is behind all this, from HOT on: longer pages, and chunks
// that are read where they are (worker/engine/hotChunks.ts).

export const SLACK: usize = 256;

export const INPUT_BYTES: usize = 0x210000;
export const INPUT: usize = memory.data(<i32>(INPUT_BYTES + SLACK), 16);

export const OUTPUT_BYTES: usize = 0x400000;
export const OUTPUT: usize = memory.data(<i32>(OUTPUT_BYTES + SLACK), 16);

export const PAGES_COUNT: u32 = 4;
export const PAGE_BYTES: usize = 0x1c0000;
/** From one page to the next. */
export const PAGE_STRIDE: usize = PAGE_BYTES + SLACK;
export const PAGES: usize = memory.data(<i32>(PAGES_COUNT * PAGE_STRIDE), 16);

/** The end of the memory that each engine has: `initialMemory` of asconfig.json. */
export const HOT: usize = 216 << 16;
/** As long as OUTPUT, so that no text needs to be copied from there. */
export const HOT_PAGE_BYTES: usize = OUTPUT_BYTES;
export const HOT_PAGE_STRIDE: usize = HOT_PAGE_BYTES + 0x10000;

/** The end of the page that `at` is in, or else of OUTPUT: no text is printed beyond it. */
export function textEnd(at: usize): usize {
  if (at >= HOT) {
    const page = (at - HOT) / HOT_PAGE_STRIDE;
    return HOT + page * HOT_PAGE_STRIDE + HOT_PAGE_BYTES;
  }
  if (at < PAGES || at >= PAGES + PAGES_COUNT * PAGE_STRIDE) return OUTPUT + OUTPUT_BYTES;
  const page = (at - PAGES) / PAGE_STRIDE;
  return PAGES + page * PAGE_STRIDE + PAGE_BYTES;
}

export const TABLE_BYTES: usize = 0x58000;
export const TABLE: usize = memory.data(<i32>(TABLE_BYTES + SLACK), 16);

export const RESULT_BYTES: usize = 64;
export const RESULT: usize = memory.data(<i32>RESULT_BYTES, 16);

// Parts of SCRATCH. Parts that overlap belong to operations that never run inside one another.
//
//   0x000   80 B    MD5: state and block (md5.ts); or a sequence number's digits (sequence.ts)
//   0x100   64 B    the cursor over a chunk's columns (cursor.ts)
//   0x200   3 KiB   a reply's texts between records (render/)
//   0xe00   128 B   client info while it is decoded (putRecord.ts)

export const SCRATCH_BYTES: usize = 0x1000;
export const SCRATCH: usize = memory.data(<i32>(SCRATCH_BYTES + SLACK), 16);
export const CURSOR: usize = SCRATCH + 0x100;
export const TEMPLATE: usize = SCRATCH + 0x200;
export const INFO: usize = SCRATCH + 0xe00;

/** Pack expects the payload here and writes columns and header in front of it. */
export const PACK_PAYLOAD: usize = INPUT + 0x10000;
/** Records that one pack takes: header and columns of 7 bytes each fit below PACK_PAYLOAD. */
export const PACK_RECORDS_MAX: u32 = 8192;
/** A row of TABLE for a record to be packed: bytes of key, client info and data, and its shard. */
export const PACK_ROW_BYTES: u32 = 16;

// While records are sent to their shards (route.ts), TABLE has behind the rows:
//
//   ORDER   64 KiB    the records by their shards: address of the row, address of the record
//   RUNS    128 KiB   a row for each chunk: its route, address, bytes, records
//   COUNTS  32 KiB    records of each route, then where its records end in ORDER

/** How many open shards one call can send records to. */
export const ROUTES_MAX: u32 = 8192;
export const ORDER: usize = TABLE + 0x20000;
export const RUNS: usize = TABLE + 0x30000;
export const COUNTS: usize = TABLE + 0x50000;
