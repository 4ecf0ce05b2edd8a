// Which stream a name means. A name is absolute (/ru-central1/<cloud>/<database>/<stream>) or relative to
// the database that the URL's path names. A path of one name, a region or the /Root and /local of a
// server at home, is the default database, and so is no path at all; the operator may give it the path
// of a real one. A stream in its root is the Kinesis stream of that name. Any other database exists as
// soon as it has streams, which have their whole path for a name. Sources: Yandex Data Streams API
// reference; YDB http_req.cpp.
import type { Scope } from "../stream/types.ts";
import { issue, YandexError } from "./errors.ts";

/** Where a request is: the database that its path names, and whose streams it may mean. */
export interface Place {
  scope: Scope;
  /** `/<region>/<cloud>/<database>`; undefined for the default database. */
  database: string | undefined;
}

export interface StreamAddress {
  scope: Scope;
  /** The stream's name in the catalog. */
  name: string;
  /** As the client wrote it: how replies and messages call the stream. */
  given: string;
}

/** What stands before the streams of the default database that are not in its root. */
const defaultPath = "/local";

const homes: ReadonlySet<string> = new Set(["Root", "local"]);

const region = /^[a-z]{2}-[a-z]+-?\d$/;
const segment = /^[\w.-]{1,128}$/;

/** What Kinesis takes for a name (AWS API reference, CreateStream). */
const sharedName = /^[a-zA-Z0-9_.-]{1,128}$/;

const nameBytesMax = 255;

/** Throws ResourceNotFoundException for a path that is no database. */
export function placeOf(path: string, scope: Scope, defaultDatabase: string | undefined): Place {
  const names = path.split("/").filter((name) => name !== "");
  if (names.length === 0) return { scope, database: undefined };
  const found = databaseAt(names, scope, defaultDatabase);
  if (found === undefined || found.length !== names.length) throw noDatabase(`/${names.join("/")}`);
  return found.place;
}

/** Throws ValidationException for no name, InvalidArgumentException for what can be none. */
export function addressOf(
  given: string,
  { scope, database }: Place,
  defaultDatabase: string | undefined,
): StreamAddress {
  if (given === "") throw issue("badRequest", "Stream name is empty");
  const names = given.split("/").filter((name) => name !== "");
  if (
    names.length === 0 ||
    !names.every((name) => segment.test(name)) ||
    given.length > nameBytesMax
  ) {
    throw issue("argument", `Invalid stream name: ${JSON.stringify(given)}`);
  }
  if (!given.startsWith("/")) return { ...streamIn({ scope, database }, names), given };
  const found = databaseAt(names, scope, defaultDatabase);
  if (found === undefined) throw noDatabase(`/${names.slice(0, -1).join("/")}`);
  if (found.length === names.length) throw issue("argument", `${given} is a database`);
  return { ...streamIn(found.place, names.slice(found.length)), given };
}

/** How the catalog's names of a database's streams begin; undefined for those in the default root. */
export function pathsOf({ database }: Place): (string | undefined)[] {
  return database === undefined ? [undefined, `${defaultPath}/`] : [`${database}/`];
}

function streamIn({ scope, database }: Place, names: string[]): { scope: Scope; name: string } {
  const [only] = names;
  const isShared = database === undefined && names.length === 1 && sharedName.test(only ?? "");
  return {
    scope,
    name: isShared ? (only as string) : `${database ?? defaultPath}/${names.join("/")}`,
  };
}

/** The database at the beginning of a path, and how many of its names that takes. */
function databaseAt(
  names: readonly string[],
  scope: Scope,
  defaultDatabase: string | undefined,
): { place: Place; length: number } | undefined {
  const [first = ""] = names;
  const isRegion = region.test(first);
  const here = isRegion ? { ...scope, region: first } : scope;
  const standard = (defaultDatabase ?? "").split("/").filter((name) => name !== "");
  if (standard.length > 0 && standard.every((name, i) => name === names[i])) {
    return { place: { scope: here, database: undefined }, length: standard.length };
  }
  if (isRegion && names.length >= 3 && names.slice(1, 3).every((name) => segment.test(name))) {
    return { place: { scope: here, database: `/${names.slice(0, 3).join("/")}` }, length: 3 };
  }
  if (isRegion || homes.has(first)) {
    return { place: { scope: here, database: undefined }, length: 1 };
  }
  return undefined;
}

function noDatabase(path: string): YandexError {
  const message = `Database with path '${path}' doesn't exists`;
  return new YandexError("ResourceNotFoundException", message);
}
