// Bytes as hexdump -C prints them.

/** More is cut. */
const shownBytesMax = 16_384;

export function HexDump({ bytes }: { bytes: Uint8Array }) {
  const lines: string[] = [];
  const shown = bytes.subarray(0, shownBytesMax);
  for (let at = 0; at < shown.length; at += 16) {
    const part = shown.subarray(at, at + 16);
    const hex = Array.from(part, twoDigits).join(" ").padEnd(47);
    const text = Array.from(part, (byte) =>
      byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : ".",
    ).join("");
    lines.push(`${at.toString(16).padStart(8, "0")}  ${hex}  ${text}`);
  }
  if (shown.length < bytes.length) lines.push(`… ${bytes.length - shown.length} bytes more`);
  return (
    <pre class="code" tabIndex={0}>
      {lines.join("\n")}
    </pre>
  );
}

export function hexText(bytes: Uint8Array): string {
  return Array.from(bytes, twoDigits).join("");
}

function twoDigits(byte: number): string {
  return byte.toString(16).padStart(2, "0");
}
