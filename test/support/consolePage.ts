// Pages of the console in a browser, whose faults are noted.
import type { Browser, BrowserContext, Page } from "playwright-core";
import { patience } from "./patience.ts";

/** What a page did that it must not do; empty at the end of every test. */
export interface Watched {
  page: Page;
  faults: string[];
}

/** Scripts for a page are texts: the types of a page's globals are not those of a Worker. */
export const isWider = "document.documentElement.scrollWidth > innerWidth";

const reportViolations = `addEventListener("securitypolicyviolation", (event) => {
  console.error("policy violation: " + event.violatedDirective + " " + event.blockedURI);
});`;

/** Notes requests to other origins, violations of the content policy, and errors. */
export async function openWatched(
  browser: Browser,
  url: string,
  context?: BrowserContext,
): Promise<Watched> {
  const page = await (context ?? (await browser.newContext({ locale: "en-US" }))).newPage();
  page.setDefaultTimeout(patience.timeout);
  const faults: string[] = [];
  const { origin } = new URL(url);
  page.on("request", (request) => {
    const asked = new URL(request.url());
    if (asked.protocol !== "blob:" && asked.origin !== origin)
      faults.push(`asked ${request.url()}`);
  });
  page.on("pageerror", (error) => faults.push(error.message));
  await page.addInitScript({ content: reportViolations });
  page.on("console", (message) => {
    if (message.text().startsWith("policy violation")) faults.push(message.text());
  });
  await page.goto(url);
  return { page, faults };
}
