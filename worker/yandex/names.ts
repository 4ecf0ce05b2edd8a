// Which stream a name means. A name is absolute (/ru-central1/<cloud>/<database>/<stream>) or relative to
// the database that the URL's path names. A path of one name, a region or the /Root and /local of a
// server at home, is the default database, and so is no path at all; the operator may give it the path
// of a real one. A stream in its root is the Kinesis stream of that name. Any other database exists as
// soon as it has streams, which have their whole path for a name. Regions of Yandex Cloud, which AWS has
// none of, are the home of this server; any other region is what it says. Sources: Yandex Data Streams
// API reference; YDB http_req.cpp, kinesis_ut.cpp.
import { sharedName } from "../core/streamName.ts";
import type { Scope } from "../core/types.ts";
import { issue, YandexError } from "./errors.ts";

/** Where a request is: the database that its path names, and whose streams it may mean. */
export interface Database {
  scope: Scope;
  /** `/<region>/<cloud>/<database>`; undefined for the default database. */
  root: string | undefined;
  /** The path itself, or nothing for `/`. */
  path: string;
}

export interface StreamAddress {
  scope: Scope;
  /** The stream's name in the catalog. */
  name: string;
  /** As the client wrote it: what replies call the stream. */
  given: string;
  /** With the path before it, if it is relative: what messages call the stream. */
  full: string;
}

/** What stands before the streams of the default database that are not in its root. */
const defaultPath = "/local";

const homes: ReadonlySet<string> = new Set(["Root", "local"]);

/** Its own tests call it by both names. */
const homeRegion = /^(?:ru-central-?1|kz1)$/;
const otherRegion = /^[a-z]{2}(?:-[a-z]+)+-\d$/;

const segment = /^[\w.-]{1,128}$/;

const nameBytesMax = 255;

/** What follows `Credential=` in a request for Yandex Cloud. */
export function isYandexCredential(credential: string): boolean {
  return homeRegion.test(credential.split("/")[2] ?? "");
}

/** The region that a signature is for. Throws AccessDeniedException for what is none. */
export function regionOf(signedFor: string | undefined, home: string): string {
  if (signedFor === undefined || homeRegion.test(signedFor)) return home;
  if (otherRegion.test(signedFor)) return signedFor;
  throw new YandexError("AccessDeniedException", `Unknown region ${JSON.stringify(signedFor)}`);
}

/** Throws ResourceNotFoundException for a path that is no database. */
export function databaseOf(
  path: string,
  scope: Scope,
  defaultDatabase: string | undefined,
): Database {
  const names = path.split("/").filter((name) => name !== "");
  if (names.length === 0) return { scope, root: undefined, path: "" };
  const found = databaseAt(names, scope, defaultDatabase);
  if (found === undefined || found.length !== names.length) throw noDatabase(names);
  return found.database;
}

/** Throws ValidationException for no name, InvalidArgumentException for what can be none. */
export function addressOf(
  given: string,
  database: Database,
  defaultDatabase: string | undefined,
): StreamAddress {
  if (given === "") throw issue("badRequest", "Stream name is empty");
  // The length comes first: a text of slashes would make as many names.
  const names = given
    .slice(0, nameBytesMax)
    .split("/")
    .filter((name) => name !== "");
  const isPlain = names.length > 0 && names.every((name) => segment.test(name));
  if (!isPlain || given.length > nameBytesMax) {
    const shown = JSON.stringify(given.slice(0, nameBytesMax));
    throw issue("argument", `Invalid stream name: ${shown}`);
  }
  const full = fullNameOf(given, database);
  if (!given.startsWith("/")) return { ...streamIn(database, names), given, full };
  const found = databaseAt(names, database.scope, defaultDatabase);
  if (found === undefined) throw noDatabase(names.slice(0, -1));
  if (found.length === names.length) throw issue("argument", `${given} is a database`);
  return { ...streamIn(found.database, names.slice(found.length)), given, full };
}

export function fullNameOf(given: string, { path }: Database): string {
  return given.startsWith("/") || path === "" ? given : `${path}/${given}`;
}

/** How the catalog's names of a database's streams begin; undefined for those in the default root. */
export function pathsOf({ root }: Database): (string | undefined)[] {
  return root === undefined ? [undefined, `${defaultPath}/`] : [`${root}/`];
}

function streamIn(
  { scope, root }: Database,
  names: readonly string[],
): { scope: Scope; name: string } {
  const [only] = names;
  const isShared = root === undefined && names.length === 1 && sharedName.test(only ?? "");
  return {
    scope,
    name: isShared ? (only as string) : `${root ?? defaultPath}/${names.join("/")}`,
  };
}

/** The database at the beginning of a path, and how many of its names that takes. */
function databaseAt(
  names: readonly string[],
  scope: Scope,
  defaultDatabase: string | undefined,
): { database: Database; length: number } | undefined {
  const [first = ""] = names;
  const isOther = otherRegion.test(first) && !homeRegion.test(first);
  const isRegion = isOther || homeRegion.test(first);
  const found = (length: number, isDefault: boolean) => {
    const path = `/${names.slice(0, length).join("/")}`;
    const root = isDefault ? undefined : path;
    return {
      database: { scope: isOther ? { ...scope, region: first } : scope, root, path },
      length,
    };
  };
  const standard = (defaultDatabase ?? "").split("/").filter((name) => name !== "");
  if (standard.length > 0 && standard.every((name, i) => name === names[i])) {
    return found(standard.length, true);
  }
  if (isRegion && names.length >= 3 && names.slice(1, 3).every((name) => segment.test(name))) {
    return found(3, false);
  }
  return isRegion || homes.has(first) ? found(1, true) : undefined;
}

function noDatabase(names: readonly string[]): YandexError {
  const message = `Database with path '/${names.join("/")}' doesn't exists`;
  return new YandexError("ResourceNotFoundException", message);
}
