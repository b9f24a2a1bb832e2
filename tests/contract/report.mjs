// One line for each thing judged, and an exit code that says whether all of it held.
import assert from 'node:assert/strict';

let held = 0;
const failed = [];

/** Runs one judgement. A failed one is told and noted; the next ones still run. */
export async function judge(what, how) {
  const began = Date.now();
  try {
    await how();
    held += 1;
    console.log(`  ok      ${what} (${Date.now() - began} ms)`);
  } catch (error) {
    failed.push(what);
    console.log(`  FAILED  ${what}\n${String(error?.message ?? error).replace(/^/gm, '          ')}`);
  }
}

/** Fails unless `members` stand in `value` as they are given here; others may stand beside them. */
export function holds(value, members, of = 'value') {
  assert.ok(value !== null && typeof value === 'object', `${of} is no object: ${JSON.stringify(value)}`);
  for (const [name, wanted] of Object.entries(members)) {
    assert.deepEqual(value[name], wanted, `${of}.${name}`);
  }
}

/** The error that a promise rejects with; fails if it does not. */
export async function refusal(promise) {
  const answer = await promise.then(
    (value) => ({ value }),
    (error) => ({ error }),
  );
  assert.ok(answer.error, `a refusal was expected, not ${JSON.stringify(answer.value)}`);
  return answer.error;
}

/** Prints the sum and ends the process: 0 if all held, else 1. Nothing judged is a failure too. */
export function end() {
  console.log(`${held} held, ${failed.length} failed`);
  process.exit(held > 0 && failed.length === 0 ? 0 : 1);
}
