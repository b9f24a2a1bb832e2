// The people of the flow, and acting on them in the stand-ins as somebody at the practice does.

import { writeFileSync } from "node:fs";
import assert from "node:assert/strict";

// Decided by keyboard.
export const CONFLICTS = 50;
export const MATCHES = 50;
// Left for what comes after: a third value, a group, two at one card, without JavaScript.
export const SPARE = 14;
// Their contacts lack the address, which the first run fills in.
export const FILLED = 12;

const EDITED = CONFLICTS + SPARE;
const LINKED = EDITED + FILLED;

const SYLLABLES = ["bar", "den", "fel", "gor", "hin", "jas", "kel", "lom", "mar", "nov", "pel", "rus", "sel", "tam", "vin"];
// No two people of one name, nor of names that are nearly the same.
const name = (n, salt) => {
  const word = [n, Math.floor(n / 15) + salt, n * 4 + salt].map((k) => SYLLABLES[k % SYLLABLES.length]).join("");
  return word[0].toUpperCase() + word.slice(1);
};
const day = (n) => `${1950 + (n % 50)}-${String((n % 12) + 1).padStart(2, "0")}-${String((n % 28) + 1).padStart(2, "0")}`;
const mobile = (n) => `+614915${String(70_000 + n).padStart(5, "0")}`;
const email = (n) => `${name(n, 1)}.${name(n * 7 + 3, 5)}.${n}@sample.example`.toLowerCase();

const person = (n) => ({
  id: n + 1,
  given_name: name(n, 1),
  surname: name(n * 7 + 3, 5),
  date_of_birth: day(n),
  sex: "female",
  phone: mobile(n),
  email: email(n),
  street: `${n + 1} Sample Street`,
  suburb: "Sampleton",
  state: "VIC",
  postcode: "3000",
});

// Writes the two lists.
export function lists(folder) {
  const head = Object.keys(person(0));
  const [patients, contacts] = [[], []];
  const address = { street: "", suburb: "", state: "", postcode: "" };
  for (let n = 0; n < LINKED; n += 1) {
    patients.push(person(n));
    contacts.push(n < EDITED ? person(n) : { ...person(n), ...address });
  }
  // The same name and birth date, and nothing else that would settle it.
  for (let n = LINKED; n < LINKED + MATCHES + 2; n += 1) {
    patients.push(person(n));
    contacts.push({ ...person(n), ...address, sex: "", phone: "", email: "" });
  }
  const write = (file, rows) => {
    const lines = rows.map((row) => head.map((key) => row[key]).join(","));
    writeFileSync(file, [head.join(","), ...lines].join("\n") + "\n");
    return file;
  };
  return { patients: write(`${folder}/patients.csv`, patients), contacts: write(`${folder}/contacts.csv`, contacts) };
}

// The last digits, however a number is written.
export const digits = (text) => (text ?? "").replace(/\D/g, "").slice(-9);

// Waits until something holds.
export async function until(what, holds, { patience = 90_000, every = 200 } = {}) {
  for (const end = Date.now() + patience; Date.now() < end; await new Promise((on) => setTimeout(on, every))) {
    if (await holds()) return;
  }
  throw new Error(`this did not come about: ${what}`);
}

const json = async (answer) => {
  assert(answer.ok, `${answer.url}: ${answer.status}`);
  return answer.json();
};

// The records of both stand-ins.
export class Hands {
  constructor(control) {
    this.control = control;
  }

  records(path) {
    return fetch(`${this.control}/records/${path}`).then(json);
  }

  async patch(path, body) {
    const headers = { "content-type": "application/json" };
    const answer = await fetch(`${this.control}/records/${path}`, { method: "PATCH", headers, body: JSON.stringify(body) });
    assert(answer.ok, `${path}: ${answer.status} ${await answer.text()}`);
  }

  // Everybody who has a record on both sides, in the order of the lists.
  async pairs() {
    const [patients, contacts] = await Promise.all([this.records("halaxy/Patient"), this.records("crm/contacts")]);
    const mail = (patient) => patient.telecom?.find((of) => of.system === "email")?.value?.toLowerCase();
    const byMail = new Map(contacts.map((contact) => [contact.properties.email?.toLowerCase(), contact]));
    const pairs = [];
    for (let n = 0; n < LINKED; n += 1) {
      const patient = patients.find((of) => mail(of) === email(n));
      const contact = byMail.get(email(n));
      assert(patient && contact, `person ${n} is on both sides`);
      pairs.push({ n, patient: patient.id, contact: contact.id });
    }
    return { edited: pairs.slice(0, EDITED), filled: pairs.slice(EDITED) };
  }

  patient(id) {
    return this.records(`halaxy/Patient/${id}`);
  }

  async contact(id) {
    return (await this.records(`crm/contacts/${id}`)).properties;
  }

  // Somebody types a mobile number in Halaxy.
  async types(id, value) {
    const { telecom } = await this.patient(id);
    await this.patch(`halaxy/Patient/${id}`, { telecom: telecom.map((of) => (of.use === "mobile" ? { ...of, value } : of)) });
  }

  // Both mobile numbers of somebody.
  async mobiles({ patient, contact }) {
    const [of, { mobilephone }] = await Promise.all([this.patient(patient), this.contact(contact)]);
    return [digits(of.telecom?.find((one) => one.use === "mobile")?.value), digits(mobilephone)];
  }

  // Both sides type another number at once, so that somebody must decide.
  async disagree(pairs) {
    for (const pair of pairs) {
      [pair.ours, pair.theirs] = [mobile(20_000 + 2 * pair.n), mobile(20_001 + 2 * pair.n)];
      await Promise.all([
        this.types(pair.patient, pair.ours),
        this.patch(`crm/contacts/${pair.contact}`, { properties: { mobilephone: pair.theirs } }),
      ]);
    }
  }
}
