/**
 * Reads a command line of `millrace` and runs the sub-command that it names. A wrong argument is a
 * Failure with exit code 2 whose line names it. Nothing is guessed, and nothing is run.
 */
import { Command, CommanderError, type Option } from "commander";
import { programName, readVersion } from "./version.ts";
import { Failure } from "../local/failure.ts";
import { addExamples, type Entry } from "./subcommand.ts";
import { table } from "./table.ts";
import { write } from "./terminal/output.ts";

/** As wide as the lines of this repository, whatever the terminal has. */
const helpColumns = 100;

/** Resolves when the sub-command's action has ended. Throws a Failure for a user's mistake. */
export async function runCommand(args: readonly string[]): Promise<void> {
  const [first, about] = args;
  // `help NAME` is the page of NAME, whose file must be loaded for it.
  const given = first === "help" && about !== undefined ? [about, "--help"] : args;
  const named = nameOf(given);
  const program = await describeProgram(named);
  try {
    await program.parseAsync(given, { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return;
    const see = named === undefined ? "--help" : `${named} --help`;
    throw new Failure(`${plainLine(error.message)}: ${programName} ${see} lists the flags`, 2);
  }
}

/**
 * The sub-command that the arguments name; undefined if they ask about the program. Without a name
 * it is the default one, so that `millrace --port 0` starts a server.
 */
function nameOf([first = ""]: readonly string[]): string | undefined {
  if (["--help", "-h", "--version", "help"].includes(first)) return undefined;
  if (first === "" || first.startsWith("-")) return table[0]?.name;
  if (table.some(({ name }) => name === first)) return first;
  throw new Failure(`there is no command "${first}": ${programName} --help lists them`, 2);
}

async function describeProgram(named: string | undefined): Promise<Command> {
  const program = new Command(programName)
    .description(
      "A record-stream store for clients of Kinesis, v3io, Yandex Data Streams and Durable Streams.",
    )
    .usage("[command] [flags]")
    .version(`millrace ${readVersion()}`, "--version", "print the version")
    .helpOption("--help", "print this page")
    .helpCommand("help [command]", "print the page of a command")
    .exitOverride()
    .configureOutput({ writeOut: (text) => void write(text), writeErr: () => {} })
    .configureHelp({ helpWidth: helpColumns, optionDescription });
  for (const [at, entry] of table.entries()) await addEntry(program, entry, at === 0, named);
  addExamples(program, [
    [`${programName} --port 0 --memory`, "a server for a test run, which keeps nothing"],
    [`${programName} start --help`, "all flags of the server"],
    [`${programName} create orders && ${programName} put orders hello`, "a stream and a record"],
    [`${programName} tail orders --from 10m`, "what arrived lately, and what arrives"],
  ]);
  return program;
}

async function addEntry(
  program: Command,
  entry: Entry,
  isDefault: boolean,
  named: string | undefined,
): Promise<void> {
  const command = program.command(entry.name, { isDefault }).description(entry.summary);
  command.usage("[flags]").helpOption("--help", "print this page").allowExcessArguments(false);
  if (named !== entry.name) return;
  const describe = await entry.load();
  describe(command);
}

/** With the default in brackets. Most flags have theirs in the text, because it is more than a value. */
function optionDescription({ description, defaultValue }: Option): string {
  return typeof defaultValue === "string" ? `${description} (${defaultValue})` : description;
}

/** One line. Commander adds a hint in a second one, such as "(Did you mean --port?)". */
function plainLine(message: string): string {
  return message
    .replace(/^error: /, "")
    .replaceAll("\n", " ")
    .replace(/\.$/, "");
}
