// Host names: what a Host header or a URL's authority may be (RFC 9110, section 7.2), and which
// names a server without keys accepts. Loopback names are always accepted, other names if they are
// listed. In a list `*` means every name, and 0.0.0.0 or :: every address. A page that changes the
// address of its own name (DNS rebinding) sends that name as Host, never an address.

/** A name, an IPv4 address or an IPv6 address in brackets; and a port. */
const authorityForm = /^(?:\[[\da-f:.]+\]|[\w.~-]+)(?::\d{0,5})?$/i;

const ipv4Form = /^\d+\.\d+\.\d+\.\d+$/;

const allAddresses = ["0.0.0.0", "[::]"];

/** The last authority that was read: most requests to a server name the same one. */
let last: { authority: string; name: string | undefined } = { authority: "", name: undefined };

/** The host without its port, as URLs write it; undefined if the text is not a host. */
export function hostNameOf(authority: string): string | undefined {
  if (authority !== last.authority) last = { authority, name: parseHost(authority) };
  return last.name;
}

function parseHost(authority: string): string | undefined {
  return authorityForm.test(authority) ? URL.parse(`http://${authority}`)?.hostname : undefined;
}

/** `listed` is separated by commas; an IPv6 address in it may be without brackets. */
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
