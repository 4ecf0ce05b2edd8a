/** Numbers of the command line. */
import { Failure } from "../local/failure.ts";

/** A whole number within bounds. Throws a Failure that names the flag. */
export function parseCount(flag: string, text: string, min: number, max: number): number {
  const count = Number(text);
  if (/^\d{1,15}$/.test(text) && count >= min && count <= max) return count;
  throw new Failure(`${flag} ${text} is not valid: pass a whole number from ${min} to ${max}`, 2);
}

/** One of a few words. Throws a Failure that lists them. */
export function parseChoice<T extends string>(
  flag: string,
  text: string,
  choices: readonly T[],
): T {
  const choice = choices.find((each) => each === text);
  if (choice !== undefined) return choice;
  throw new Failure(`${flag} ${text} is not valid: pass ${choices.join(", ")}`, 2);
}
