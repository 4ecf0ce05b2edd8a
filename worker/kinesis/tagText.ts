// Which characters a tag may have: two rules with a text each, in the order and with the classes of
// kinesalite actions/addTagsToStream.js. A colon is allowed as well, as the service does now; its
// place in the text is not known.
import { tagCharactersIllegal, tagCharactersInvalid, type TaggedResource } from "./errorTexts.ts";

const invalid = /[^\u00C0-\u1FFF\u2C00-\uD7FF\w./\-=+ @%:]/;

/** Throws InvalidArgumentException. A percent sign passes the first rule and fails the second. */
export function checkTagText(
  texts: Iterable<string>,
  change: "add tags to" | "remove tags from",
  resource: TaggedResource,
): void {
  const all = [...texts];
  if (all.some((text) => invalid.test(text))) throw tagCharactersInvalid();
  if (all.some((text) => text.includes("%"))) throw tagCharactersIllegal(change, resource);
}

export function textsOf(tags: ReadonlyMap<string, string>): string[] {
  return [...tags.keys(), ...tags.values()];
}
