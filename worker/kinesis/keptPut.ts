// The envelope of a PutRecords request whose body the front keeps: what readEnvelope would find in the body
// (envelope.ts) is known already. The front keeps only bodies of POST requests for PutRecords in JSON 1.1.
import type { HeaderReader } from "../auth/credentials.ts";
import type { PutManifest } from "../engine/putManifest.ts";
import { readAuthorization } from "./authorization.ts";
import { putRecords } from "./actions/put.ts";
import { jsonCodec } from "./codec.ts";
import { answerError, type Envelope, replyHeaders } from "./envelope.ts";
import { KinesisError } from "./errors.ts";
import { readManifest } from "./putInput.ts";
import type { RequestIds } from "./requestId.ts";

/** Undefined if the body must be read; `readBody` throws the KinesisError if it cannot be. */
export function keptEnvelope(
  manifest: PutManifest,
  { headers: asked, query }: { headers: HeaderReader; query: string },
  newIds: () => RequestIds,
  readBody: () => Promise<Uint8Array>,
): Envelope | undefined {
  const input = readManifest(manifest, readBody);
  if (input === undefined) return undefined;
  const headers = replyHeaders(newIds(), asked.get("origin"));
  const authorization = readAuthorization(asked, query);
  if (authorization instanceof KinesisError) return answerError(authorization, jsonCodec, headers);
  const read = () => putRecords.callOf(input);
  return { kind: "call", operation: putRecords, read, codec: jsonCodec, authorization, headers };
}
