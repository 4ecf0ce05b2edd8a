// What a method gets beside its input, and what it gives back.
import type { Runtime } from "../core/bindings.ts";
import type { FailureLog } from "../core/failureLog.ts";
import { findStream, type KnownStream } from "../stream/directory.ts";
import { streamNotFound } from "./errors.ts";
import type { InputOf, MethodName } from "./shapes.ts";
import { addressOf, type Place, type StreamAddress } from "./names.ts";

export interface MethodContext {
  runtime: Runtime;
  /** The database of the request, and the account and region of the caller. */
  place: Place;
  nowMs: number;
  failures: FailureLog;
  /** Throws AccessDeniedException unless the caller may do this with the stream, or its consumer, or at all. */
  readonly permit: (stream: StreamAddress | undefined, consumer?: string) => Promise<void>;
}

/** A method's reply; members that are undefined, and empty lists, are left out. */
export type Method<Name extends MethodName> = (
  context: MethodContext,
  input: InputOf<Name>,
) => Promise<object>;

/** The stream that a name means, once the caller may have it, or a consumer of it that is named too. */
export async function addressIn(
  { runtime, place, permit }: MethodContext,
  name: string | undefined,
  consumer?: string,
): Promise<StreamAddress> {
  const address = addressOf(name ?? "", place, runtime.env.MILLRACE_YANDEX_DATABASE);
  await permit(address, consumer);
  return address;
}

/** Throws ResourceNotFoundException, also for a stream that is about to go. */
export async function getStream(
  { runtime }: MethodContext,
  { scope, name, full }: StreamAddress,
): Promise<KnownStream> {
  const stream = await findStream(runtime.env, scope, name);
  if (stream.description.status === "DELETING") throw streamNotFound(full);
  return stream;
}

/** A list member, or nothing for an empty list. */
export function listMember(name: string, items: readonly unknown[]): object {
  return items.length === 0 ? {} : { [name]: items };
}
