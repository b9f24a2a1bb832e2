// The program as its users start it: the demo, and a practice of its own between stand-ins that are served beside it.

import { execFile, spawn } from "node:child_process";
import { createServer } from "node:net";
import { promisify } from "node:util";
import { writeFileSync } from "node:fs";
import assert from "node:assert/strict";

// Every process that was started and has not been ended.
const started = new Set();

function start(program, args, { cwd, env, patience = 120_000 }, finds) {
  const child = spawn(program, args, { cwd, env: { ...process.env, ...env }, stdio: ["ignore", "pipe", "pipe"] });
  started.add(child);
  const found = new Promise((on, lost) => {
    const told = { stdout: "", stderr: "" };
    for (const stream of ["stdout", "stderr"]) {
      child[stream].on("data", (chunk) => {
        told[stream] += chunk;
        const what = finds(told);
        if (what) on(what);
      });
    }
    const fail = (why) => lost(new Error(`${args[0]} ${why}:\n${told.stdout}\n${told.stderr}`));
    child.on("exit", (code) => started.delete(child) && fail(`ended with ${code}`));
    setTimeout(() => fail("did not say what was waited for"), patience).unref();
  });
  // Whoever waits for it is told; nobody may be waiting yet.
  found.catch(() => {});
  return found;
}

// Ends what was started here.
export function endAll() {
  for (const child of started) child.kill("SIGINT");
  started.clear();
}

// The demo: the link of its first administrator, and the control API of its stand-ins.
export function demo(program) {
  return start(program, ["demo"], { patience: 240_000 }, ({ stdout }) => {
    const link = stdout.match(/http:\/\/\S+\/invitation\/[0-9a-f]{64}/);
    const control = stdout.match(/curl (http:\/\/\S+)\/records\/crm\/contacts/);
    return link && control && { link: link[0], control: control[1] };
  });
}

// A port that was free a moment ago.
export async function freePort() {
  const server = createServer();
  await new Promise((on) => server.listen(0, "127.0.0.1", on));
  const { port } = server.address();
  await new Promise((on) => server.close(on));
  return port;
}

// What an integrator writes by hand. Calls live five seconds: the stand-ins land what they delay within three.
const toml = (ends, port, oidc) => `[practice]
name = "Sampleton Clinic"
country = "AU"
time_zone = "Australia/Melbourne"

[store]
url = "sqlite:bridge.db"
key = "file:bridge.key"

[serve]
listen = "127.0.0.1:${port}"

[serve.oidc]
issuer = "${oidc.issuer}"
client_id = "${oidc.client}"
client_secret = "env:OIDC_SECRET"
label = "Practice ID"
domains = ["practice.example"]
role_claim = "groups"
roles = { "front-desk" = "reviewer", "owners" = "admin", "it" = "operator" }

[systems.halaxy]
connector = "halaxy"
base_url = "${ends.halaxy.base_url}"
client_id = "env:HALAXY_CLIENT_ID"
client_secret = "env:HALAXY_CLIENT_SECRET"
user_agent = "Sampleton (it@practice.example)"
call_life = "5s"

[systems.crm]
connector = "hubspot"
base_url = "${ends.crm.base_url}"
token = "env:HUBSPOT_TOKEN"
may_receive = ["identity", "contact"]
call_life = "5s"

[sync.person]
systems = ["halaxy", "crm"]
create_in = ["crm"]
create_when = "status in ['current', 'contact']"
poll_every = "1s"
`;

// A practice in a folder, run as a service with nothing approved yet: where the app is, the control API of the
// stand-ins, the link of the first administrator, and any command of the program on that practice.
export async function practice(program, folder, lists, oidc) {
  const people = ["--patients", lists.patients, "--contacts", lists.contacts];
  const args = ["sandbox", "--manners", "polite", "--seed", "7", ...people, "--json"];
  const ends = await start(program, args, { cwd: folder }, ({ stdout }) => stdout.includes("\n") && JSON.parse(stdout));
  const env = {
    HALAXY_CLIENT_ID: ends.halaxy.client_id,
    HALAXY_CLIENT_SECRET: ends.halaxy.client_secret,
    HUBSPOT_TOKEN: ends.crm.token,
    OIDC_SECRET: oidc.secret,
  };
  const { port } = oidc;
  writeFileSync(`${folder}/bridge.toml`, toml(ends, port, oidc));
  const run = promisify(execFile);
  const command = async (...line) => {
    const { stdout } = await run(program, [...line, "--json"], { cwd: folder, env: { ...process.env, ...env } });
    return JSON.parse(stdout);
  };
  await command("key", "new", "--out", "bridge.key");
  await command("prepare", "crm", "--yes");
  await start(program, ["run"], { cwd: folder, env }, ({ stderr }) => stderr.includes("Listening on"));
  const { link } = await command("admin", "setup");
  const base = `http://127.0.0.1:${port}`;
  assert(link.startsWith(base), "the link leads to where the service listens");
  return { base, link, control: ends.control_url, command };
}
