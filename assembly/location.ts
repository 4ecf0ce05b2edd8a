// The 16-byte location: kind (u32, 1), segment number (u32), index of the next record (u64).
// docs/FORMAT.md says what each means.
import { OUTPUT, RESULT } from "./layout";

const KIND: u32 = 1;
export const LOCATION_BYTES: u32 = 16;
const INDEX_MAX: u64 = (1 << 50) - 1;

/** Writes the 16 bytes to OUTPUT. */
export function encodeLocation(segment: u32, index: f64): void {
  assert(index >= 0 && index <= <f64>INDEX_MAX && index == floor(index), "no index");
  store<u32>(OUTPUT, KIND);
  store<u32>(OUTPUT, segment, 4);
  store<u64>(OUTPUT, <u64>index, 8);
}

/**
 * Reads 16 bytes: RESULT holds segment (f64) and index (f64). Returns 0 if they are not a location.
 */
export function decodeLocation(address: usize): u32 {
  if (load<u32>(address) != KIND) return 0;
  const index = load<u64>(address, 8);
  if (index > INDEX_MAX) return 0;
  store<f64>(RESULT, <f64>load<u32>(address, 4));
  store<f64>(RESULT, <f64>index, 8);
  return 1;
}
