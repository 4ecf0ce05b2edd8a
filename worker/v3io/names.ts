// Reads the path of a v3io request: /<container>/<path>, decoded. Doubled slashes count as one,
// because v3io-py's asynchronous client begins every path with two. A slash at the end marks a
// directory where that matters, and has no meaning for a stream. Sources: Iguazio web API
// reference, general structure; v3io-py and v3io-go, transport.
import { splitUrl } from "../http/url.ts";
import { invalid } from "./errors.ts";

export interface Address {
  container: string;
  /** Names below the container; none for the container itself. */
  path: string[];
  /** The path ended in a slash. */
  isDirectory: boolean;
  query: URLSearchParams;
}

/** The container and the path of a stream or an object; the path has no slashes at its ends. */
export interface Place {
  container: string;
  path: string;
}

/** Of all containers. */
export const rootAddress: Address = {
  container: "",
  path: [],
  isDirectory: true,
  query: new URLSearchParams(),
};

export const pathBytesMax = 1024;
const namesMax = 32;

/** Throws InvalidArgumentException for a path that no object can have. */
export function parseAddress(url: string): Address {
  const sent = splitUrl(url);
  const text = decode(sent.path);
  const [container, ...path] = namesIn(text);
  if (container === undefined) throw invalid();
  for (const name of [container, ...path]) checkName(name);
  checkPath(path);
  return {
    container,
    path,
    isDirectory: text.endsWith("/"),
    query: new URLSearchParams(sent.query),
  };
}

/** The place at `address` with further names below it. */
export function placeAt({ container, path }: Address, ...below: string[]): Place {
  const names = [...path, ...below];
  checkPath(names);
  return { container, path: names.join("/") };
}

/** Throws InvalidArgumentException unless objects may be called this. */
export function checkName(name: string): void {
  const isPlain = name.isWellFormed() && !/\p{Cc}/u.test(name);
  if (!isPlain || name === "" || name === "." || name === "..") throw invalid();
}

/** Throws InvalidArgumentException for a path that is deeper or longer than an object's may be. */
export function checkPath(path: readonly string[]): void {
  if (path.length > namesMax || Buffer.byteLength(path.join("/")) > pathBytesMax) throw invalid();
}

/** The names of a path, which may have slashes at its ends. */
export function namesIn(path: string): string[] {
  return path.split("/").filter((name) => name !== "");
}

function decode(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    throw invalid();
  }
}
