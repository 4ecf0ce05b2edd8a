// The times of signatures: ISO 8601 in its basic format, `20150830T123600Z`, or the HTTP format if
// the request has a Date header instead. Whole seconds. A date that does not exist is not a time.

const basic = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/;

const http = /^[A-Z][a-z]{2}, \d{1,2} [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d (?:GMT|UTC|[+-]0000)$/;

/** Unix milliseconds; undefined for a text in neither format. */
export function parseTime(text: string): number | undefined {
  if (http.test(text)) {
    const ms = Date.parse(text);
    return Number.isNaN(ms) ? undefined : ms;
  }
  const [, year, month, day, hour, minute, second] = basic.exec(text) ?? [];
  if (year === undefined) return undefined;
  const ms = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
  return !Number.isNaN(ms) && formatTime(ms) === text ? ms : undefined;
}

/** The basic format, which is the one that is signed. */
export function formatTime(ms: number): string {
  return new Date(ms).toISOString().replace(/[-:]|\.\d{3}/g, "");
}
