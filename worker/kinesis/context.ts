// What an action gets beside its input, and what it gives back.
import type { Runtime } from "../env.ts";
import type { Scope } from "../stream/types.ts";
import type { WireFormat } from "./codec.ts";
import type { KinesisError } from "./errors.ts";
import type { OperationInput, OperationName } from "./shapes.ts";

export interface ActionContext {
  runtime: Runtime;
  /** Account and region of the caller's credentials. */
  scope: Scope;
  format: WireFormat;
  /** To be thrown unless the stream distributes records by itself. */
  keyError: KinesisError | undefined;
  nowMs: number;
}

/** A value for the codec, bytes that are the body already, or nothing: an empty body. */
export type ActionReply = object | Uint8Array | undefined;

export type Action<Name extends OperationName> = (
  context: ActionContext,
  input: OperationInput<Name>,
) => Promise<ActionReply>;
