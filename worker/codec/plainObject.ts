// What a decoded body, JSON or CBOR, has for an object.

/** An object with members: no list, and no byte string, which CBOR has beside them. */
export function isPlainObject(value: unknown): value is Record<string, unknown> {
  return (
    typeof value === "object" &&
    value !== null &&
    !Array.isArray(value) &&
    !(value instanceof Uint8Array)
  );
}
