// What a mutation is: one place in the code that is made wrong on purpose, and the tests that must notice. The text to
// find stands exactly once in its file, so an entry that the code has left behind is told, never
// passed over.
import { readFileSync } from "node:fs";
import { join } from "node:path";

export interface Mutation {
  /** Room and number, such as `shard-07`. */
  readonly id: string;
  /** From the root of the repository. */
  readonly file: string;
  readonly find: string;
  readonly replace: string;
  /** Test files; one failing test in any of them catches the mutation. */
  readonly tests: readonly string[];
  /** What the change would do to a user. */
  readonly harm: string;
  /** Why no test can or need see it. Without a reason a survivor fails the run. */
  readonly survives?: string;
}

/** What is wrong with the table itself, an entry a line; none when it matches the code. */
export function findStale(root: string, table: readonly Mutation[]): string[] {
  const ids = new Set<string>();
  const texts = new Map<string, string | undefined>();
  return table.flatMap(({ id, file, find, replace, tests }) => {
    const problems: string[] = [];
    if (ids.has(id)) problems.push("its id is there twice");
    ids.add(id);
    if (find === replace) problems.push("it changes nothing");
    if (tests.length === 0) problems.push("it names no test");
    for (const test of tests) {
      if (read(root, test, texts) === undefined) problems.push(`there is no ${test}`);
    }
    const text = read(root, file, texts);
    const count = text === undefined ? 0 : text.split(find).length - 1;
    if (text === undefined) problems.push(`there is no ${file}`);
    else if (count !== 1) problems.push(`${file} has the text ${count} times`);
    return problems.map((problem) => `${id}: ${problem}`);
  });
}

/** The file's text with the mutation in it. */
export function mutate(text: string, { find, replace }: Mutation): string {
  const at = text.indexOf(find);
  return text.slice(0, at) + replace + text.slice(at + find.length);
}

function read(
  root: string,
  file: string,
  known: Map<string, string | undefined>,
): string | undefined {
  if (!known.has(file)) {
    let text: string | undefined;
    try {
      text = readFileSync(join(root, file), "utf8");
    } catch {
      text = undefined;
    }
    known.set(file, text);
  }
  return known.get(file);
}
