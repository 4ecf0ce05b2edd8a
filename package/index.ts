/** What `import "millrace"` gives. */
import { describeOldNode } from "./oldNode.ts";
import type { MillraceOptions, MillraceServer } from "./types.ts";

export type { MillraceCredentials, MillraceOptions, MillraceServer } from "./types.ts";

/** See startMillrace.ts. Rejects on an old Node. */
export async function startMillrace(options?: MillraceOptions): Promise<MillraceServer> {
  const isOld = describeOldNode();
  if (isOld !== undefined) throw new Error(isOld);
  const program = await import("./startMillrace.ts");
  return await program.startMillrace(options);
}
