// The same without JavaScript: one conflict and one pair are read, decided by their buttons, and taken back.

import assert from "node:assert/strict";
import { digits, until } from "../people.mjs";

export async function plainly({ judge, browser, context, base, hands, edited }) {
  const { context: own, page } = await judge.open(browser, { javaScriptEnabled: false });
  await own.addCookies(await context.cookies());
  const shot = (name) => page.screenshot({ path: `${judge.folder}/plain-${name}.png`, fullPage: true });
  const open = async (kind) => {
    await page.goto(`${base}/inbox?kind=${kind}`);
    await page.locator("tr[data-open] a").first().click();
    return new URL(page.url()).pathname;
  };

  const conflict = await open("conflict&unit=mobile");
  await shot("conflict");
  const patient = (await page.locator(".who .ref").first().textContent()).match(/Halaxy (\S+)/)[1];
  const pair = edited.find((of) => of.patient === patient);
  await page.click("text=Keep CRM’s");
  assert.notEqual(new URL(page.url()).pathname, conflict);
  assert.match(await page.textContent(".done"), /kept CRM’s/);
  await until("what was kept has arrived", async () => (await hands.mobiles(pair)).every((one) => one === digits(pair.theirs)));
  await page.click(".done button");
  assert.doesNotMatch(await page.title(), /not done/);
  await until("and is taken back", async () => (await hands.mobiles(pair))[0] === digits(pair.ours));

  const match = await open("match");
  await shot("match");
  await page.click("text=Different people");
  assert.notEqual(new URL(page.url()).pathname, match);
  assert.match(await page.textContent(".done"), /different/i);
  await page.goto(`${base}/inbox?kind=match`);
  const left = await page.locator("tr[data-open]").evaluateAll((rows) => rows.map((row) => row.dataset.open)).catch(() => []);
  assert(!left.some((address) => address.startsWith(match)), "the pair does not wait any more");
  await own.close();
  return "without JavaScript: a conflict and a pair decided, one taken back";
}
