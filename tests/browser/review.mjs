// The review in headless Chromium, over the program's own demo with people of this script's making: fifty conflicts and fifty
// possible matches are cleared by keyboard alone, the values arrive in the stand-ins, one decision is taken back, a group
// is decided at once, a rule is made and tried; and the same pages without JavaScript, light, dark and on a tablet.
//
//   node review.mjs PROGRAM CHROMIUM FOLDER

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import assert from "node:assert/strict";
import { chromium } from "playwright-core";
import { demo, judge, setUp } from "./common.mjs";

const [program, browserPath, folder] = process.argv.slice(2);
assert(program && browserPath && folder, "usage: node review.mjs PROGRAM CHROMIUM FOLDER");
mkdirSync(folder, { recursive: true });
const { found, expect, judged, accessible } = judge(folder);

// -------------------------------------------------------------------------------------------------------- the people
const CONFLICTS = 50;
const MATCHES = 50;
// A group of one pattern, for the end.
const GROUP = 12;
const CAST = 60;
// Those whom the demo's own story leaves alone follow its cast of 40.
const LINKED = CAST + CONFLICTS + GROUP;

const SYLLABLES = ["bar", "den", "fel", "gor", "hin", "jas", "kel", "lom", "mar", "nov", "pel", "rus", "sel", "tam", "vin"];
// No two people of one name, nor of names that are nearly the same.
const name = (n, salt) => {
  const word = [n, Math.floor(n / 15) + salt, n * 4 + salt].map((k) => SYLLABLES[k % SYLLABLES.length]).join("");
  return word[0].toUpperCase() + word.slice(1);
};
const day = (n) => `${1950 + (n % 50)}-${String((n % 12) + 1).padStart(2, "0")}-${String((n % 28) + 1).padStart(2, "0")}`;
const mobile = (n) => `+614915${String(70_000 + n).padStart(5, "0")}`;

function person(n) {
  const [given, family] = [name(n, 1), name(n * 7 + 3, 5)];
  const email = `${given}.${family}.${n}@sample.example`.toLowerCase();
  return [n + 1, given, family, day(n), "female", mobile(n), email, `${n + 1} Sample Street`, "Sampleton", "VIC", "3000"];
}

function people(files) {
  const head = "id,given_name,surname,date_of_birth,sex,phone,email,street,suburb,state,postcode";
  const [patients, contacts] = [[], []];
  for (let n = 0; n < LINKED; n += 1) {
    patients.push(person(n));
    contacts.push(person(n));
  }
  // The same name and birth date, and nothing else that would settle it.
  for (let n = LINKED; n < LINKED + MATCHES; n += 1) {
    const same = person(n);
    patients.push(person(n));
    contacts.push([same[0], same[1], same[2], same[3], "", "", "", "", "", "", ""]);
  }
  const write = (file, rows) => writeFileSync(file, [head, ...rows.map((row) => row.join(","))].join("\n") + "\n");
  write(files.patients, patients);
  write(files.contacts, contacts);
}

// ------------------------------------------------------------------------------------------------------ the stand-ins
const json = async (answer) => {
  assert(answer.ok, `${answer.url}: ${answer.status}`);
  return answer.json();
};
const records = async (control, path) => json(await fetch(`${control}/records/${path}`));
const patch = async (control, path, body) => {
  const headers = { "content-type": "application/json" };
  const answer = await fetch(`${control}/records/${path}`, { method: "PATCH", headers, body: JSON.stringify(body) });
  assert(answer.ok, `${path}: ${answer.status} ${await answer.text()}`);
};
const mobileOf = (patient) => patient.telecom?.find((of) => of.use === "mobile")?.value;
const withMobile = (patient, value) => ({
  telecom: patient.telecom.map((of) => (of.use === "mobile" ? { ...of, value } : of)),
});
const digits = (text) => (text ?? "").replace(/\D/g, "").slice(-9);
const until = async (what, holds, patience = 90_000) => {
  for (const end = Date.now() + patience; Date.now() < end; await new Promise((on) => setTimeout(on, 250))) {
    if (await holds()) return;
  }
  throw new Error(`this did not come about: ${what}`);
};

