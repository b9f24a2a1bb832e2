// The admin app in headless Chromium, over the program's own demo: first-run set-up with an authenticator, signing in with a
// recovery code, every page light and dark, by keyboard, without JavaScript, on a tablet. Screenshots of every page are
// left in a folder for somebody to look at.
//
//   node admin.mjs PROGRAM CHROMIUM FOLDER

import { mkdirSync } from "node:fs";
import assert from "node:assert/strict";
import { chromium } from "playwright-core";
import { PASSWORD, code, demo, judge } from "./common.mjs";

const [program, browserPath, folder] = process.argv.slice(2);
assert(program && browserPath && folder, "usage: node admin.mjs PROGRAM CHROMIUM FOLDER");
mkdirSync(folder, { recursive: true });
const { found, expect, judged, accessible } = judge(folder);

const PAGES = [
  ["inbox", "/inbox"],
  ["matches", "/inbox?kind=match"],
  ["questions", "/inbox?kind=card"],
  ["holds", "/inbox?kind=hold"],
  ["health", "/vitals"],
  ["books", "/books"],
  ["books-close", "/books/close"],
  ["books-preview", "/books/preview"],
  ["books-drift", "/books/drift"],
  ["books-proof", "/books/proof"],
  ["books-practitioners", "/books/statements"],
  ["books-settlements", "/books/settlements"],
  ["books-tasks", "/books/tasks"],
  ["mappings", "/mappings"],
  ["mappings-try", "/mappings?sample=crm"],
  ["mappings-rules", "/mappings/rules"],
  ["health-month", "/vitals?charts=month"],
  ["runs", "/runs"],
  ["search", "/search"],
  ["activity", "/activity"],
  ["activity-all", "/activity?of=all"],
  ["people", "/people"],
  ["own", "/own"],
  ["about", "/about"],
];

