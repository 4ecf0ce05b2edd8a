// Finds the access configuration in the Worker's variables. Without configuration every caller is
// refused. MILLRACE_AUTH holds keys; MILLRACE_ACCESS is "open" only if the local server sets it.
import { defaultAccount } from "../core/defaults.ts";
import type { Env } from "../core/bindings.ts";
import { type AuthConfig, configureAuth } from "./config.ts";

interface Known {
  document: string | undefined;
  access: string | undefined;
  config: AuthConfig;
}

/** The last configuration; it caches derived signing keys. */
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
