// Shared by the operations: the stream that the input names, and the form of replies.
import type { KnownStream } from "../stream/directory.ts";
import { streamNotFound } from "./errors.ts";
import { addressOf, type StreamAddress } from "./names.ts";
import type { ActionContext } from "./operation.ts";

/**
 * The stream that the input names, once the caller may have it, or a consumer of it that is named
 * too.
 */
export async function addressIn(
  { backend, database, streamName, permit }: ActionContext,
  consumer?: string,
): Promise<StreamAddress> {
  const address = addressOf(streamName, database, backend.yandexDatabase);
  await permit(address, consumer);
  return address;
}

/** Throws ResourceNotFoundException, also for a stream that is about to go. */
export async function getStream(
  { backend }: ActionContext,
  { scope, name, full }: StreamAddress,
): Promise<KnownStream> {
  const stream = await backend.streams.find(scope, name);
  if (stream.description.status === "DELETING") throw streamNotFound(full);
  return stream;
}

/** A list member, or nothing for an empty list. */
export function listMember(name: string, items: readonly unknown[]): object {
  return items.length === 0 ? {} : { [name]: items };
}
