// Checks that every request must pass before a dialect reads it: the host it was sent to, and the
// web page that sent it. A server without keys must not serve every web page, because a browser on
// the same machine would send a page's requests to it. So it accepts loopback names and listed
// hosts, and of foreign pages only those with a listed origin. A server with keys needs neither
// check. An invalid host is always refused. Every reply gets a Date.
import { accessOf } from "../auth/access.ts";
import type { Env } from "../core/bindings.ts";
import { unreadBodyBytesMax } from "../limits.ts";
import { hostNameOf, isLoopback, isServed } from "./hosts.ts";
import { answerPreflight, hide, isPreflight, listedOrigin, showTo } from "./origins.ts";
import type { Incoming } from "./incoming.ts";
import { authorityOf } from "./url.ts";

/** Why a request is refused; the dialect words it in its own form. */
export interface DoorRefusal {
  status: 400 | 403 | 503;
  message: string;
}

export interface Door {
  refusal?: DoorRefusal | undefined;
  /** The reply to a preflight request, which is the same for all dialects. */
  preflight?: Response | undefined;
  /**
   * The headers that every reply has. A face that makes all of its replies with them saves the time
   * that it takes to change a reply.
   */
  headers(nowMs: number): Record<string, string>;
  /** Adds the headers that every reply has, unless the face has them. */
  finish(reply: Response, nowMs: number): Response;
}

export function openDoor(request: Incoming, env: Env): Door {
  const isOpen = accessOf(env).mode === "open";
  const origin = request.headers.get("origin");
  const shown = listedOrigin(origin, env.MILLRACE_ALLOW_ORIGIN ?? "");
  const refusal =
    judgeHost(request, isOpen ? (env.MILLRACE_ALLOW_HOST ?? "") : "*") ??
    judgeBody(request) ??
    (isOpen && shown === undefined ? judgePage(request, origin) : undefined);
  const answersPreflight = refusal === undefined && shown !== undefined && isPreflight(request);
  let isGiven = false;
  return {
    refusal,
    preflight: answersPreflight ? answerPreflight(request.headers) : undefined,
    headers(nowMs) {
      isGiven = true;
      return { date: dateOf(nowMs) };
    },
    finish(reply, nowMs) {
      if (isGiven && origin === null && reply.status !== 503) return reply;
      reply.headers.set("date", dateOf(nowMs));
      for (const [name, value] of Object.entries(retryHeaders(reply.status)))
        reply.headers.set(name, value);
      if (shown !== undefined) showTo(reply.headers, shown);
      else if (isOpen) hide(reply.headers);
      return reply;
    },
  };
}

/**
 * Checks the Host header and the URL that the runtime made of it and of the target: both must name
 * an accepted host.
 */
function judgeHost({ url, headers }: Incoming, served: string): DoorRefusal | undefined {
  const authority = authorityOf(url);
  const asked = headers.get("host") ?? authority;
  for (const host of asked === authority ? [asked] : [asked, authority]) {
    const name = hostNameOf(host);
    if (name === undefined) return { status: 400, message: "The request's Host is no host name." };
    if (isServed(name, served)) continue;
    const message =
      `This server asks for no keys, so it serves this machine's own names and not ${name}. ` +
      `To serve that name too, start it with --allow-host ${name}.`;
    return { status: 403, message };
  }
  return undefined;
}

/**
 * Nobody reads the body of a GET, and the runtime cuts a long reply to a request whose body was not read
 * and is larger than a socket's buffer. So such a request is refused in a few bytes.
 */
function judgeBody({ method, headers }: Incoming): DoorRefusal | undefined {
  if (method !== "GET" && method !== "HEAD") return undefined;
  const bytes = Number(headers.get("content-length"));
  if (!(bytes > unreadBodyBytesMax)) return undefined;
  return { status: 400, message: `A ${method} has no body here; this one has ${bytes} bytes.` };
}

/**
 * Refuses a page whose origin is not listed. Without an Origin header, browsers still tell the site
 * of the page.
 */
function judgePage(request: Incoming, origin: string | null): DoorRefusal | undefined {
  const { method, headers, url } = request;
  if (origin === null) {
    const site = headers.get("sec-fetch-site") ?? "none";
    if (site === "none" || site === "same-origin") return undefined;
    // A link that a user follows: the page that contains it cannot read the reply.
    if (method === "GET" && headers.get("sec-fetch-mode") === "navigate") return undefined;
  } else if (isOwnOrigin(origin, authorityOf(url))) return undefined;
  const message =
    "This server asks for no keys, so it serves no web page of another origin. " +
    `To serve that page, start it with --allow-origin ${origin ?? "and the page's origin"}.`;
  return { status: 403, message };
}

/** The server's own pages: with the requested name, or any loopback name with the same port. */
function isOwnOrigin(origin: string, host: string): boolean {
  if (origin === `http://${host}` || origin === `https://${host}`) return true;
  const [page, own] = [URL.parse(origin), URL.parse(`http://${host}`)];
  if (page === null || own === null || page.protocol !== "http:") return false;
  return isLoopback(page.hostname) && page.port === own.port;
}

/** Clients that are told so try again by themselves. */
export function retryHeaders(status: number): Record<string, string> {
  return status === 503 ? { "retry-after": "1" } : {};
}

let dated = { second: 0, text: "" };

/** The date in the form of RFC 9110, section 5.6.7; printed once a second. */
function dateOf(nowMs: number): string {
  const second = Math.floor(nowMs / 1000);
  if (dated.second !== second) dated = { second, text: new Date(second * 1000).toUTCString() };
  return dated.text;
}
