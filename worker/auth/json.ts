// Finds repeated names in JSON. Of a member that occurs twice, JSON.parse uses the last one without
// a message; the author or a reviewer of the document may have read the first one.

/** A name that occurs twice in an object of the text; JSON.parse must accept the text. */
export function findRepeatedName(text: string): string | undefined {
  /** The names in every object that is still open; undefined for a list. */
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
