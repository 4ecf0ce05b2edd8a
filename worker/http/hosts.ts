// The names under which a server is asked: what a Host header or a URL's authority may be (RFC 9110,
// section 7.2), and which of these names an open server serves. Loopback names always; others when they
// are listed. In a list `*` stands for every name, 0.0.0.0 and :: for every address: a page that lies
// about where its own name points (DNS rebinding) has a name there, never an address.

/** A name, an IPv4 address or an IPv6 address in brackets; and a port. */
const authorityForm = /^(?:\[[\da-f:.]+\]|[\w.~-]+)(?::\d{0,5})?$/i;

const ipv4Form = /^\d+\.\d+\.\d+\.\d+$/;

const allAddresses = ["0.0.0.0", "[::]"];

/** The host without its port, as URLs write it; undefined for what is none. */
export function hostNameOf(authority: string): string | undefined {
  return authorityForm.test(authority) ? URL.parse(`http://${authority}`)?.hostname : undefined;
}

/** `listed` is separated by commas; an IPv6 address may stand there without its brackets. */
export function isServed(name: string, listed: string): boolean {
  if (isLoopback(name)) return true;
  if (listed === "") return false;
  const names = new Set(listed.split(",").map((host) => canonicalHost(host.trim())));
  if (names.has(name) || names.has("*")) return true;
  const isAddress = name.startsWith("[") || ipv4Form.test(name);
  return isAddress && allAddresses.some((all) => names.has(all));
}

export function isLoopback(name: string): boolean {
  if (name === "localhost" || name.endsWith(".localhost") || name === "[::1]") return true;
  return ipv4Form.test(name) && name.startsWith("127.");
}

function canonicalHost(host: string): string {
  const bracketed = host.includes(":") && !host.startsWith("[") ? `[${host}]` : host;
  return hostNameOf(bracketed) ?? host;
}
