// The first run is taken back, after a look at what that would do: where somebody has edited since nothing is touched, and
// it is said where.

import assert from "node:assert/strict";
import { until } from "../people.mjs";

export async function undoRun(story) {
  const { judge, page, keys, base, hands, edited, filled } = story;
  const since = filled.slice(0, 2);
  for (const of of since) {
    const address = { address: "7 Other Street", city: "Elsewhere" };
    await hands.patch(`crm/contacts/${of.contact}`, { properties: address });
  }
  const suburb = async (of) => (await hands.patient(of.patient)).address?.[0]?.city;
  for (const of of since) await until("the edit has arrived", async () => (await suburb(of)) === "Elsewhere");

  await page.goto(`${base}/runs`);
  await keys.press("text=/^Backfill$/");
  await page.waitForURL(/\/runs\/\w+/);
  await judge.visit(page, "run", page.url());
  await keys.press("text=Look at what taking it back would do");
  const shows = (what) => async () => (await page.locator(what).count()) > 0 || ((await page.reload()), false);
  await until("all of the run was looked through", shows("button:has-text('Take back')"));
  const left = page.locator('[aria-label="left as it is"] tbody tr');
  const back = page.locator('[aria-label="put back"] tbody tr');
  await judge.look(page, "run-undo");
  const refused = await left.allTextContents();
  assert.equal(refused.length, since.length, refused.join("\n"));
  for (const row of refused) assert.match(row, /Home address.*Edited since in crm/i, "it is said where");
  const records = refused.map((row) => row.match(/CRM (\d+)/)[1]);
  assert.deepEqual(new Set(records), new Set(since.map((of) => of.contact)), "and at whom");
  const count = edited.length + filled.length - since.length;
  assert((await back.count()) > 0, "what gets back what stood there is listed");

  const city = async (of) => (await hands.contact(of.contact)).city ?? "";
  for (const of of filled.slice(since.length)) assert.equal(await city(of), "Sampleton", "looking changed nothing");
  await keys.press(`text=Take back ${count} records`);
  await until("the run is taken back", shows("h2:has-text('Taken back')"));
  await judge.look(page, "run-undone");
  for (const of of filled.slice(since.length)) await until(`${of.contact} is as it was`, async () => (await city(of)) === "");
  for (const of of since) assert.equal(await city(of), "Elsewhere", "what somebody typed since stays");
  for (const of of filled.slice(since.length)) assert.equal(await suburb(of), "Sampleton", "Halaxy was never written");
  assert(!story.pointerUsed(), "all of it was done by keyboard");
  return `the run undone: ${count} records as they were, ${since.length} that were edited since left and named`;
}
