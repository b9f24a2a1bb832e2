// First-run set-up with an authenticator, signing in by password and code, and the first run: planned, looked at, approved.

import assert from "node:assert/strict";
import { PASSWORD, code, join, nextCode, secretOf } from "../door.mjs";
import { Keys, noPointer } from "../keyboard.mjs";
import { until } from "../people.mjs";

export async function begin(story) {
  const { judge, browser, base, link, hands } = story;
  const { context, page } = await judge.open(browser);
  const keys = new Keys(page);
  Object.assign(story, { context, page, keys, pointerUsed: await noPointer(context) });

  await page.goto(`${base}/inbox`);
  assert.equal(new URL(page.url()).pathname, "/sign-in");
  await judge.look(page, "door-nobody-yet");
  await judge.visit(page, "door-set-up", link);
  const secret = (story.secret = await secretOf(page));
  const who = { name: "Dana Fox", email: "dana@practice.example" };
  await join(keys, who, "000000");
  assert.match(await page.textContent('[role="alert"]'), /not the code/);
  await judge.look(page, "door-wrong-code");
  await join(keys, who, code(secret));
  assert.equal(await page.locator(".codes code").count(), 10);
  await judge.look(page, "door-recovery-codes");
  await keys.press("text=Continue");
  assert.equal(new URL(page.url()).pathname, "/inbox");
  await judge.look(page, "inbox-empty");

  await keys.tick(".account summary");
  await keys.press("text=Sign out");
  await judge.visit(page, "door-sign-in", `${base}/sign-in`);
  await page.goto(`${base}/runs`);
  await keys.fill('[name="email"]', "Dana@Practice.example");
  await keys.fill('[name="password"]', PASSWORD);
  await page.keyboard.press("Enter");
  await page.waitForURL(/sign-in\/code/);
  await judge.look(page, "door-code");
  await keys.fill('[name="code"]', nextCode(secret));
  await page.keyboard.press("Enter");
  await page.waitForURL(`${base}/runs`);

  // Nothing is written before somebody has seen what would be.
  await judge.look(page, "runs-nothing-approved");
  const { edited, filled } = await hands.pairs();
  Object.assign(story, { edited, filled });
  const suburbs = () => Promise.all(filled.map(async (of) => (await hands.contact(of.contact)).city ?? ""));
  assert.deepEqual(new Set(await suburbs()), new Set([""]), "nothing was written without approval");
  // Before both sides were read to their end no plan is made.
  await until("the plan is there", async () => {
    await page.goto(`${base}/runs`);
    if (await page.locator("text=Approve what is ticked").count()) return true;
    if (!(await page.locator("text=worked out since").count())) await keys.press("text=/Work (it )?out/");
    return false;
  });
  await judge.look(page, "runs-plan");
  await keys.press("text=Approve what is ticked");
  await until("the first run has ended", async () => {
    await page.goto(`${base}/runs`);
    const under = await page.locator("text=/under way|worked out since|Nothing is approved/").count();
    return under === 0;
  });
  assert.deepEqual(new Set(await suburbs()), new Set(["Sampleton"]), "what was approved was written");
  await judge.look(page, "runs-done");
  return "set up, signed in with a code, the plan approved and written";
}
