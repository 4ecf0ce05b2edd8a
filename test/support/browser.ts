/**
 * A real Chromium without a window, for tests of pages. It comes from npm (@sparticuz/chromium); where
 * that one does not run, CHROMIUM_PATH names another.
 */
import sparticuz from "@sparticuz/chromium";
import { type Browser, chromium } from "playwright-core";

/** As root, Chromium starts only without its sandbox; the pages are ours. */
export async function startBrowser(): Promise<Browser & AsyncDisposable> {
  const executablePath = process.env["CHROMIUM_PATH"] ?? (await sparticuz.executablePath());
  return await chromium.launch({ executablePath, args: ["--no-sandbox"], headless: true });
}
