// Work of a button that may fail.
import { useState } from "preact/hooks";

/** Does the work, and keeps its failure until the next work succeeds. */
export function useAttempt(): {
  failure: Error | undefined;
  attempt: (work: () => Promise<void>) => Promise<void>;
} {
  const [failure, setFailure] = useState<Error>();
  const attempt = async (work: () => Promise<void>) => {
    try {
      await work();
      setFailure(undefined);
    } catch (thrown) {
      setFailure(thrown as Error);
    }
  };
  return { failure, attempt };
}
