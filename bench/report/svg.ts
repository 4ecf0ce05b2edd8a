// What the charts of the results have in common: plain SVG without scripts or fonts of its own, whose colours follow
// the reader's choice of light or dark.

export const width = 760;
export const margin = 16;

const style = `
  text { font: 13px system-ui, sans-serif; fill: #24292f }
  .title { font-weight: 600 }
  .note { font-size: 11px; fill: #57606a }
  .bar { fill: #8c959f }
  .ours { fill: #0969da }
  .line { fill: none; stroke: #0969da; stroke-width: 2 }
  .floor { fill: none; stroke: #8c959f; stroke-width: 1; stroke-dasharray: 4 3 }
  .grid { stroke: #d0d7de; stroke-width: 1 }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 }
    .note { fill: #9198a1 }
    .bar, .floor { fill: #6e7681 }
    .floor { fill: none }
    .ours { fill: #4493f8 }
    .line { stroke: #4493f8 }
    .grid { stroke: #3d444d }
  }`;

export function drawText(x: number, y: number, kind: string, text: string): string {
  const escaped = text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
  const attribute = kind === "" ? "" : ` class="${kind}"`;
  return `<text${attribute} x="${Number(x.toFixed(1))}" y="${Number(y.toFixed(1))}">${escaped}</text>`;
}

/** A whole image. */
export function drawImage(title: string, height: number, parts: readonly string[]): string {
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img" ` +
    `width="${width}" height="${height}">\n<title>${title}</title>\n` +
    `<style>${style}\n</style>\n${parts.join("\n")}\n</svg>\n`
  );
}
