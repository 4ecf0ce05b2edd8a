// The address of the page: below /_millrace/console/, so that a reload and a shared link show the
// same. The page at / is the list of streams.
import { computed, signal } from "@preact/signals";

const base = "/_millrace/console/";

export type StreamTab = "records" | "shards" | "charts" | "consumers" | "queues" | "settings";

export type Route =
  | { page: "streams" }
  | { page: "server" }
  | { page: "stream"; stream: string; tab: StreamTab; query: URLSearchParams };

const tabs: readonly StreamTab[] = [
  "records",
  "shards",
  "charts",
  "consumers",
  "queues",
  "settings",
];

const address = signal(location.pathname + location.search);

addEventListener("popstate", () => (address.value = location.pathname + location.search));

export const route = computed<Route>(() => {
  const [path = "", query = ""] = address.value.split("?");
  const [page, name = "", tab] = path.startsWith(base) ? path.slice(base.length).split("/") : [];
  if (page === "server") return { page: "server" };
  const stream = page === "streams" ? unescapeName(name) : "";
  if (stream === "") return { page: "streams" };
  return {
    page: "stream",
    stream,
    tab: tabs.find((one) => one === tab) ?? "records",
    query: new URLSearchParams(query),
  };
});

/** Empty for an address that nobody has made by `streamPath`. */
function unescapeName(name: string): string {
  try {
    return decodeURIComponent(name);
  } catch {
    return "";
  }
}

export function streamsPath(): string {
  return base;
}

export function serverPath(): string {
  return `${base}server`;
}

export function streamPath(stream: string, tab: StreamTab = "records"): string {
  return `${base}streams/${encodeURIComponent(stream)}/${tab}`;
}

/** Another page is shown from its top; another query of this one where it is. */
export function go(path: string): void {
  const isOther = path.split("?")[0] !== location.pathname;
  history.pushState(null, "", path);
  address.value = path;
  if (isOther) scrollTo(0, 0);
}
