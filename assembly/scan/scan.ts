// The scanner's exports. Its functions are pure over fixed memory, like those of the engine: JavaScript lays a program
// into PROGRAM and a chunk into INPUT, calls once for the chunk, and takes the result from RUNS and RESULT.
// worker/engine/scanner.ts is the only caller.
export {
  FOLDED,
  INPUT,
  INPUT_BYTES,
  PROGRAM,
  PROGRAM_BYTES,
  RESULT,
  RUNS,
  RUNS_MAX,
  STATE,
  STATE_BYTES,
} from "./layout";
export { foldBytes } from "./fold";
export { selectRecords } from "./select";
export { DEPTH_MAX } from "./validate";
