// Coming in: an authenticator, the first administrator, signing in.

import { createHmac } from "node:crypto";
import assert from "node:assert/strict";

export const PASSWORD = "kettle orbit plum sail";

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

// The code of the step after this one, which is taken too: one code is never taken twice.
export const nextCode = (secret) => code(secret, Date.now() + 30_000);

// What the authenticator app reads from the page of an invitation.
export async function secretOf(page) {
  const address = await page.locator('a[href^="otpauth:"]').getAttribute("href");
  return new URL(address).searchParams.get("secret");
}

// Fills the form of an invitation: fields in their order, by keyboard, and sends it.
export async function join(keys, typed, shown) {
  for (const [name, value] of Object.entries(typed)) await keys.fill(`[name="${name}"]`, value);
  await keys.fill('[name="password"]', PASSWORD);
  await keys.fill('[name="again"]', PASSWORD);
  await keys.fill('[name="code"]', shown);
  await keys.enter();
}

// Comes in by the link of the first administrator, without looking around.
export async function setUp(page, keys, link, who) {
  await page.goto(link);
  const secret = await secretOf(page);
  await join(keys, who, code(secret));
  await keys.press("text=Continue");
  assert.equal(new URL(page.url()).pathname, "/inbox");
  return secret;
}
