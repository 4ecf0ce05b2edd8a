// A decoded body becomes the input of an operation: types first, then constraints. Only one
// question depends on the stream: whether a record may lack its partition key
// (RecordDistributionStrategy). The action decides it.
import { findViolations, satisfies, violationError } from "./constraints.ts";
import { checkTypes, type InputSource } from "./convert.ts";
import type { KinesisError } from "./errors.ts";
import type { InputOf, StructureShape } from "./shapeTypes.ts";

export interface CheckedInput<Input> {
  readonly input: Input;
  /**
   * Set if the only error is missing partition keys. To be thrown unless the stream turns out to
   * distribute its records by itself (AUTO), so also when there is no such stream.
   */
  readonly keyError: KinesisError | undefined;
}

/** The input that an action receives. Throws the KinesisError for an invalid one. */
export function readInput<Content extends StructureShape>(
  shape: Content,
  decoded: unknown,
  source: InputSource,
): CheckedInput<InputOf<Content>> {
  const input = checkTypes(shape, decoded, source);
  if (satisfies(shape, input)) return { input, keyError: undefined };
  const error = violationError(findViolations(shape, input));
  if (!satisfies(shape, input, false)) throw error;
  return { input, keyError: error };
}
