// How soon the console shows something of use, in a Chromium of its own and from a server that is ready: the time from
// asking for the page to the list of streams being painted. Each round is a new browser context, so nothing is cached. Run it on a quiet machine: `npx node bench/package/paint.ts [--rounds N]`.

import { readFlags } from "../tools/flags.ts";
import { quantile } from "../tools/load.ts";
import { startBrowser } from "../../test/support/browser.ts";
import { startServer } from "../../test/e2e/server.ts";

const { rounds } = readFlags("bench/package/paint.ts", {
  rounds: { otherwise: 10, min: 1, max: 1000, what: "times that the page is opened" },
});

/** The page's own clock begins when the page is asked for; scripts for the page are texts. */
const noteTimes = `
  window.listedMs = new Promise((resolve) => {
    new MutationObserver((_, observer) => {
      if (document.querySelector("tbody a") === null) return;
      observer.disconnect();
      requestAnimationFrame(() => setTimeout(() => resolve(performance.now())));
    }).observe(document, { childList: true, subtree: true });
  });`;

await using server = await startServer({
  flags: ["--memory", "--streams", "orders:4,payments:1,rides:2"],
  runMs: 90_000,
});
await using browser = await startBrowser();
const times: number[] = [];
for (let round = 0; round <= rounds; round++) {
  const context = await browser.newContext();
  const page = await context.newPage();
  await page.addInitScript({ content: noteTimes });
  await page.goto(server.endpoint);
  const listedMs = await page.evaluate<number>("window.listedMs");
  await context.close();
  // The first page starts the browser's processes.
  if (round === 0) console.log(`first page of the browser: ${Math.round(listedMs)} ms`);
  else times.push(listedMs);
}
const sorted = times.toSorted((a, b) => a - b);
console.log(
  `list of streams: median ${Math.round(quantile(sorted, 0.5))} ms, ` +
    `longest ${Math.round(sorted.at(-1) ?? 0)} ms of ${sorted.length}`,
);
