// The names in PutRecords bodies as numbers, so that a comparison is one or two loads: eight characters, or
// four, and the rest. Little-endian, as memory has them. JSON and CBOR have the same names.

export const STREAM_NA: u64 = ((<u64>0x614e6d61) << 32) | 0x65727453;
export const ME: u16 = 0x656d;
export const STREAM_AR: u64 = ((<u64>0x52416d61) << 32) | 0x65727453;
export const N: u8 = 0x4e;
export const DATA: u32 = 0x61746144;
export const PARTITIO: u64 = ((<u64>0x6f697469) << 32) | 0x74726150;
export const N_KEY: u32 = 0x79654b6e;
export const CLIENT_IN: u64 = ((<u64>0x6e49746e) << 32) | 0x65696c43;
export const FO: u16 = 0x6f66;

// Members of a record that have been read.
export const HAS_DATA: u32 = 1;
export const HAS_KEY: u32 = 2;
export const HAS_INFO: u32 = 4;
export const HAS_SHARD: u32 = 8;
