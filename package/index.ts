/** What `import "millrace"` gives. */
export { startMillrace } from "./startMillrace.ts";
export type { MillraceCredentials, MillraceOptions, MillraceServer } from "./types.ts";
