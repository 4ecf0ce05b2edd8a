// The credentials that requests are signed with. An open server accepts any, so the console begins
// with made-up ones. Entered keys are kept in the session storage of the tab and nowhere else.
import { signal } from "@preact/signals";

export interface Credentials {
  accessKeyId: string;
  secretAccessKey: string;
  region: string;
}

const storageKey = "millrace.credentials";

export const anonymous: Credentials = {
  accessKeyId: "console",
  secretAccessKey: "console",
  region: "us-east-1",
};

export const credentials = signal<Credentials>(load());

/** True once the server has refused the credentials: the page asks for others. */
export const isRefused = signal(false);

export function signIn(entered: Credentials): void {
  sessionStorage.setItem(storageKey, JSON.stringify(entered));
  credentials.value = entered;
  isRefused.value = false;
}

export function signOut(): void {
  sessionStorage.removeItem(storageKey);
  credentials.value = anonymous;
  isRefused.value = false;
}

function load(): Credentials {
  const stored = sessionStorage.getItem(storageKey);
  return stored === null ? anonymous : (JSON.parse(stored) as Credentials);
}
