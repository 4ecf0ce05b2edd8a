/**
 * What an old Node is told. The two ways into the package ask here first, and load the rest only then:
 * an old Node cannot read it.
 */
const wanted = "22.12.0";

export function readNodeVersion(): [major: number, minor: number] {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  return [major, minor];
}

/** Undefined if this Node runs the package. */
export function describeOldNode(): string | undefined {
  const [major, minor] = readNodeVersion();
  if (major > 22 || (major === 22 && minor >= 12)) return undefined;
  return `Node ${process.versions.node} is too old: use ${wanted} or later`;
}
