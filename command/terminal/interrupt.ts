/** Ctrl-C and SIGTERM as the end of a command that would go on for ever, or has something to keep. */

/** Aborted by the first signal. A second one ends the program at once, as usual. */
export function onInterrupt(): AbortSignal {
  const controller = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.once(signal, () => controller.abort());
  }
  return controller.signal;
}
