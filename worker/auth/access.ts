// Which configuration of callers is in force, from the Worker's variables. Closed unless something
// says otherwise: MILLRACE_AUTH holds keys, or MILLRACE_ACCESS is "open", which only the local server sets.
import { defaultAccount } from "../core/defaults.ts";
import type { Env } from "../core/bindings.ts";
import { type AuthConfig, configureAuth } from "./config.ts";

interface Known {
  document: string | undefined;
  access: string | undefined;
  config: AuthConfig;
}

/** The last one read: it holds derived signing keys, which are worth keeping. */
let known: Known | undefined;

export function accessOf(env: Env): AuthConfig {
  const { MILLRACE_AUTH: document, MILLRACE_ACCESS: access } = env;
  if (known === undefined || known.document !== document || known.access !== access) {
    known = { document, access, config: readAccess(document, access) };
  }
  return known.config;
}

function readAccess(document: string | undefined, access: string | undefined): AuthConfig {
  if (document === undefined && access === "open") return { mode: "open", account: defaultAccount };
  const config = configureAuth(document);
  if (config.mode === "closed" && config.problem !== undefined) console.error(config.problem);
  return config;
}
