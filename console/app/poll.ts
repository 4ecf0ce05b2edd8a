// Asks again and again while a part of the page is shown, and never while it or the tab is hidden.
import { useEffect, useRef, useState } from "preact/hooks";

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
    const turn = async () => {
      clearTimeout(timer);
      if (!document.hidden) {
        try {
          const value = await ask(abort.signal);
          if (abort.signal.aborted) return;
          setState({ key, value });
        } catch (error) {
          if (abort.signal.aborted) return;
          setState((before) =>
            before.key === key && before.value !== undefined
              ? { key, value: before.value, error: error as Error }
              : { key, error: error as Error },
          );
        }
      }
      clearTimeout(timer);
      timer = setTimeout(() => void turn(), pause.current);
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
