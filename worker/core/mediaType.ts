// Content types, as far as two of them are the same one: the type without parameters, in lower case
// (RFC 9110, section 8.3.1).

export const jsonMediaType = "application/json";
export const otherMediaType = "application/octet-stream";

/** The type and subtype of a content type. */
export function mediaTypeOf(contentType: string): string {
  const [type = ""] = contentType.split(";", 1);
  return type.trim().toLowerCase();
}
