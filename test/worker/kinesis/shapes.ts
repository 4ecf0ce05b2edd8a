// The inputs of all operations by their names, out of the product's declarations.

import { declared } from "../../../worker/kinesis/operations.ts";
import type { InputOf } from "../../../worker/kinesis/shapeTypes.ts";

type Declared = (typeof declared)[number];

type Shapes = { readonly [Each in Declared as Each["name"]]: Each["input"] };

export type OperationName = keyof Shapes;

export type OperationInput<Name extends OperationName> = InputOf<Shapes[Name]>;

export const shapes = Object.fromEntries(
  declared.map(({ name, input }) => [name, input]),
) as Shapes;

export function isOperation(name: string): name is OperationName {
  return Object.hasOwn(shapes, name);
}
