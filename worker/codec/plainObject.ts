// Recognises an object in a decoded body, JSON or CBOR.

/** True for an object with members: not a list, and not a byte string, which CBOR has too. */
export function isPlainObject(value: unknown): value is Record<string, unknown> {
  return (
    typeof value === "object" &&
    value !== null &&
    !Array.isArray(value) &&
    !(value instanceof Uint8Array)
  );
}
