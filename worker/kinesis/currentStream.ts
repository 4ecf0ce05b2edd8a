// Describes or changes a stream in its catalog, for control-plane actions. They ask the catalog and
// not a cache, because a client that has changed a stream expects to see the change.
import type { StreamChange } from "../core/control.ts";
import type { StreamHead } from "../core/rpc.ts";
import type { StreamDescription } from "../core/types.ts";
import type { ActionContext } from "./context.ts";
import { resolveStream, type StreamReference } from "./names.ts";

/** Throws `streamNotFound`. */
export async function describeStreamNow(
  { backend, scope }: ActionContext,
  reference: StreamReference,
): Promise<StreamDescription> {
  const address = resolveStream(reference, scope);
  return (await backend.streams.refresh(address, address.name)).description;
}

/** What the stream was, and what it is now. */
export async function changeStreamNow(
  { backend, scope }: ActionContext,
  reference: StreamReference,
  change: StreamChange,
): Promise<{ before: StreamHead; after: StreamHead }> {
  const address = resolveStream(reference, scope);
  return backend.streams.change(address, address.name, change);
}
