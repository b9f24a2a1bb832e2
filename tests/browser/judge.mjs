// What every page is held to, light and dark, on a tablet and on a desk. Whatever is found is kept for the end; screenshots
// go to the folder, for somebody to look at.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import assert from "node:assert/strict";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

// A tablet at the front desk, and a screen. The first is what pages are left at.
const TABLET = { width: 1024, height: 768 };
const DESK = { width: 1440, height: 900 };
const UPRIGHT = { width: 768, height: 1024 };

// The most that is transferred before a page is painted, in bytes.
const LIGHT = 100_000;

export class Judge {
  constructor(folder) {
    this.folder = folder;
    this.found = [];
    // Paths of pages that were looked at.
    this.seenPaths = new Set();
    this.shots = 0;
    this.heaviest = ["", 0];
  }

  expect(holds, what) {
    if (!holds) this.found.push(what);
  }

  // A context of its own, as pages are looked at in, and a page in it.
  async open(browser, options = {}) {
    const context = await browser.newContext({ viewport: TABLET, colorScheme: "light", reducedMotion: "reduce", ...options });
    const page = await context.newPage();
    page.on("console", (message) => {
      this.expect(!/Content Security Policy/.test(message.text()), `the policy of ${page.url()} was broken: ${message.text()}`);
    });
    page.on("pageerror", (error) => this.expect(false, `an error in ${page.url()}: ${error}`));
    return { context, page };
  }

  // Looks at a page as it stands, in every manner.
  async look(page, name) {
    this.seenPaths.add(new URL(page.url()).pathname);
    for (const theme of ["light", "dark"]) {
      await page.emulateMedia({ colorScheme: theme });
      // What is in a page is the same in both.
      await this.#accessible(page, `${name} (${theme})`, theme === "dark" ? { runOnly: ["color-contrast"] } : {});
      await this.#shot(page, `${name}-${theme}`);
      await page.setViewportSize(DESK);
      await this.#shot(page, `${name}-${theme}-wide`);
      await page.setViewportSize(TABLET);
    }
    await page.emulateMedia({ colorScheme: "light" });
    await page.setViewportSize(UPRIGHT);
    await this.#shot(page, `${name}-upright`);
    await page.setViewportSize(TABLET);
  }

  // Opens a page with nothing in the browser's cache, weighs what comes until it has loaded, and looks at it.
  async visit(page, name, address) {
    const session = await page.context().newCDPSession(page);
    let bytes = 0;
    session.on("Network.loadingFinished", (event) => (bytes += event.encodedDataLength));
    await session.send("Network.enable");
    await session.send("Network.setCacheDisabled", { cacheDisabled: true });
    const answer = await page.goto(address, { waitUntil: "load" });
    await session.detach();
    assert.equal(answer.status(), 200, address);
    // It may have led on.
    this.seenPaths.add(new URL(address).pathname);
    assert(bytes > 1_000, `${name}: the browser tells what it loads`);
    this.expect(bytes < LIGHT, `${name} takes ${bytes} bytes`);
    if (bytes > this.heaviest[1]) this.heaviest = [name, bytes];
    await this.look(page, name);
  }

  // Every page of the table of routes was looked at, but for those that are none.
  covers(routes, none) {
    const paths = [...this.seenPaths];
    const pages = routes.filter((route) => route.method === "GET").map((route) => route.path);
    const literal = new Set(pages);
    for (const page of pages) {
      const like = new RegExp(`^${page.replaceAll(/\{\w+\}/g, "[^/]+")}$`);
      const seen = paths.some((path) => path === page || (!literal.has(path) && like.test(path)));
      this.expect(seen !== none.has(page), seen ? `${page} is a page after all` : `nobody has looked at ${page}`);
    }
    for (const path of none) this.expect(literal.has(path), `${path} is not in the table of routes`);
  }

  async #shot(page, name) {
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    this.expect(wide <= 0, `${name} scrolls sideways by ${wide} px`);
    const bar = await page.evaluate(() => document.querySelector(".bar")?.getBoundingClientRect().height ?? 0);
    this.expect(bar < 64, `${name}: the bar at the top is ${bar} px high, more than a row`);
    await page.screenshot({ path: `${this.folder}/${name}.png`, fullPage: true });
    this.shots += 1;
  }

  // The checker is put in from outside the page, whose policy allows no script but its own.
  async #accessible(page, name, rules) {
    const options = JSON.stringify({ ...rules, resultTypes: ["violations"] });
    const { violations } = await page.evaluate(`if (!globalThis.axe) { ${axe} }; axe.run(document, ${options})`);
    for (const { id, impact, nodes } of violations) {
      if (["serious", "critical"].includes(impact)) {
        const where = nodes.slice(0, 3).map((node) => node.html);
        this.expect(false, `${name}: ${impact}: ${id}: ${where.join(" | ")}`);
      }
    }
  }
}
