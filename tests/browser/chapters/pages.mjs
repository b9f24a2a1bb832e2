// Every page, over the demo with its books, and what an operator sees, without JavaScript.

import assert from "node:assert/strict";
import { PASSWORD, code, secretOf, setUp } from "../door.mjs";
import { Keys } from "../keyboard.mjs";
import { until } from "../people.mjs";

// What is in the table of routes and is no page: it leads on, is a file, or never ends.
export const NO_PAGES = new Set(["/", "/inbox/{id}/rule", "/live", "/activity/export", "/books/file/{report}/{form}"]);

const PAGES = [
  ["inbox-demo", "/inbox"],
  ["inbox-questions", "/inbox?kind=card"],
  ["inbox-tasks", "/inbox?kind=task"],
  ["inbox-holds", "/inbox?kind=hold"],
  ["health", "/vitals"],
  ["health-month", "/vitals?charts=month"],
  ["books", "/books"],
  ["books-close", "/books/close"],
  ["books-preview", "/books/preview"],
  ["books-drift", "/books/drift"],
  ["books-proof", "/books/proof"],
  ["books-practitioners", "/books/statements"],
  ["books-settlements", "/books/settlements"],
  ["books-tasks", "/books/tasks"],
  ["books-document", "/books/document"],
  ["mappings", "/mappings"],
  ["mappings-try", "/mappings?sample=crm"],
  ["mappings-rules", "/mappings/rules"],
  ["runs-demo", "/runs"],
  ["search", "/search"],
  ["activity", "/activity"],
  ["activity-all", "/activity?of=all"],
  ["decisions-demo", "/decisions"],
  ["people", "/people"],
  ["own", "/own"],
  ["about", "/about"],
];

export async function pages({ judge, browser, link }) {
  const { page } = await judge.open(browser);
  const keys = new Keys(page);
  const base = new URL(link).origin;
  await setUp(page, keys, link, { name: "Dana Fox", email: "dana@practice.example" });
  await operator({ judge, browser, base, page, keys });
  await until("the demo’s books are posted and proved", async () => {
    await page.goto(`${base}/books/close`);
    return (await page.locator(".steps li").count()) === 10;
  });

  // Places that are led to, as they come out of the demo.
  const led = async (from, selector) => {
    await page.goto(base + from);
    return page.locator(selector).first().getAttribute("href", { timeout: 5_000 });
  };
  const proof = await led("/books", 'main a[href^="/books/proof/"]');
  const more = [
    ["books-proof-days", proof],
    // Led to from tables that are longer than the demo's.
    ["books-rows", `/books/rows/proof-${proof?.split("/").at(-1)}/0`],
    ["books-statement", await led("/books/statements", 'main a[href^="/books/statements/"]')],
    ["inbox-hold", await led("/inbox?kind=hold", "tr[data-open] a")],
    ["person", await led("/decisions", 'main a[href^="/person/"]')],
  ];
  for (const [name, path] of [...PAGES, ...more]) {
    assert(path, `${name} is led to`);
    await judge.visit(page, name, base + path);
  }
  await page.goto(base + more.at(-1)[1]);
  await keys.press("text=Sync now");
  await page.waitForURL(/\/steps/);
  await until("it was synced", async () => (await page.locator("text=Look again").count()) === 0 || !(await page.reload()));
  await judge.look(page, "person-steps");

  await page.goto(`${base}/search`);
  await keys.fill("main [name=text]", "ma");
  await keys.enter();
  await judge.look(page, "search-found");

  // Menus of the bar: one at a time, away with Escape.
  const about = page.locator('.sheet a[href="/about"]');
  await keys.tick(".bar nav summary");
  judge.expect(await about.isVisible(), "the menu opens by keyboard");
  await judge.look(page, "menu");
  await page.keyboard.press("Escape");
  judge.expect(!(await about.isVisible()), "Escape shuts the menu");
  await keys.tick(".bar nav summary");
  await keys.tick(".account summary");
  judge.expect(!(await about.isVisible()), "one menu is open at a time");

  // The switch is stronger than the device.
  await page.goto(`${base}/vitals`);
  await keys.tick(".account summary");
  await keys.press('[aria-label="Dark"]');
  assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), "dark");
  assert.equal(new URL(page.url()).pathname, "/vitals");
  return `${PAGES.length + more.length} pages of the demo`;
}

// Somebody is invited as an operator, and comes in with a browser of their own, without JavaScript.
async function operator({ judge, browser, base, page, keys }) {
  await page.goto(`${base}/people`);
  await keys.fill('form[action="/people/invite"] [name="name"]', "Kim Reed");
  await keys.fill('form[action="/people/invite"] [name="email"]', "kim@practice.example");
  await keys.reach('form[action="/people/invite"] [name="role"]');
  await page.keyboard.type("Operator");
  await keys.press("text=Make a link");
  await judge.look(page, "people-link");
  const link = await page.inputValue('input[aria-label="The link"]');
  const { context, page: plain } = await judge.open(browser, { javaScriptEnabled: false });
  await plain.goto(link);
  const shot = (name) => plain.screenshot({ path: `${judge.folder}/operator-${name}.png`, fullPage: true });
  await shot("invited");
  const secret = await secretOf(plain);
  for (const name of ["password", "again"]) await plain.fill(`[name="${name}"]`, PASSWORD);
  await plain.fill('[name="code"]', code(secret));
  await plain.click("text=Finish");
  await plain.click("text=Continue");
  assert.equal(new URL(plain.url()).pathname, "/vitals", "an operator begins with health");
  await shot("health");
  assert.equal((await plain.goto(`${base}/people`)).status(), 403);
  await plain.goto(`${base}/inbox`);
  await shot("inbox");
  assert.equal(await plain.locator("tbody th b, tbody th .name").count(), 0, "no names for an operator");
  await context.close();
}
