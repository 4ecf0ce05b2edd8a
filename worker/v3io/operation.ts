// Declares one operation in one place: its name, its name in allow lists and policies, what it
// reads from a request, the resource that its permission is checked for, and its action. The types
// follow from what is read. operations.ts lists the declarations. To add an operation, declare it
// and list it there.
import type { Backend } from "../stream/backend.ts";
import type { FailureLog } from "../core/failureLog.ts";
import type { Scope } from "../core/types.ts";
import type { Incoming } from "../http/incoming.ts";
import { readLentBody } from "../http/body.ts";
import { invalid } from "./errors.ts";
import { type Body, parseBody } from "./fields.ts";
import type { Address, Place } from "./names.ts";

/** JSON of a request (Iguazio web API reference, PutRecords: 10 MB). */
const bodyBytesMax = 10 * 1024 * 1024;

export interface ActionContext {
  backend: Backend;
  scope: Scope;
  failures: FailureLog;
}

/**
 * The resource that the permission is checked for: the stream that the operation names, the object
 * at a path, which may be in a stream, or the account.
 */
export type Resource =
  | { readonly kind: "stream" | "path"; readonly place: Place }
  | { readonly kind: "account" };

/** A request that has been read. */
export interface Call {
  readonly resource: Resource;
  readonly run: (context: ActionContext) => Promise<Response>;
}

/** Reads the input of a request. Throws V3ioError. */
export type InputReader<Input> = (request: Incoming, address: Address) => Promise<Input>;

export interface Operation<Name extends string = string> {
  readonly name: Name;
  /** The name in allow lists. */
  readonly action: string;
  /**
   * The Kinesis action that policies of resources use for it. Undefined for operations that every
   * caller with valid credentials may use.
   */
  readonly alias: string | undefined;
  readonly read: InputReader<Call>;
}

interface Declaration<Name extends string, Input> {
  readonly name: Name;
  /** Set if it is not `v3io:` and the operation's name. */
  readonly action?: string;
  readonly alias: string | undefined;
  readonly resource: (input: Input) => Resource;
  readonly run: (context: ActionContext, input: Input) => Promise<Response>;
}

/** An operation whose input is in the path and a JSON body. */
export function operation<const Name extends string, Input>({
  read,
  ...declaration
}: Declaration<Name, Input> & {
  /** Throws V3ioError. */
  readonly read: (address: Address, body: Body) => Input;
}): Operation<Name> {
  const readRequest = fromBody((address, bytes) => read(address, parseBody(bytes)));
  return requestOperation({ ...declaration, read: readRequest });
}

/** An operation with its own reader of requests. */
export function requestOperation<const Name extends string, Input>({
  name,
  action = `v3io:${name}`,
  alias,
  read,
  resource,
  run,
}: Declaration<Name, Input> & { readonly read: InputReader<Input> }): Operation<Name> {
  const readCall: InputReader<Call> = async (request, address) => {
    const input = await read(request, address);
    return { resource: resource(input), run: (context) => run(context, input) };
  };
  return { name, action, alias, read: readCall };
}

/** A reader of the bytes of a body. */
export function fromBody<Input>(
  read: (address: Address, body: Uint8Array) => Input,
): InputReader<Input> {
  return async (request, address) => {
    if (request.method !== "PUT" && request.method !== "POST") throw invalid();
    const body = await readLentBody(request, bodyBytesMax);
    if (body === undefined) throw invalid();
    return read(address, body);
  };
}
