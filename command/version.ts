/** What the program calls itself, which is another thing in a clone than in the package. */
export { programName, readVersion } from "../local/clone.ts";
