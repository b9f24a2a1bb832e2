// Single sign-on by a real provider: in and out, roles by its groups, who is refused, a provider that is away, another key.

import assert from "node:assert/strict";
import { PASSWORD, code } from "../door.mjs";
import { until } from "../people.mjs";

const path = (page) => new URL(page.url()).pathname;

export async function signOn({ judge, browser, base, provider, secret }) {
  const fresh = async () => {
    const made = await judge.open(browser);
    // The provider's pages ask for a typeface from elsewhere.
    await made.context.route((url) => url.hostname !== "127.0.0.1", (route) => route.abort());
    return made;
  };
  // From our page to the provider, and back with what it says of somebody.
  const come = async (page, who) => {
    await page.goto(`${base}/sign-in?next=%2Finbox`);
    await page.click("text=Sign in with Practice ID");
    await page.fill('[name="login"]', who);
    await page.fill('[name="password"]', "any");
    await page.click('button[type="submit"]');
    await page.click("text=Continue");
    await page.waitForURL((url) => url.href.startsWith(base));
  };

  // The front desk reviews; it stays so at the next time.
  const rose = await fresh();
  await rose.page.goto(`${base}/sign-in`);
  await judge.look(rose.page, "door-provider");
  await come(rose.page, "rose");
  await rose.page.waitForURL(`${base}/inbox`);
  assert.match(await rose.page.textContent(".account .sheet"), /Rose Brook\s*Reviewer/);
  assert.equal((await rose.page.goto(`${base}/people`)).status(), 403);
  await judge.look(rose.page, "door-not-for-you");
  const leave = async () => {
    await rose.page.click(".account summary");
    await rose.page.click("text=Sign out");
  };
  await leave();
  await rose.page.waitForURL(/sign-in\?left=1/);
  await judge.look(rose.page, "door-signed-out");
  // The provider still knows the browser until it is told as well.
  await rose.page.click("text=Sign in with Practice ID");
  await rose.page.waitForURL(`${base}/inbox`);
  await leave();
  await rose.page.click("text=sign out there too");
  await rose.page.click("text=Yes, sign me out");
  await rose.page.waitForLoadState("load");
  await rose.page.goto(`${base}/sign-in`);
  await rose.page.click("text=Sign in with Practice ID");
  assert.equal(await rose.page.locator('[name="login"]').count(), 1, "the provider asks who it is");

  // Groups say what somebody may do, and who may not come at all.
  const omar = await fresh();
  await come(omar.page, "omar");
  await omar.page.waitForURL(`${base}/inbox`);
  assert.match(await omar.page.textContent(".account .sheet"), /Omar Lind\s*Operator/);
  for (const [who, words] of [
    ["carla", /no role here/],
    ["vera", /does not vouch/],
  ]) {
    const { context, page } = await fresh();
    await come(page, who);
    assert.equal(path(page), "/sign-in/back");
    assert.match(await page.textContent('[role="alert"]'), words);
    if (who === "carla") await judge.look(page, "door-no-role");
    assert.equal((await context.cookies(base)).filter((of) => of.name.endsWith("bridge")).length, 0);
    await page.goto(`${base}/inbox`);
    assert.equal(path(page), "/sign-in", "nobody is signed in");
    await context.close();
  }
  const late = await fresh();
  await late.page.goto(`${base}/sign-in/out`);
  await late.page.click("text=Cancel");
  assert.match(await late.page.textContent('[role="alert"]'), /refused: access_denied/);

  // Away: nobody is sent there, but for some seconds after it was heard of, and whoever has a password comes in all the
  // same. Attempts are counted, so they are few.
  await provider.close();
  await until("that the provider is away is said", async () => {
    const answer = await late.page.goto(`${base}/sign-in/out`).catch(() => null);
    return answer?.status() === 503;
  }, { every: 3_000 });
  assert.match(await late.page.textContent('[role="alert"]'), /cannot be reached now/);
  await judge.look(late.page, "door-provider-away");
  await late.page.click("text=Back to signing in");
  await late.page.fill('[name="email"]', "dana@practice.example");
  await late.page.fill('[name="password"]', PASSWORD);
  await late.page.click("text=/^Continue$/");
  await late.page.fill('[name="code"]', code(secret));
  await late.page.keyboard.press("Enter");
  await late.page.waitForURL(`${base}/inbox`);
  await late.context.close();

  // Back with a key of another method, and everything in the token.
  await provider.back("ES256", { everythingInToken: true });
  const again = await fresh();
  await until("the new key is taken", async () => {
    await come(again.page, "rose");
    await again.page.waitForURL(`${base}/inbox`, { timeout: 2_000 }).catch(() => again.context.clearCookies());
    return path(again.page) === "/inbox";
  }, { every: 3_000 });
  assert.match(await again.page.textContent(".account .sheet"), /Rose Brook\s*Reviewer/);
  return "single sign-on: roles by group, refusals, sign-out, the provider away, another key";
}
