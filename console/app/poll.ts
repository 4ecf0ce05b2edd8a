// Asks again and again while a part of the page is shown, and never while it or the tab is hidden. After a failure it
// asks soon, however seldom it asks otherwise.
import { useEffect, useRef, useState } from "preact/hooks";

const retryMs = 4000;

export interface Polled<Value> {
  value: Value | undefined;
  error: Error | undefined;
  /** Asks at once. */
  refresh: () => void;
}

/** `key` names what is asked for: another key begins anew. What was answered stays while nothing is asked. */
export function usePoll<Value>(
  key: string,
  ask: (signal: AbortSignal) => Promise<Value>,
  intervalMs: number,
  isShown = true,
): Polled<Value> {
  const [state, setState] = useState<{ key: string; value?: Value; error?: Error }>({ key });
  const refresh = useRef(() => {});
  const pause = useRef(intervalMs);
  pause.current = intervalMs;
  useEffect(() => {
    if (!isShown) return undefined;
    const abort = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    let turns = 0;
    let shown = 0;
    const turn = async () => {
      clearTimeout(timer);
      let hasFailed = false;
      if (!document.hidden) {
        const number = ++turns;
        // Of two questions at once, the answer to the earlier one may come last, and is old then.
        const isOver = () => abort.signal.aborted || number < shown;
        try {
          const value = await ask(abort.signal);
          if (isOver()) return;
          setState({ key, value });
        } catch (error) {
          if (isOver()) return;
          hasFailed = true;
          setState((before) =>
            before.key === key && before.value !== undefined
              ? { key, value: before.value, error: error as Error }
              : { key, error: error as Error },
          );
        }
        shown = number;
      }
      clearTimeout(timer);
      timer = setTimeout(
        () => void turn(),
        Math.min(pause.current, hasFailed ? retryMs : Infinity),
      );
    };
    const onVisible = () => {
      if (!document.hidden) void turn();
    };
    refresh.current = () => void turn();
    document.addEventListener("visibilitychange", onVisible);
    void turn();
    return () => {
      abort.abort();
      clearTimeout(timer);
      document.removeEventListener("visibilitychange", onVisible);
    };
  }, [key, isShown]);
  const isCurrent = state.key === key;
  return {
    value: isCurrent ? state.value : undefined,
    error: isCurrent ? state.error : undefined,
    refresh: () => refresh.current(),
  };
}
