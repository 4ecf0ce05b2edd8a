/** `millrace completion`: prints a script that completes commands and flags in a shell. */
import { Command } from "commander";
import { parseChoice } from "./number.ts";
import { addExamples } from "./subcommand.ts";
import { table } from "./table.ts";
import { write } from "./terminal/output.ts";

const shells = ["bash", "zsh", "fish"] as const;

/** Completion is of the installed program, whatever runs this. */
const program = "millrace";

/** What can be completed behind a command. */
interface Described {
  name: string;
  summary: string;
  flags: { long: string; summary: string; takesValue: boolean; choices: readonly string[] }[];
}

export function completion(command: Command): void {
  command
    .usage("<shell> [flags]")
    .argument("<shell>", shells.join(", "))
    .action(async (text: string) => {
      const shell = parseChoice("completion", text, shells);
      const commands = await describeAll();
      const scripts = { bash: bashScript, zsh: zshScript, fish: fishScript };
      await write(scripts[shell](commands));
    });
  addExamples(command, [
    [`source <(${program} completion bash)`, "in ~/.bashrc"],
    [`source <(${program} completion zsh)`, "in ~/.zshrc, behind compinit"],
    [`${program} completion fish > ~/.config/fish/completions/${program}.fish`, "once"],
  ]);
}

/** All commands with their flags: what commander knows of them. */
async function describeAll(): Promise<Described[]> {
  return await Promise.all(
    table.map(async (entry) => {
      const { name, summary } = entry;
      const command = new Command(name);
      const describe = await entry.load();
      describe(command);
      const flags = command.options.flatMap(
        ({ long, description, required, optional, argChoices }) =>
          long === undefined || long === null
            ? []
            : [
                {
                  long,
                  summary: description,
                  takesValue: required || optional,
                  choices: argChoices ?? [],
                },
              ],
      );
      const help = { long: "--help", summary: "print this page", takesValue: false, choices: [] };
      return { name, summary, flags: [...flags, help] };
    }),
  );
}

function bashScript(commands: readonly Described[]): string {
  const names = commands.map(({ name }) => name).join(" ");
  const cases = commands.map(
    ({ name, flags }) => `    ${name}) words="${flags.map(({ long }) => long).join(" ")}" ;;`,
  );
  return `_${program}() {
  local current="\${COMP_WORDS[COMP_CWORD]}" words=""
  COMPREPLY=()
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W "${names} help --help --version" -- "$current"))
    return
  fi
  case "\${COMP_WORDS[1]}" in
${cases.join("\n")}
    help) words="${names}" ;;
    completion) words="${shells.join(" ")}" ;;
  esac
  case "$current" in
    -*) COMPREPLY=($(compgen -W "$words" -- "$current")) ;;
    *) case "\${COMP_WORDS[1]}" in
         help|completion) COMPREPLY=($(compgen -W "$words" -- "$current")) ;;
         *) COMPREPLY=($(compgen -f -- "$current")) ;;
       esac ;;
  esac
}
complete -F _${program} ${program}
`.replace(/^ {4}completion\) words="--help" ;;\n/m, "");
}

function zshScript(commands: readonly Described[]): string {
  const names = commands
    .map(({ name, summary }) => `    '${name}:${quoteZsh(summary)}'`)
    .join("\n");
  const cases = commands.map(({ name, flags }) => {
    const specs = flags.map(
      ({ long, summary, takesValue }) =>
        `        '${long}[${quoteZsh(summary)}]${takesValue ? ":value:_files" : ""}'`,
    );
    const rest = name === "completion" ? `'*:shell:(${shells.join(" ")})'` : `'*:argument:_files'`;
    return `    ${name})\n      _arguments \\\n${[...specs, `        ${rest}`].join(" \\\n")} ;;`;
  });
  return `#compdef ${program}
_${program}() {
  local -a commands
  commands=(
${names}
  )
  if (( CURRENT == 2 )); then
    _describe command commands
    return
  fi
  local command="\${words[2]}"
  shift words
  (( CURRENT-- ))
  case "$command" in
    help) _describe command commands ;;
${cases.join("\n")}
  esac
}
compdef _${program} ${program}
`;
}

function fishScript(commands: readonly Described[]): string {
  const lines = commands.flatMap(({ name, summary, flags }) => [
    `complete -c ${program} -n __fish_use_subcommand -f -a ${name} -d ${quoteFish(summary)}`,
    ...flags.map(
      ({ long, summary: what, takesValue }) =>
        `complete -c ${program} -n '__fish_seen_subcommand_from ${name}' ` +
        `-l ${long.slice(2)}${takesValue ? " -r" : ""} -d ${quoteFish(what)}`,
    ),
  ]);
  const shellWords = `complete -c ${program} -n '__fish_seen_subcommand_from completion' -f -a '${shells.join(" ")}'`;
  return `${lines.join("\n")}\n${shellWords}\n`;
}

/** Text within single quotes, in which `_arguments` gives brackets and colons a meaning. */
function quoteZsh(text: string): string {
  return text.replaceAll("'", "'\\''").replaceAll(/[[\]:]/g, "\\$&");
}

function quoteFish(text: string): string {
  return `'${text.replaceAll(/[\\']/g, "\\$&")}'`;
}
