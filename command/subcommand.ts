/**
 * What a sub-command is. Each one is a file of this folder that exports a `Subcommand`, and a line
 * in `table.ts`. The file is loaded only when its command is named, so that no command waits for
 * the code of another.
 */
import type { Command } from "commander";

/** A line of the table: what the help page of `millrace` says, and where the command is. */
export interface Entry {
  name: string;
  /** One line, without a full stop. */
  summary: string;
  load(): Promise<Subcommand>;
}

/** Adds arguments, options, examples and the action to the command of its name. */
export type Subcommand = (command: Command) => void;

/** Examples at the end of a help page: each a command line and what it does. */
export function addExamples(command: Command, examples: [line: string, what: string][]): void {
  const lines = examples.map(([line, what]) => `  # ${what}\n  $ ${line}`);
  command.addHelpText("after", `\nExamples:\n${lines.join("\n")}`);
}
