/**
 * The AWS configuration files: `~/.aws/config` and `~/.aws/credentials`, as far as a profile's own
 * settings go. A file that does not exist has no profiles. Nested settings, such as those of a
 * `services` section, are read as `name.nested`.
 */
import { readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { errorCode, Failure } from "../../local/failure.ts";

/** Settings of a section by name, in lower case. */
export type Section = Record<string, string>;

export interface ConfigFiles {
  /** Of the profile, from both files; the credentials file wins. Undefined if neither has it. */
  profile(name: string): Section | undefined;
  /** Of `[services NAME]` in the config file. */
  services(name: string): Section | undefined;
}

/** Throws a Failure if a file that exists cannot be read. */
export function readConfigFiles(env: NodeJS.ProcessEnv = process.env): ConfigFiles {
  const folder = join(homedir(), ".aws");
  const config = readSections(env["AWS_CONFIG_FILE"] ?? join(folder, "config"));
  const credentialsFile = env["AWS_SHARED_CREDENTIALS_FILE"] ?? join(folder, "credentials");
  const credentials = readSections(credentialsFile);
  return {
    profile(name) {
      const own =
        config.get(`profile ${name}`) ?? (name === "default" ? config.get(name) : undefined);
      const secret = credentials.get(name);
      return own === undefined && secret === undefined ? undefined : { ...own, ...secret };
    },
    services: (name) => config.get(`services ${name}`),
  };
}

function readSections(path: string): Map<string, Section> {
  try {
    return parseSections(readFileSync(path, "utf8"));
  } catch (error) {
    if (["ENOENT", "ENOTDIR"].includes(errorCode(error))) return new Map();
    throw new Failure(`${path} cannot be read (${errorCode(error)})`);
  }
}

/** Sections by name, with one blank between the words of a name. */
export function parseSections(text: string): Map<string, Section> {
  const sections = new Map<string, Section>();
  let section: Section = {};
  let parent = "";
  for (const line of text.split(/\r?\n/)) {
    const header = /^\s*\[([^\]]*)\]/.exec(line);
    if (header !== null) {
      const name = (header[1] ?? "").trim().replaceAll(/\s+/g, " ");
      section = sections.get(name) ?? {};
      sections.set(name, section);
      parent = "";
      continue;
    }
    const setting = /^(\s*)([^#;=\s][^=]*?)\s*=\s*(.*?)\s*$/.exec(line);
    if (setting === null) continue;
    const [, indent = "", name = "", value = ""] = setting;
    const own = name.toLowerCase();
    if (indent === "") parent = own;
    const isNested = indent !== "" && parent !== "";
    section[isNested ? `${parent}.${own}` : own] = value.replace(/\s+[#;].*$/, "");
  }
  return sections;
}
