// What v3io lists of a directory, as XML (after v3io-py's output.py).
import { expect } from "vitest";

/** What stands in the elements of a name. */
export function tags(text: string, name: string): string[] {
  return [...text.matchAll(new RegExp(`<${name}>(.*?)</${name}>`, "gs"))].map(
    ([, in_ = ""]) => in_,
  );
}

/** What a listing shows, page by page, by the markers that it gives. */
export async function pathsIn(
  send: (path: string) => Promise<Response>,
  query: string,
): Promise<string[]> {
  const paths: string[] = [];
  for (let marker = "", more = true; more;) {
    const reply = await send(`${query}&marker=${encodeURIComponent(marker)}`);
    expect(reply.status).toBe(200);
    const text = await reply.text();
    const page = [...tags(text, "Key"), ...tags(text, "CommonPrefixes").flatMap(prefixIn)];
    paths.push(...page.sort());
    [marker = ""] = tags(text, "NextMarker");
    more = tags(text, "IsTruncated")[0] === "true";
    expect(page.length > 0 || !more).toBe(true);
  }
  return paths;
}

/** The path of a directory in its element. */
export function prefixIn(text: string): string[] {
  return tags(text, "Prefix");
}
