// Two people at one card, each in a browser of their own: what one decided, or what changed meanwhile, is never written over.

import assert from "node:assert/strict";
import { code, join, secretOf } from "../door.mjs";
import { Keys } from "../keyboard.mjs";
import { digits, until } from "../people.mjs";

const MOBILES = "/inbox?kind=conflict&unit=mobile";

export async function together(story) {
  const { judge, browser, base, page, keys, hands, edited } = story;
  await page.goto(`${base}/people`);
  await keys.fill('form[action="/people/invite"] [name="name"]', "Kim Reed");
  await keys.fill('form[action="/people/invite"] [name="email"]', "kim@practice.example");
  await keys.press("text=Make a link");
  const link = await page.inputValue('input[aria-label="The link"]');
  const { context, page: theirs } = await judge.open(browser);
  await theirs.goto(link);
  await join(new Keys(theirs), {}, code(await secretOf(theirs)));
  await new Keys(theirs).press("text=Continue");

  // One decides while the other looks.
  const both = async (place) => {
    await page.goto(base + MOBILES);
    const card = base + (await page.locator("tr[data-open]").nth(place).getAttribute("data-open"));
    await page.goto(card);
    await theirs.goto(card);
    const patient = (await page.locator(".who .ref").first().textContent()).match(/Halaxy (\S+)/)[1];
    return edited.find((of) => of.patient === patient);
  };
  const answered = async (on, key) => {
    const answer = on.waitForResponse((response) => response.request().method() === "POST");
    await on.keyboard.press(key);
    const { status } = await answer.then((response) => ({ status: response.status() }));
    await on.waitForFunction(() => !document.body.classList.contains("busy"));
    return status;
  };
  const first = await both(0);
  await answered(page, "1");
  assert.equal(await answered(theirs, "2"), 409, "the second is told");
  await judge.look(theirs, "review-overtaken");
  assert.match(await theirs.textContent("[data-part=card]"), /Dana Fox/);
  const arrived = async (pair, value) => (await hands.mobiles(pair)).every((one) => one === digits(value));
  await until("what the first decided stands on both sides", () => arrived(first, first.ours));

  // A value changes while somebody looks.
  const second = await both(0);
  const newer = "+61491579999";
  await hands.patch(`crm/contacts/${second.contact}`, { properties: { mobilephone: newer } });
  await until("the newer value is on the card", async () => {
    await page.goto(theirs.url());
    return (await page.textContent("main")).includes(newer);
  });
  assert.equal(await answered(theirs, "1"), 409, "it is not what they looked at");
  assert.equal(await theirs.locator(".changed").count(), 1, "what changed is marked");
  await judge.look(theirs, "review-changed");
  const [patient, contact] = await hands.mobiles(second);
  assert.deepEqual([patient, contact], [digits(second.ours), digits(newer)], "nothing was written");
  assert.equal(await answered(theirs, "2"), 303, "now they have seen it");
  await until("what they decided then stands on both sides", () => arrived(second, newer));
  await context.close();
  return "two at one card: the second is told, and a value that changed is shown before it is decided";
}