// ----------------------------------------------------------------------------------------------------------- the story
const files = mkdtempSync(`${tmpdir()}/review-`);
const lists = { patients: `${files}/patients.csv`, contacts: `${files}/contacts.csv` };
people(lists);
const { child, told } = demo(program, ["--patients", lists.patients, "--contacts", lists.contacts]);
const browser = await chromium.launch({ executablePath: browserPath, args: ["--no-sandbox"] });
try {
  const { link, control } = await told;
  const base = new URL(link).origin;
  const context = await browser.newContext({ viewport: { width: 1024, height: 768 }, colorScheme: "light" });
  const page = await context.newPage();
  const violations = [];
  page.on("console", (message) => /Content Security Policy/.test(message.text()) && violations.push(message.text()));
  page.on("pageerror", (error) => found.push(`an error in the page: ${error}`));
  await setUp(page, link);

  // Both sides of fifty people, and of a dozen for the group, type another number at once.
  const edited = [];
  const all = { halaxy: await records(control, "halaxy/Patient"), crm: await records(control, "crm/contacts") };
  const byMail = new Map(all.crm.map((contact) => [contact.properties.email?.toLowerCase(), contact]));
  const mail = (patient) => patient.telecom?.find((of) => of.system === "email")?.value?.toLowerCase();
  const chosen = all.halaxy.filter((patient) => byMail.has(mail(patient))).slice(-(CONFLICTS + GROUP));
  assert.equal(chosen.length, CONFLICTS + GROUP, "people on both sides");
  for (const [n, patient] of chosen.entries()) {
    const contact = byMail.get(mail(patient));
    const [ours, theirs] = [mobile(20_000 + 2 * n), mobile(20_001 + 2 * n)];
    await Promise.all([
      patch(control, `halaxy/Patient/${patient.id}`, withMobile(patient, ours)),
      patch(control, `crm/contacts/${contact.id}`, { properties: { mobilephone: theirs } }),
    ]);
    edited.push({ patient: patient.id, contact: contact.id, ours, theirs });
  }
  const count = async (key) => Number((await page.locator(`[data-count="${key}"]`).textContent().catch(() => "0")).replace(/\D/g, ""));
  await page.goto(`${base}/inbox`);
  // Told as they come, without the page being loaded again.
  await until("every conflict is in the inbox", async () => (await count("kind/conflict")) >= CONFLICTS + GROUP);
  await page.goto(`${base}/inbox`);
  const matches = await count("kind/match");
  assert(matches >= MATCHES, `${matches} possible matches`);

  // Every page in both themes, and held upright.
  const opened = async (list) => {
    await page.goto(base + list);
    return page.locator("tr[data-open]").first().getAttribute("data-open");
  };
  const conflict = await opened("/inbox?kind=conflict&unit=mobile");
  const match = await opened("/inbox?kind=match");
  const PAGES = [
    ["review-inbox", "/inbox"],
    ["review-conflict", conflict],
    ["review-match", match],
    ["review-group", conflict.replace("?", "/group?")],
    ["review-rule", "/rules?unit=mobile&key=wins&value=halaxy"],
    ["review-decisions", "/decisions"],
  ];
  const look = async (pages) => {
    for (const theme of ["light", "dark"]) {
      await page.emulateMedia({ colorScheme: theme });
      for (const [title, path] of pages) {
        const sizes = [];
        const counted = async (response) => {
          if (!/event-stream/.test(response.headers()["content-type"])) sizes.push((await response.body().catch(() => "")).length);
        };
        page.on("response", counted);
        const answer = await page.goto(base + path, { waitUntil: "load" });
        page.off("response", counted);
        assert.equal(answer.status(), 200, path);
        const bytes = sizes.reduce((sum, n) => sum + n, 0);
        expect(bytes < 100_000, `${title} takes ${bytes} bytes`);
        await judged(page, title, theme);
        await accessible(context, page, title, theme);
      }
    }
    await page.emulateMedia({ colorScheme: "light" });
    await page.setViewportSize({ width: 768, height: 1024 });
    for (const [title, path] of pages) {
      await page.goto(base + path);
      await judged(page, title, "tablet");
    }
    await page.setViewportSize({ width: 1024, height: 768 });
  };
  await look(PAGES.slice(0, -1));

  // Fifty conflicts by keyboard alone: the first row is opened, and each decision opens the next.
  const heading = () => page.locator("[data-part=card] h1").textContent();
  const here = () => new URL(page.url()).pathname;
  const press = async (key, what) => {
    const before = here();
    await page.keyboard.press(key);
    await page.waitForFunction((was) => location.pathname !== was && !document.body.classList.contains("busy"), before).catch(async () => {
      const state = await page.evaluate(() => {
        const [at, card] = [document.activeElement, document.querySelector("[data-part=card]")];
        const busy = document.body.classList.contains("busy");
        return { at: at?.outerHTML.slice(0, 90), ...card?.dataset, busy, path: location.pathname, heading: document.querySelector("h1")?.textContent };
      });
      throw new Error(`${what}: ${key} at ${before} led nowhere: ${JSON.stringify(state)}`);
    });
  };
  const started = Date.now();
  await page.goto(`${base}/inbox?kind=conflict&unit=mobile`);
  await page.keyboard.press("j");
  await press("Enter", "opening the first");
  await page.keyboard.press("?");
  assert(await page.locator("dialog#keys").isVisible());
  await judged(page, "review-keys", "light");
  await page.keyboard.press("Escape");
  await page.locator("dialog#keys").waitFor({ state: "hidden" });
  await press("j", "on to the second");
  await press("k", "back to the first");
  const settled = new Map();
  for (let n = 0; n < CONFLICTS; n += 1) {
    assert.match(await heading(), /Mobile/);
    const text = await page.locator(".who .ref").first().textContent();
    const keep = n % 2 ? "2" : "1";
    settled.set(text.match(/Halaxy (\S+)/)[1], keep);
    await press(keep, `conflict ${n + 1}`);
    assert(await page.locator(".done").isVisible(), "what was decided is told");
  }
  const seconds = (Date.now() - started) / 1000;
  assert.equal(settled.size, CONFLICTS, "each was another person’s");

  // What was kept stands on both sides.
  const both = async (of) => {
    const [patient, contact] = await Promise.all([
      records(control, `halaxy/Patient/${of.patient}`),
      records(control, `crm/contacts/${of.contact}`),
    ]);
    return [digits(mobileOf(patient)), digits(contact.properties.mobilephone)];
  };
  const mine = edited.filter((of) => settled.has(of.patient));
  assert(mine.length >= CONFLICTS - 2, `${mine.length} of the conflicts were made here`);
  for (const of of mine) {
    const kept = digits(settled.get(of.patient) === "1" ? of.ours : of.theirs);
    await until(`${of.patient} has the number that was kept`, async () => (await both(of)).every((value) => value === kept));
  }

  // The last of them is taken back: the question is as it was, on both sides.
  const last = mine.at(-1);
  await page.goto(`${base}/decisions`);
  await judged(page, "review-decisions", "light");
  const entry = page.locator("tbody tr").first();
  await entry.locator("button").click();
  await page.waitForURL(/undone/);
  const undone = [...settled.keys()].at(-1);
  const of = edited.find((of) => of.patient === undone) ?? last;
  await until("what was taken back is as it was", async () => {
    const [patient, contact] = await both(of);
    return patient === digits(of.ours) && contact === digits(of.theirs);
  });

  // Fifty possible matches, by keyboard alone.
  await page.goto(`${base}/inbox?kind=match`);
  await page.keyboard.press("j");
  await press("Enter", "opening the first pair");
  for (let n = 0; n < MATCHES; n += 1) {
    // The last leads back to the list, which is another page.
    await press(["m", "d", "h"][n % 3], `match ${n + 1}`);
    await page.waitForLoadState("load");
  }
  await until("pairs are settled", async () => {
    await page.goto(`${base}/inbox?kind=match`);
    return (await count("kind/match")) <= matches - MATCHES;
  });

  // A third value, tried before it is kept.
  await page.goto(`${base}/inbox?kind=conflict&unit=mobile`);
  await page.keyboard.press("j");
  await press("Enter", "opening a conflict");
  await page.keyboard.press("3");
  await page.keyboard.type("0491 570 156");
  await page.keyboard.press("Enter");
  await page.waitForSelector(".tried");
  await judged(page, "review-third", "light");
  assert.match(await page.textContent(".tried"), /\+61491570156/);
  await press("Enter", "keeping the third value");

  // A rule of a decision, tried on what is open and on what was decided.
  await page.goto(`${base}/inbox?kind=conflict&unit=mobile`);
  await page.locator("tr[data-open]").first().press("Enter");
  await page.waitForURL(/\/inbox\//);
  await page.click("text=make a rule");
  await page.click("text=Halaxy always");
  await page.waitForURL(/\/rules/);
  const trial = await page.textContent("main");
  assert.match(trial, /would have been decided by the rule/);
  assert.match(trial, /wins = "halaxy"/);
  await judged(page, "review-rule-made", "light");

  // What is left of the pattern at once, and all of it taken back.
  await page.goto(`${base}/inbox?kind=conflict&unit=mobile`);
  await page.keyboard.press("j");
  await press("Enter", "opening one of the pattern");
  await page.keyboard.press("g");
  await page.waitForURL(/\/group/);
  await page.click("text=Keep Halaxy’s for all");
  await page.waitForURL(/\/decisions\?group/);
  await judged(page, "review-group-decided", "light");
  await page.click("text=Undo all of them");
  await page.waitForURL(/refused=0/);
  await look(PAGES.slice(-1));

  // Without JavaScript: one is decided by its button, and taken back by its own.
  const plainly = await browser.newContext({ viewport: { width: 1024, height: 768 }, javaScriptEnabled: false });
  await plainly.addCookies(await context.cookies());
  const plain = await plainly.newPage();
  await until("a question is open again", async () => {
    await plain.goto(`${base}/inbox?kind=conflict&unit=mobile`);
    return (await plain.locator("tr[data-open]").count()) > 0;
  });
  await plain.locator("tr[data-open] a").first().click();
  const first = new URL(plain.url()).pathname;
  await plain.click("text=Keep CRM’s");
  assert.notEqual(new URL(plain.url()).pathname, first);
  assert.match(await plain.textContent(".done"), /kept CRM’s/);
  await plain.click(".done button");
  assert.doesNotMatch(await plain.title(), /not done/);

  expect(violations.length === 0, `the policy of a page was broken: ${violations[0]}`);
  assert.equal(found.length, 0, `\n${found.join("\n")}`);
  console.log(
    `the review: ${CONFLICTS} conflicts by keyboard in ${seconds.toFixed(1)} s, ${MATCHES} of ${matches} matches, screenshots in ${folder}`,
  );
} finally {
  await browser.close();
  child.removeAllListeners("exit");
  child.kill("SIGINT");
  rmSync(files, { recursive: true, force: true });
}
