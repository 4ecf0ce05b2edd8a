// Finds the access configuration in the Worker's variables. Without configuration every caller is
// refused. MILLRACE_AUTH holds keys, and MILLRACE_AUTH_2 to _9 hold more of them; MILLRACE_ACCESS is
// "open" only if the local server sets it.
import { defaultAccount } from "../core/defaults.ts";
import { type Env, furtherAuthNames } from "../core/bindings.ts";
import { type AuthConfig, type AuthDocuments, configureAuth } from "./config.ts";

interface Known {
  documents: AuthDocuments;
  access: string | undefined;
  config: AuthConfig;
}

/** The last configuration; it caches derived signing keys. */
let known: Known | undefined;

const authNames = ["MILLRACE_AUTH", ...furtherAuthNames] as const;

export function accessOf(env: Env): AuthConfig {
  if (known === undefined || !isOf(env, known)) {
    const { MILLRACE_ACCESS: access } = env;
    const documents = documentsOf(env);
    known = { documents, access, config: readAccess(documents, access) };
  }
  return known.config;
}

function isOf(env: Env, { documents, access }: Known): boolean {
  return access === env.MILLRACE_ACCESS && authNames.every((name) => documents[name] === env[name]);
}

function documentsOf(env: Env): AuthDocuments {
  const given = authNames.flatMap((name) => {
    const document = env[name];
    return document === undefined ? [] : [[name, document] as const];
  });
  return Object.fromEntries(given);
}

function readAccess(documents: AuthDocuments, access: string | undefined): AuthConfig {
  if (Object.keys(documents).length === 0 && access === "open") {
    return { mode: "open", account: defaultAccount };
  }
  const config = configureAuth(documents);
  if (config.mode === "closed" && config.problem !== undefined) console.error(config.problem);
  return config;
}
