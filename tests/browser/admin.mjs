// The admin app in headless Chromium: one flow over a practice of its own, from first-run set-up to a run undone, worked by
// keyboard; single sign-on by a real provider; then every page of the table of routes over the demo. Screenshots are left
// in a folder for somebody to look at.
//
//   node admin.mjs PROGRAM CHROMIUM FOLDER [demo]
//
// With `demo` only the pages of the demo are looked at.

import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import assert from "node:assert/strict";
import { chromium } from "playwright-core";
import { Judge } from "./judge.mjs";
import { demo, endAll, freePort, practice } from "./program.mjs";
import { Hands, lists } from "./people.mjs";
import { IdentityProvider } from "./provider.mjs";
import { begin } from "./chapters/begin.mjs";
import { review } from "./chapters/review.mjs";
import { together } from "./chapters/together.mjs";
import { undoRun } from "./chapters/run.mjs";
import { plainly } from "./chapters/plain.mjs";
import { signOn } from "./chapters/sign_on.mjs";
import { NO_PAGES, pages } from "./chapters/pages.mjs";

const [program, browserPath, folder, only] = process.argv.slice(2);
assert(program && browserPath && folder, "usage: node admin.mjs PROGRAM CHROMIUM FOLDER [demo]");
mkdirSync(folder, { recursive: true });

const judge = new Judge(folder);
const began = Date.now();
const told = (what) => console.log(`${((Date.now() - began) / 1000).toFixed(0).padStart(4)} s  ${what}`);

async function flow(browser, made) {
  const port = await freePort();
  const provider = await IdentityProvider.open(`http://127.0.0.1:${port}`);
  try {
    const house = await practice(program, made, lists(made), { ...provider.client, port });
    const story = { ...house, judge, browser, hands: new Hands(house.control), provider };
    told("a practice of its own runs, with nothing approved");
    for (const chapter of [begin, review, together, undoRun, plainly, signOn]) told(await chapter(story));
    return (await house.command("admin", "routes")).routes;
  } finally {
    await provider.close();
  }
}

const made = mkdtempSync(`${tmpdir()}/admin-`);
const browser = await chromium.launch({ executablePath: browserPath, args: ["--no-sandbox"] });
try {
  // Both at once: each mostly waits for something.
  const demonstrated = demo(program).then((shown) => pages({ judge, browser, ...shown })).then(told);
  const [routes] = await Promise.all([only === "demo" ? undefined : flow(browser, made), demonstrated]);
  if (routes) judge.covers(routes, NO_PAGES);
  assert.equal(judge.found.length, 0, `\n${judge.found.join("\n")}`);
  const [heaviest, bytes] = judge.heaviest;
  told(`${judge.shots} screenshots in ${folder}; the heaviest page is ${heaviest}, ${bytes} bytes`);
} catch (error) {
  // What was there to be seen.
  for (const [n, page] of browser.contexts().flatMap((context) => context.pages()).entries()) {
    await page.screenshot({ path: `${folder}/failed-${n}.png`, fullPage: true }).catch(() => {});
    console.error(`failed-${n}.png: ${page.url()}`);
  }
  throw error;
} finally {
  await browser.close();
  endAll();
  rmSync(made, { recursive: true, force: true });
}
