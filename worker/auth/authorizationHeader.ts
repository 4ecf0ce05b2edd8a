// Splits an Authorization header with an AWS signature into its parameters. They are separated by
// commas or white space, which each dialect splits as its service does. Missing values are empty;
// the dialect words the error.
import type { Authorization, HeaderReader } from "./credentials.ts";

/** Parts such as `Credential=…` by name; a part without a value has an empty one. */
export function readParameters(pieces: readonly string[]): ReadonlyMap<string, string> {
  return new Map(pieces.map((piece) => splitPair(piece.trim())));
}

/** The content of the header, complete or not. */
export function headerAuthorization(
  algorithm: string,
  parameters: ReadonlyMap<string, string>,
  date: string,
  headers: HeaderReader,
): Authorization {
  return {
    form: "header",
    algorithm,
    credential: parameters.get("Credential") ?? "",
    signedHeaders: (parameters.get("SignedHeaders") ?? "").split(";"),
    signature: parameters.get("Signature") ?? "",
    date,
    expires: undefined,
    securityToken: headers.get("x-amz-security-token") ?? undefined,
  };
}

function splitPair(piece: string): [string, string] {
  const at = piece.indexOf("=");
  return at < 0 ? [piece, ""] : [piece.slice(0, at), piece.slice(at + 1)];
}
