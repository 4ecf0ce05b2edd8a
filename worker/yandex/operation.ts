// Declares one method of the service in one place: its name, which allow lists use too, the members
// of its input, the member that names its stream, and its action. The types follow from the input.
// operations.ts lists the declarations. To add a method, declare it and list it there.
import type { Backend } from "../stream/backend.ts";
import type { FailureLog } from "../core/failureLog.ts";
import type { Selection } from "../scan/selection.ts";
import type { BodyCodec } from "./codec.ts";
import { YandexError } from "./errors.ts";
import type { Database, StreamAddress } from "./names.ts";
import { type Fields, type MessageOf, readMessage } from "./shapeTypes.ts";

export interface ActionContext {
  backend: Backend;
  /** The database of the request, and the account and region of the caller. */
  database: Database;
  /** What the input calls its stream: nothing when it names none. */
  streamName: string;
  nowMs: number;
  /** The records that the caller wants, if it does not want all. Throws `invalidCondition`. */
  selection(): Selection | undefined;
  failures: FailureLog;
  /**
   * Throws AccessDeniedException unless the caller may do this with the stream, or its consumer, or
   * at all.
   */
  readonly permit: (stream: StreamAddress | undefined, consumer?: string) => Promise<void>;
}

/** A call whose input has been read. */
export interface Call {
  readonly streamName: string;
  /** The reply; members that are undefined, and empty lists, are left out. */
  readonly run: (context: ActionContext) => Promise<object>;
}

/** Reads the input of a body. Throws YandexError. */
export type InputReader<Input> = (body: Uint8Array, codec: BodyCodec) => Input;

export interface Operation<Name extends string = string, Members extends Fields = Fields> {
  readonly name: Name;
  readonly input: Members;
  readonly read: InputReader<Call>;
}

interface Declaration<Name extends string, Members extends Fields, Input> {
  readonly name: Name;
  readonly input: Members;
  /** What the input calls its stream. Left out where none is named, or only a token names it. */
  readonly stream?: (input: Input) => string | undefined;
  /**
   * Asks for permission before it tells anything: by `addressIn`, or by `permit` for what no member
   * names.
   */
  readonly run: (context: ActionContext, input: Input) => Promise<object>;
}

export function operation<const Name extends string, const Members extends Fields>(
  declaration: Declaration<Name, Members, MessageOf<Members>>,
): Operation<Name, Members> {
  const { input } = declaration;
  return operationWith((body, codec) => readInput(input, body, codec), declaration);
}

/** An operation that reads its bodies in a way of its own. */
export function operationWith<const Name extends string, const Members extends Fields, Input>(
  readOwn: InputReader<Input>,
  { name, input, stream, run }: Declaration<Name, Members, Input>,
): Operation<Name, Members> {
  const read: InputReader<Call> = (body, codec) => {
    const sent = readOwn(body, codec);
    return { streamName: stream?.(sent) ?? "", run: (context) => run(context, sent) };
  };
  return { name, input, read };
}

/** Throws InvalidArgumentException, MissingParameter. */
export function readInput<const Members extends Fields>(
  members: Members,
  body: Uint8Array,
  codec: BodyCodec,
): MessageOf<Members> {
  return readMessage(members, decode(body, codec));
}

/** Undefined for no body. */
function decode(body: Uint8Array, codec: BodyCodec): unknown {
  if (body.length === 0) return undefined;
  try {
    return codec.decode(body);
  } catch {
    const format = codec.format.toUpperCase();
    const message = `Can not parse request body from ${format}`;
    throw new YandexError("InvalidArgumentException", message);
  }
}
