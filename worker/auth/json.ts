// JSON that says who may do what must say it once: of a member that is there twice, JSON.parse takes the
// last in silence, and whoever wrote or reviewed the document may have read the first.

/** A name that some object of the text has twice; the text is JSON that JSON.parse takes. */
export function findRepeatedName(text: string): string | undefined {
  /** The names of every object that is open, and nothing for a list. */
  const open: (Set<string> | undefined)[] = [];
  let last = "";
  for (const [token] of text.matchAll(/"(?:[^"\\]|\\.)*"|[{}[\]:]/g)) {
    switch (token) {
      case "{":
        open.push(new Set());
        break;
      case "[":
        open.push(undefined);
        break;
      case "}":
      case "]":
        open.pop();
        break;
      case ":": {
        const name = String(JSON.parse(last));
        if (open.at(-1)?.has(name)) return name;
        open.at(-1)?.add(name);
        break;
      }
      default:
        last = token;
    }
  }
  return undefined;
}
