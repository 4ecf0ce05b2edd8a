/**
 * Colours of text on a terminal. Text that goes to a pipe or a file has none, and neither has text
 * on a terminal whose user has set NO_COLOR (no-color.org).
 */
import { styleText } from "node:util";

type Style = "dim" | "bold" | "green" | "yellow" | "red" | "cyan";

/** `styleText` of Node looks at NO_COLOR, FORCE_COLOR and whether stdout is a terminal. */
export function paint(style: Style, text: string): string {
  return styleText(style, text, { stream: process.stdout });
}