const { child, link } = demo(program);
const browser = await chromium.launch({ executablePath: browserPath, args: ["--no-sandbox"] });
try {
  const invitation = await link;
  const base = new URL(invitation).origin;
  const context = await browser.newContext({ viewport: { width: 1024, height: 768 }, colorScheme: "light" });
  const page = await context.newPage();
  const violations = [];
  page.on("console", (message) => /Content Security Policy/.test(message.text()) && violations.push(message.text()));
  page.on("pageerror", (error) => found.push(`an error in the page: ${error}`));

  // Set-up.
  await page.goto(`${base}/inbox`);
  assert.equal(new URL(page.url()).pathname, "/sign-in");
  await judged(page, "nobody-yet", "light");
  await page.goto(invitation);
  await judged(page, "set-up", "light");
  await accessible(context, page, "set-up", "light");
  const address = await page.locator('a[href^="otpauth:"]').getAttribute("href");
  const secret = new URL(address).searchParams.get("secret");
  await page.fill('[name="name"]', "Dana Fox");
  await page.fill('[name="email"]', "dana@practice.example");
  await page.fill('[name="password"]', PASSWORD);
  await page.fill('[name="again"]', PASSWORD);
  await page.fill('[name="code"]', "000000");
  await page.click("text=Finish");
  assert.match(await page.textContent('[role="alert"]'), /not the code/);
  await page.fill('[name="name"]', "Dana Fox");
  await page.fill('[name="password"]', PASSWORD);
  await page.fill('[name="again"]', PASSWORD);
  await page.fill('[name="code"]', code(secret));
  await page.click("text=Finish");
  const codes = await page.locator(".codes code").allTextContents();
  assert.equal(codes.length, 10);
  await judged(page, "recovery-codes", "light");
  await page.click("text=Continue");
  assert.equal(new URL(page.url()).pathname, "/inbox");

  // Out and in again, with a code from the drawer.
  await page.click(".account summary");
  await page.click("text=Sign out");
  await judged(page, "sign-in", "light");
  await accessible(context, page, "sign-in", "light");
  await page.goto(`${base}/people`);
  await page.fill('[name="email"]', "Dana@Practice.example");
  await page.fill('[name="password"]', PASSWORD);
  await page.keyboard.press("Enter");
  await page.waitForURL(/sign-in\/code/);
  await judged(page, "code", "light");
  await page.fill('[name="code"]', codes[0]);
  await page.keyboard.press("Enter");
  await page.waitForURL(`${base}/people`);

  // Somebody is invited, and comes in with a browser of their own, without JavaScript, as an operator.
  await page.fill('[name="name"]', "Kim Reed");
  await page.fill('form[action="/people/invite"] [name="email"]', "kim@practice.example");
  await page.selectOption('form[action="/people/invite"] [name="role"]', "operator");
  await page.click("text=Make a link");
  await judged(page, "link", "light");
  const guest = await browser.newContext({ viewport: { width: 1024, height: 768 }, javaScriptEnabled: false });
  const plain = await guest.newPage();
  await plain.goto(await page.inputValue('input[aria-label="The link"]'));
  await judged(plain, "invitation", "light");
  const theirs = new URL(await plain.locator('a[href^="otpauth:"]').getAttribute("href")).searchParams.get("secret");
  await plain.fill('[name="password"]', PASSWORD);
  await plain.fill('[name="again"]', PASSWORD);
  await plain.fill('[name="code"]', code(theirs));
  await plain.click("text=Finish");
  await plain.click("text=Continue");
  assert.equal(new URL(plain.url()).pathname, "/vitals", "an operator begins with health");
  assert.equal((await plain.goto(`${base}/people`)).status(), 403);
  await judged(plain, "not-for-you", "light");
  await plain.goto(`${base}/inbox`);
  await judged(plain, "inbox-operator", "light");
  assert.equal(await plain.locator("tbody th b").count(), 0, "no names for an operator");

  // The demo's books are posted and proved meanwhile.
  for (let tries = 0; tries < 90; tries++) {
    await page.goto(`${base}/books/close`);
    if (await page.locator(".steps li").count()) break;
    await page.waitForTimeout(1_000);
  }
  expect((await page.locator(".steps li").count()) === 10, "the close of the demo's month has ten steps");

  // Every page, light and dark.
  for (const theme of ["light", "dark"]) {
    await page.emulateMedia({ colorScheme: theme });
    for (const [name, path] of PAGES) {
      const sizes = [];
      const counted = async (response) => sizes.push((await response.body().catch(() => "")).length);
      page.on("response", counted);
      const answer = await page.goto(base + path, { waitUntil: "load" });
      page.off("response", counted);
      assert.equal(answer.status(), 200, path);
      const bytes = sizes.reduce((sum, n) => sum + n, 0);
      expect(bytes < 100_000, `${name} takes ${bytes} bytes`);
      await judged(page, name, theme);
      await accessible(context, page, name, theme);
    }
  }

  // Menus of the bar: by keyboard, one at a time, away with Escape.
  await page.focus(".bar nav summary");
  await page.keyboard.press("Enter");
  expect(await page.isVisible('.sheet a[href="/about"]'), "the menu opens by keyboard");
  await judged(page, "menu", "dark");
  await page.keyboard.press("Escape");
  expect(!(await page.isVisible('.sheet a[href="/about"]')), "Escape shuts the menu");
  await page.click(".bar nav summary");
  await page.click(".account summary");
  expect(!(await page.isVisible('.sheet a[href="/about"]')), "one menu is open at a time");

  // The switch is stronger than the device.
  await page.goto(`${base}/vitals`);
  await page.click(".account summary");
  await page.click('[aria-label="Light"]');
  assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), "light");
  assert.equal(new URL(page.url()).pathname, "/vitals");

  // Rows by keyboard.
  await page.goto(`${base}/inbox?kind=match`);
  const rows = await page.locator("tr[tabindex]").count();
  if (rows > 1) {
    for (const key of ["j", "j", "k"]) await page.keyboard.press(key);
    assert.equal(await page.evaluate(() => document.activeElement.sectionRowIndex), 0);
  }

  // A tablet held upright.
  await page.setViewportSize({ width: 768, height: 1024 });
  for (const [name, path] of PAGES) {
    await page.goto(base + path);
    await judged(page, name, "tablet");
  }
  expect(violations.length === 0, `the policy of a page was broken: ${violations[0]}`);
  assert.equal(found.length, 0, `\n${found.join("\n")}`);
  console.log(`the admin app: ${PAGES.length} pages in two themes, ${rows} possible matches in the list, screenshots in ${folder}`);
} finally {
  await browser.close();
  child.removeAllListeners("exit");
  child.kill("SIGINT");
}
