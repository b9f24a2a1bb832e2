// What the scripts of this folder have in common: the demo, an authenticator, and what every page is held to.

import { spawn } from "node:child_process";
import { createHmac } from "node:crypto";
import { createRequire } from "node:module";

const axe = createRequire(import.meta.url).resolve("axe-core/axe.min.js");

export const PASSWORD = "kettle orbit plum sail";

// The program's demo; the link of its first administrator, and the address of the stand-ins' control API.
export function demo(program, args = []) {
  const child = spawn(program, ["demo", ...args], { stdio: ["ignore", "pipe", "inherit"] });
  const told = new Promise((found, lost) => {
    let text = "";
    child.stdout.on("data", (chunk) => {
      text += chunk;
      const link = text.match(/http:\/\/\S+\/invitation\/[0-9a-f]{64}/);
      const control = text.match(/curl (http:\/\/\S+)\/records\/crm\/contacts/);
      if (link && control) found({ link: link[0], control: control[1] });
    });
    child.on("exit", (code) => lost(new Error(`the demo ended with ${code}:\n${text}`)));
    setTimeout(() => lost(new Error(`the demo printed no link:\n${text}`)), 240_000).unref();
  });
  return { child, told, link: told.then(({ link }) => link) };
}

// The code that an authenticator shows.
export function code(secret, now = Date.now()) {
  const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
  const bits = [...secret].map((c) => letters.indexOf(c).toString(2).padStart(5, "0")).join("");
  const key = Buffer.from(bits.match(/.{8}/g).map((byte) => parseInt(byte, 2)));
  const step = Buffer.alloc(8);
  step.writeBigUInt64BE(BigInt(Math.floor(now / 30_000)));
  const hash = createHmac("sha1", key).update(step).digest();
  const at = hash[19] & 15;
  return String((hash.readUInt32BE(at) & 0x7fffffff) % 1_000_000).padStart(6, "0");
}

// Comes in by the first administrator's link.
export async function setUp(page, invitation) {
  await page.goto(invitation);
  const address = await page.locator('a[href^="otpauth:"]').getAttribute("href");
  const secret = new URL(address).searchParams.get("secret");
  await page.fill('[name="name"]', "Dana Fox");
  await page.fill('[name="email"]', "dana@practice.example");
  await page.fill('[name="password"]', PASSWORD);
  await page.fill('[name="again"]', PASSWORD);
  await page.fill('[name="code"]', code(secret));
  await page.click("text=Finish");
  await page.click("text=Continue");
}

// What every page is held to; whatever is found is kept for the end. Screenshots go to the folder.
export function judge(folder) {
  const found = [];
  const expect = (holds, what) => holds || found.push(what);

  async function judged(page, name, theme) {
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    expect(wide <= 0, `${name} (${theme}) scrolls sideways by ${wide} px`);
    const bar = await page.evaluate(() => document.querySelector(".bar")?.getBoundingClientRect().height ?? 0);
    expect(bar < 64, `${name} (${theme}): the bar at the top is ${bar} px high, more than a row`);
    await page.screenshot({ path: `${folder}/${name}-${theme}.png`, fullPage: true });
  }

  // The checker is put in from outside the page, whose policy allows no script but its own.
  async function accessible(context, page, name, theme) {
    const session = await context.newCDPSession(page);
    await session.send("Page.setBypassCSP", { enabled: true });
    await page.reload();
    await page.addScriptTag({ path: axe });
    const { violations } = await page.evaluate(() => globalThis.axe.run(document));
    for (const { id, impact, nodes } of violations) {
      if (["serious", "critical"].includes(impact)) {
        const where = nodes.slice(0, 3).map((node) => node.html);
        expect(false, `${name} (${theme}): ${impact}: ${id}: ${where.join(" | ")}`);
      }
    }
    await session.send("Page.setBypassCSP", { enabled: false });
    await session.detach();
  }

  return { found, expect, judged, accessible };
}
