// Declares one operation of the service in one place: its name, which allow lists use too, the
// shape of its input, the members that name its resource, its rate, and its action. The types
// follow from the shape. operations.ts lists the declarations. To add an operation, declare it and
// list it there.
import { type BodyCodec, decodeObject } from "./codec.ts";
import type { ActionContext, ActionReply } from "./context.ts";
import type { Home } from "./names.ts";
import type { Named } from "./resource.ts";
import type { InputOf, StructureShape } from "./shapeTypes.ts";
import { type CheckedInput, readInput } from "./validate.ts";

/**
 * Calls a second (AWS API reference, one operation each). The limits of the data plane are applied
 * by the shards.
 */
export interface Rate {
  readonly perSecond: number;
  readonly of: "account" | "stream";
}

/** A call whose input has been read. */
export interface Call {
  /** What the input names. Throws the KinesisError if it names nothing. */
  readonly named: (home: Home) => Named;
  readonly run: (context: ActionContext) => Promise<ActionReply>;
}

/**
 * Takes a body that is well formed; undefined for one that is not. What is wrong with the input is
 * thrown when it is asked for, which is after the caller is known.
 */
export type Opener<Input> = (body: Uint8Array, codec: BodyCodec) => (() => Input) | undefined;

export interface Operation<
  Name extends string = string,
  Content extends StructureShape = StructureShape,
> {
  readonly name: Name;
  readonly input: Content;
  readonly rate: Rate | undefined;
  /**
   * Policies have no say about themselves: one that denies everybody must not keep its owner out.
   */
  readonly isOfPolicy: boolean;
  readonly open: Opener<Call>;
}

/** An operation whose input may also come from elsewhere than a body. */
export interface OperationWith<
  Name extends string,
  Content extends StructureShape,
  Input,
> extends Operation<Name, Content> {
  readonly callOf: (input: Input) => Call;
}

interface Declaration<Name extends string, Content extends StructureShape, Input> {
  readonly name: Name;
  readonly input: Content;
  readonly resource: (input: Input, home: Home) => Named;
  /** Where the service's limits are kept (core/settings.ts). None when left out. */
  readonly rate?: Rate;
  readonly isOfPolicy?: boolean;
  readonly run: (context: ActionContext, input: Input) => Promise<ActionReply>;
}

export function operation<const Name extends string, Content extends StructureShape>(
  declaration: Declaration<Name, Content, InputOf<Content>>,
): Operation<Name, Content> {
  return operationWith(openChecked(declaration.input, requireKeys), declaration);
}

/** An operation that reads its bodies in a way of its own. */
export function operationWith<const Name extends string, Content extends StructureShape, Input>(
  openInput: Opener<Input>,
  declaration: Declaration<Name, Content, Input>,
): OperationWith<Name, Content, Input> {
  const { name, input, resource, rate, isOfPolicy = false, run } = declaration;
  const open: Opener<Call> = (body, codec) => {
    const read = openInput(body, codec);
    return read && (() => callOf(read()));
  };
  const callOf = (sent: Input): Call => ({
    named: (home) => resource(sent, home),
    run: (context) => run(context, sent),
  });
  return { name, input, rate, isOfPolicy, open, callOf };
}

/** Decodes the body and holds it to the shape; `take` makes the input of what was checked. */
export function openChecked<Content extends StructureShape, Input>(
  shape: Content,
  take: (checked: CheckedInput<InputOf<Content>>) => Input,
): Opener<Input> {
  return (body, codec) => {
    const decoded = decodeObject(body, codec);
    const source = { format: codec.format, bodyBytes: body.length };
    return decoded && (() => take(readInput(shape, decoded, source)));
  };
}

/** For a shape whose members do not depend on the stream. */
function requireKeys<Input>({ input, keyError }: CheckedInput<Input>): Input {
  if (keyError !== undefined) throw keyError;
  return input;
}
