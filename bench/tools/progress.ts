// The progress line: on a terminal one line that is written over, elsewhere a line per stage.

export type Progress = (what: string) => void;

export function startProgress(): Progress {
  const startMs = performance.now();
  let stage = "";
  return (what) => {
    const seconds = Math.round((performance.now() - startMs) / 1000);
    if (process.stderr.isTTY) process.stderr.write(`\r\u001b[K${seconds} s  ${what}`);
    else if (stageOf(what) !== stage) console.error(`${seconds} s  ${what}`);
    stage = stageOf(what);
  };
}

/** Clears the line, so that what follows stands by itself. */
export function endProgress(): void {
  if (process.stderr.isTTY) process.stderr.write("\r\u001b[K");
}

/** "http: 40% …" and "http: 41% …" are one stage. */
function stageOf(what: string): string {
  return what.replace(/\d+%.*/, "");
}
