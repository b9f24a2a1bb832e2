// HubSpot's own client, unchanged, against the stand-in: the older paths by its typed calls, the dated ones by its
// plain requests. Usage: node hubspot_sdk.mjs ENDPOINTS.json (what `halaxy-bridge sandbox --json` prints).
//
// The client takes any body without complaint, so a call that passes proves its path only. Every member that the bridge
// relies on is asserted here, and every typed answer is held against the client's own declarations.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { Client } from '@hubspot/api-client';
import { differences, unused } from './model_shape.mjs';
import { end, holds, judge, refusal } from './report.mjs';

const { crm, control_url: control } = JSON.parse(readFileSync(process.argv[2], 'utf8'));
const client = new Client({ accessToken: crm.token, basePath: crm.base_url });
const contacts = client.crm.contacts;
const basic = contacts.basicApi;
const batch = contacts.batchApi;

const CONTACTS = 'crm/contacts';
const UNIQUE = 'halaxy_patient_id';
const ISO = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;
// Nobody else's mailboxes and ids, also when the same stand-in is judged twice.
const run = Date.now().toString(36);
const mailbox = (who) => `${who}.${run}@example.org`;
const patient = (who) => `HX-${who}-${run}`;

/** Holds a typed answer against its declaration and hands it on. */
function shaped(answer, area = CONTACTS) {
  assert.deepEqual(differences(answer, area), []);
  return answer;
}

async function put(path, body, method = 'POST') {
  const answer = await fetch(`${control}/${path}`, {
    method,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  assert.ok(answer.ok, `${method} ${path}: ${answer.status}`);
}

/** A plain request through the client; the status and the parsed body. */
async function plain(method, path, body) {
  const answer = await client.apiRequest({ method, path, body });
  const text = await answer.text();
  return { status: answer.status, headers: answer.headers, body: text === '' ? null : JSON.parse(text) };
}

const create = async (who, more = {}) =>
  shaped(await basic.create({ properties: { email: mailbox(who), firstname: who, ...more }, associations: [] }));
const equals = (propertyName, value) => ({ filters: [{ propertyName, operator: 'EQ', value }] });
const search = async (request) =>
  shaped(await contacts.searchApi.doSearch({ limit: 10, after: '0', sorts: [], properties: [], filterGroups: [], ...request }));

console.log('HubSpot SDK 14.0.1 against the stand-in');
await put('manners', { mode: 'polite' });

await judge('canary: an empty answer passes the client, and not the judge', async () => {
  const server = createServer((request, response) => {
    request.resume();
    response.writeHead(200, { 'content-type': 'application/json' }).end('{"results":[{}]}');
  });
  await new Promise((ready) => server.listen(0, '127.0.0.1', ready));
  const hollow = new Client({ accessToken: 'any', basePath: `http://127.0.0.1:${server.address().port}` });
  const page = await hollow.crm.contacts.basicApi.getPage(1);
  server.close();
  server.closeAllConnections();
  const missing = ['createdAt', 'id', 'properties', 'updatedAt'].map((name) => `page.results[0].${name} is missing`);
  assert.deepEqual(differences(page, CONTACTS, 'page').sort(), missing);
});

await judge('properties: the unique property is made, found and not made twice', async () => {
  const wanted = {
    name: UNIQUE, label: 'Halaxy patient', type: 'string', fieldType: 'text',
    groupName: 'contactinformation', hasUniqueValue: true,
  };
  const properties = client.crm.properties.coreApi;
  const known = shaped(await properties.getAll('contacts'), 'crm/properties').results.map((property) => property.name);
  for (const name of ['email', 'firstname', 'lastname', 'mobilephone', 'phone', 'lastmodifieddate', 'hs_object_id']) {
    assert.ok(known.includes(name), `${name} is a default property`);
  }
  if (!known.includes(UNIQUE)) {
    holds(shaped(await properties.create('contacts', wanted), 'crm/properties'), wanted);
  }
  holds(shaped(await properties.getByName('contacts', UNIQUE), 'crm/properties'), { hasUniqueValue: true, archived: false });
  const twice = await refusal(properties.create('contacts', wanted));
  holds(twice, { code: 409 });
  holds(twice.body, { status: 'error', category: 'CONFLICT' });
});

await judge('create: the whole contact comes back', async () => {
  const before = Date.now();
  const made = await create('ada', { lastname: 'Sample', mobilephone: '+61491570006', [UNIQUE]: patient('ada') });
  assert.match(made.id, /^\d+$/);
  holds(made, { archived: false });
  holds(made.properties, {
    email: mailbox('ada'), firstname: 'ada', lastname: 'Sample', mobilephone: '+61491570006',
    [UNIQUE]: patient('ada'), hs_object_id: made.id,
  });
  assert.match(made.properties.createdate, ISO);
  assert.match(made.properties.lastmodifieddate, ISO);
  assert.equal(new Date(made.properties.createdate).getTime(), made.createdAt.getTime());
  assert.equal(new Date(made.properties.lastmodifieddate).getTime(), made.updatedAt.getTime());
  // The stand-in's clock is this machine's; a minute allows for a slow one.
  assert.ok(Math.abs(made.createdAt.getTime() - before) < 60_000, 'createdAt is now');
});

await judge('read: asked properties only, a blank one as null, by id and by unique property', async () => {
  const made = await create('ben', { lastname: 'Sample', [UNIQUE]: patient('ben') });
  const asked = ['email', 'mobilephone', UNIQUE];
  const read = shaped(await basic.getById(made.id, asked));
  assert.deepEqual(Object.keys(read.properties).sort(), [...asked, 'createdate', 'hs_object_id', 'lastmodifieddate'].sort());
  holds(read.properties, { email: mailbox('ben'), mobilephone: null, [UNIQUE]: patient('ben'), hs_object_id: made.id });
  const by = async (name, value) => shaped(await basic.getById(value, asked, undefined, undefined, false, name));
  assert.deepEqual(await by(UNIQUE, patient('ben')), read);
  assert.deepEqual(await by('email', mailbox('ben')), read);
  const unfit = await refusal(basic.getById('Sample', asked, undefined, undefined, false, 'lastname'));
  holds(unfit, { code: 400 });
  holds(unfit.body, { status: 'error', category: 'VALIDATION_ERROR' });
});

await judge('read: an id that nobody has is 404', async () => {
  const error = await refusal(basic.getById('999999999999'));
  holds(error, { code: 404 });
  holds(error.body, { status: 'error', category: 'OBJECT_NOT_FOUND' });
  assert.match(error.body.correlationId, /^[0-9a-f-]{36}$/);
});

await judge('update: only what was sent changes, an empty text clears, time moves, history tells', async () => {
  const made = await create('cleo', { lastname: 'Sample', phone: '+61731234567' });
  const done = shaped(await basic.update(made.id, { properties: { firstname: 'Clio', phone: '' } }));
  holds(done, { id: made.id, archived: false });
  holds(done.properties, { firstname: 'Clio' });
  assert.ok(done.updatedAt >= made.updatedAt, 'updatedAt moves');
  assert.equal(done.createdAt.getTime(), made.createdAt.getTime());
  const read = shaped(await basic.getById(made.id, ['email', 'lastname', 'phone'], ['firstname']));
  holds(read.properties, { email: mailbox('cleo'), lastname: 'Sample' });
  assert.ok(!read.properties.phone, `phone is blank, not ${read.properties.phone}`);
  const history = read.propertiesWithHistory.firstname;
  assert.deepEqual(history.map((version) => version.value), ['Clio', 'cleo'], 'newest first');
  for (const version of history) {
    holds(version, { sourceType: 'INTEGRATION' });
    assert.ok(version.sourceId, 'sourceId');
  }
  assert.ok(history[0].timestamp >= history[1].timestamp, 'timestamps');
});

await judge('update: addressed by the unique property', async () => {
  const made = await create('dora', { [UNIQUE]: patient('dora') });
  const done = shaped(await basic.update(patient('dora'), { properties: { lastname: 'Sample' } }, UNIQUE));
  holds(done, { id: made.id });
  holds(shaped(await basic.getById(made.id, ['lastname'])).properties, { lastname: 'Sample' });
});

await judge('refused values: unknown, read-only and ill-formed ones change nothing', async () => {
  const made = await create('edgar', { lastname: 'Sample' });
  for (const [name, value, code] of [
    ['no_such_property', 'x', 'PROPERTY_DOESNT_EXIST'],
    ['createdate', '2020-01-01', 'READ_ONLY_VALUE'],
    ['email', 'no mailbox', 'INVALID_EMAIL'],
  ]) {
    const error = await refusal(basic.update(made.id, { properties: { lastname: 'Changed', [name]: value } }));
    holds(error, { code: 400 });
    holds(error.body, { status: 'error', category: 'VALIDATION_ERROR' });
    holds(error.body.errors[0], { code, context: { propertyName: [name] } });
    assert.equal(typeof error.body.errors[0].message, 'string');
  }
  holds(shaped(await basic.getById(made.id, ['lastname'])).properties, { lastname: 'Sample' });
});

await judge('409: a second contact with the same mailbox or patient is refused, and the first one named', async () => {
  const made = await create('fay', { [UNIQUE]: patient('fay') });
  for (const properties of [{ email: mailbox('fay') }, { email: mailbox('fay2'), [UNIQUE]: patient('fay') }]) {
    const error = await refusal(basic.create({ properties, associations: [] }));
    holds(error, { code: 409 });
    holds(error.body, { status: 'error', category: 'CONFLICT' });
    assert.match(error.body.message, new RegExp(`Existing ID: ${made.id}\\b`));
  }
});

await judge('list: pages hold everybody once, and the last one has no next', async () => {
  const made = await Promise.all(['gus', 'hal', 'ida'].map((who) => create(who)));
  const seen = [];
  let pages = 0;
  for (let after; pages === 0 || after !== undefined; pages += 1) {
    const page = shaped(await basic.getPage(2 + 98 * (pages > 1), after, ['email', 'firstname'], undefined, undefined, false));
    seen.push(...page.results);
    after = page.paging?.next?.after;
    assert.ok(page.paging === undefined || after !== undefined, 'a paging member means another page');
  }
  assert.ok(pages > 2, 'small pages first, so there are several');
  const ids = seen.map((contact) => contact.id);
  assert.equal(new Set(ids).size, ids.length, 'nobody twice');
  for (const contact of made) {
    const shown = seen.find((other) => other.id === contact.id);
    assert.ok(shown, `${contact.id} is listed`);
    holds(shown, { archived: false });
    holds(shown.properties, { email: contact.properties.email, firstname: contact.properties.firstname });
  }
  holds(await refusal(basic.getPage(101)), { code: 400 });
});

await judge('batch create and read: every input answered, by id and by unique property', async () => {
  const inputs = ['jo', 'kim'].map((who) => ({
    properties: { email: mailbox(who), [UNIQUE]: patient(who) }, associations: [], objectWriteTraceId: who,
  }));
  const made = shaped(await batch.create({ inputs }));
  holds(made, { status: 'COMPLETE' });
  assert.equal(made.errors, undefined);
  assert.ok(made.completedAt >= made.startedAt);
  assert.deepEqual(made.results.map((contact) => contact.objectWriteTraceId).sort(), ['jo', 'kim']);
  const wanted = new Map(made.results.map((contact) => [contact.properties[UNIQUE], contact.id]));
  assert.deepEqual([...wanted.keys()].sort(), [patient('jo'), patient('kim')]);
  const read = async (request) => {
    const answer = shaped(await batch.read({ properties: ['email', UNIQUE], propertiesWithHistory: [], ...request }));
    holds(answer, { status: 'COMPLETE' });
    return new Map(answer.results.map((contact) => [contact.properties[UNIQUE], contact.id]));
  };
  assert.deepEqual(await read({ inputs: made.results.map(({ id }) => ({ id })) }), wanted);
  const byPatient = { idProperty: UNIQUE, inputs: ['jo', 'kim'].map((who) => ({ id: patient(who) })) };
  assert.deepEqual(await read(byPatient), wanted);
});

await judge('batch upsert: one made, one changed, each told by `new` and its trace id', async () => {
  const known = await create('lea', { [UNIQUE]: patient('lea') });
  const answer = shaped(await batch.upsert({
    inputs: ['lea', 'max'].map((who) => ({
      idProperty: UNIQUE, id: patient(who), objectWriteTraceId: who,
      properties: { email: mailbox(who), lastname: 'Sample' },
    })),
  }));
  holds(answer, { status: 'COMPLETE' });
  assert.equal(answer.results.length, 2);
  const [lea, max] = ['lea', 'max'].map((who) => answer.results.find((contact) => contact.objectWriteTraceId === who));
  holds(lea, { _new: false, id: known.id });
  holds(max, { _new: true, archived: false });
  const made = shaped(await basic.getById(max.id, ['email', 'lastname', UNIQUE]));
  holds(made.properties, { email: mailbox('max'), lastname: 'Sample', [UNIQUE]: patient('max') });
  holds(shaped(await basic.getById(known.id, ['firstname', 'lastname'])).properties, { firstname: 'lea', lastname: 'Sample' });
});

await judge('207: what fails is told by trace id or id, the rest is done, and the client does not reject', async () => {
  const [nan, ole] = await Promise.all(['nan', 'ole'].map((who) => create(who, { [UNIQUE]: patient(who) })));
  const upsert = shaped(await batch.upsert({
    inputs: [
      { idProperty: UNIQUE, id: patient('nan'), objectWriteTraceId: 'good', properties: { lastname: 'Sample' } },
      { idProperty: UNIQUE, id: patient('ole'), objectWriteTraceId: 'bad', properties: { email: mailbox('nan') } },
    ],
  }));
  assert.equal(upsert.constructor.name, 'BatchResponseSimplePublicUpsertObjectWithErrors');
  holds(upsert, { status: 'COMPLETE', numErrors: 1 });
  assert.deepEqual(upsert.results.map((contact) => [contact.id, contact._new]), [[nan.id, false]]);
  assert.equal(upsert.errors.length, 1);
  holds(upsert.errors[0], { status: 'error', category: 'CONFLICT' });
  assert.deepEqual(upsert.errors[0].context.objectWriteTraceId, ['bad']);
  assert.match(upsert.errors[0].message, new RegExp(`Existing ID: ${nan.id}\\b`));

  const update = shaped(await batch.update({
    inputs: [
      { id: ole.id, objectWriteTraceId: 'good', properties: { lastname: 'Sample' } },
      { id: '999999999999', objectWriteTraceId: 'bad', properties: { lastname: 'Sample' } },
    ],
  }));
  holds(update, { status: 'COMPLETE', numErrors: 1 });
  assert.deepEqual(update.results.map((contact) => contact.id), [ole.id]);
  holds(update.errors[0], { category: 'OBJECT_NOT_FOUND' });
  assert.deepEqual(update.errors[0].context, { ids: ['999999999999'], objectWriteTraceId: ['bad'] });

  const read = shaped(await batch.read({
    properties: ['lastname'], propertiesWithHistory: [], inputs: [{ id: nan.id }, { id: '999999999999' }],
  }));
  assert.equal(read.constructor.name, 'BatchResponseSimplePublicObjectWithErrors');
  holds(read, { status: 'COMPLETE', numErrors: 1 });
  assert.deepEqual(read.results.map((contact) => [contact.id, contact.properties.lastname]), [[nan.id, 'Sample']]);
  holds(read.errors[0], { status: 'error', category: 'OBJECT_NOT_FOUND', context: { ids: ['999999999999'] } });
});

await judge('batch limits: more than a hundred inputs, or an id twice, is refused as a whole', async () => {
  const ids = Array.from({ length: 101 }, (_, nth) => ({ id: String(nth + 1) }));
  holds(await refusal(batch.read({ properties: [], propertiesWithHistory: [], inputs: ids })), { code: 400 });
  const pia = await create('pia', { lastname: 'Sample' });
  const twice = ['One', 'Two'].map((lastname) => ({ id: pia.id, properties: { lastname } }));
  const error = await refusal(batch.update({ inputs: twice }));
  holds(error, { code: 400 });
  holds(error.body, { category: 'VALIDATION_ERROR' });
  holds(shaped(await basic.getById(pia.id, ['lastname'])).properties, { lastname: 'Sample' });
});

await judge('search: filters, one sort, pages with a total, and the window of ten thousand', async () => {
  const made = [];
  for (const who of ['quin', 'rosa', 'sam']) {
    made.push(await create(who, { lastname: `Found${run}` }));
  }
  const request = { filterGroups: [equals('lastname', `Found${run}`)], properties: ['email', 'lastname'] };
  const first = await search({ ...request, limit: 2, sorts: ['-hs_object_id'] });
  holds(first, { total: 3 });
  assert.deepEqual(first.results.map((contact) => contact.id), [made[2].id, made[1].id]);
  holds(first.results[0].properties, { email: mailbox('sam'), lastname: `Found${run}`, hs_object_id: made[2].id });
  holds(first.paging.next, { after: '2' });
  const last = await search({ ...request, limit: 2, sorts: ['-hs_object_id'], after: first.paging.next.after });
  assert.deepEqual(last.results.map((contact) => contact.id), [made[0].id]);
  assert.equal(last.paging, undefined);

  const since = { propertyName: 'lastmodifieddate', operator: 'GTE', value: String(made[1].updatedAt.getTime()) };
  const past = { propertyName: 'hs_object_id', operator: 'GT', value: made[0].id };
  const named = { propertyName: 'lastname', operator: 'EQ', value: `Found${run}` };
  const changed = await search({ ...request, filterGroups: [{ filters: [named, since, past] }], sorts: ['lastmodifieddate'] });
  assert.deepEqual(changed.results.map((contact) => contact.id), [made[1].id, made[2].id]);
  const either = await search({ ...request, filterGroups: [equals('email', mailbox('quin')), equals('email', mailbox('sam'))] });
  assert.deepEqual(either.results.map((contact) => contact.id).sort(), [made[0].id, made[2].id].sort());
  const listed = await search({
    ...request, filterGroups: [{ filters: [{ propertyName: 'email', operator: 'IN', values: [mailbox('rosa')] }] }],
  });
  assert.deepEqual(listed.results.map((contact) => contact.id), [made[1].id]);
  holds(await refusal(contacts.searchApi.doSearch({ ...request, limit: 100, after: '9950', sorts: [] })), { code: 400 });
  holds(await refusal(contacts.searchApi.doSearch({ ...request, limit: 201, after: '0', sorts: [] })), { code: 400 });
});

await judge('archive: gone from reads, lists and searches, shown where archived ones are asked for', async () => {
  const [tom, uma, vic] = await Promise.all(['tom', 'uma', 'vic'].map((who) => create(who, { lastname: `Gone${run}` })));
  assert.equal(await basic.archive(tom.id), undefined);
  assert.equal(await batch.archive({ inputs: [{ id: uma.id }] }), undefined);
  holds(await refusal(basic.getById(tom.id)), { code: 404 });
  const left = await search({ filterGroups: [equals('lastname', `Gone${run}`)] });
  assert.deepEqual(left.results.map((contact) => contact.id), [vic.id]);

  const shown = shaped(await basic.getById(tom.id, ['email'], undefined, undefined, true));
  holds(shown, { id: tom.id, archived: true });
  holds(shown.properties, { email: mailbox('tom') });
  assert.ok(shown.archivedAt >= tom.createdAt, 'archivedAt');

  const inputs = [tom, uma, vic].map(({ id }) => ({ id }));
  const archived = shaped(await batch.read({ properties: ['email'], propertiesWithHistory: [], inputs }, true));
  holds(archived, { status: 'COMPLETE', numErrors: 1 });
  assert.deepEqual(archived.results.map((contact) => contact.id).sort(), [tom.id, uma.id].sort());
  assert.ok(archived.results.every((contact) => contact.archived === true && contact.archivedAt instanceof Date));
  assert.deepEqual(archived.errors[0].context.ids, [vic.id]);
  const live = shaped(await batch.read({ properties: ['email'], propertiesWithHistory: [], inputs }, false));
  assert.deepEqual(live.results.map((contact) => contact.id), [vic.id]);
  assert.deepEqual(live.errors[0].context.ids.sort(), [tom.id, uma.id].sort());

  const listed = [];
  for (let after, more = true; more; more = after !== undefined) {
    const page = shaped(await basic.getPage(100, after, ['email'], undefined, undefined, true));
    listed.push(...page.results);
    after = page.paging?.next?.after;
  }
  assert.ok([tom, uma].every(({ id }) => listed.some((contact) => contact.id === id && contact.archived)));
  assert.ok(!listed.some((contact) => contact.id === vic.id));
  // Its mailbox is free again.
  assert.notEqual((await create('tom')).id, tom.id);
});

await judge('gdpr-delete: gone for good', async () => {
  const wes = await create('wes');
  assert.equal(await basic.purge({ objectId: wes.id }), undefined);
  holds(await refusal(basic.getById(wes.id)), { code: 404 });
  holds(await refusal(basic.getById(wes.id, undefined, undefined, undefined, true)), { code: 404 });
});

for (const [how, merge_gives_new_id] of [['the first keeps its id', false], ['the survivor gets a new id', true]]) {
  await judge(`merge: ${how}, both ids lead to it, blanks are filled`, async () => {
    await put('switches/crm', { merge_gives_new_id });
    const tag = merge_gives_new_id ? 'new' : 'old';
    const first = await create(`xan${tag}`, { lastname: 'Sample', [UNIQUE]: patient(`xan${tag}`) });
    const second = await create(`yan${tag}`, { lastname: 'Other', phone: '+61731234567' });
    const survivor = shaped(await basic.merge({ primaryObjectId: first.id, objectIdToMerge: second.id }));
    holds(survivor, { archived: false });
    assert.equal(survivor.id === first.id, !merge_gives_new_id);
    assert.notEqual(survivor.id, second.id);
    const asked = ['email', 'lastname', 'phone', UNIQUE, 'hs_additional_emails', 'hs_merged_object_ids'];
    for (const id of [first.id, second.id, survivor.id]) {
      const read = shaped(await basic.getById(id, asked));
      holds(read, { id: survivor.id });
      holds(read.properties, {
        email: mailbox(`xan${tag}`), lastname: 'Sample', phone: '+61731234567', [UNIQUE]: patient(`xan${tag}`),
        hs_additional_emails: mailbox(`yan${tag}`),
      });
      const merged = merge_gives_new_id ? [first.id, second.id] : [second.id];
      assert.deepEqual(read.properties.hs_merged_object_ids.split(';').sort(), merged.sort());
    }
    const both = shaped(await batch.read({
      properties: asked, propertiesWithHistory: [], inputs: [{ id: first.id }, { id: second.id }],
    }));
    assert.deepEqual(both.results.map((contact) => contact.id), [survivor.id], 'shown once');
    await put('switches/crm', { merge_gives_new_id: false });
  });
}

await judge('generic objects: the same contact by its type name and its type number', async () => {
  const made = await create('zoe', { lastname: 'Sample' });
  for (const type of ['contacts', '0-1']) {
    const read = await client.crm.objects.basicApi.getById(type, made.id, ['email', 'lastname']);
    assert.deepEqual(differences(read, 'crm/objects'), []);
    holds(read, { id: made.id, archived: false });
    holds(read.properties, { email: mailbox('zoe'), lastname: 'Sample' });
  }
});

await judge('OAuth: a token for a refresh token, and it opens the account', async () => {
  const tokens = client.oauth.tokensApi;
  const given = shaped(await tokens.create('refresh_token', undefined, undefined, 'app', 'secret', 'keep-me'), 'oauth');
  holds(given, { tokenType: 'bearer', refreshToken: 'keep-me' });
  assert.ok(given.expiresIn > 0 && given.expiresIn <= 1800, 'at most half an hour');
  const other = new Client({ accessToken: given.accessToken, basePath: crm.base_url });
  shaped(await other.crm.contacts.basicApi.getPage(1));
  const stranger = new Client({ accessToken: 'wrong', basePath: crm.base_url });
  const error = await refusal(stranger.crm.contacts.basicApi.getPage(1));
  holds(error, { code: 401 });
  holds(error.body, { status: 'error', category: 'INVALID_AUTHENTICATION' });
});

await judge('dated paths: the same answers as the older ones, member for member', async () => {
  const [older, dated] = ['/crm/v3/objects/contacts', '/crm/objects/2026-09/contacts'];
  const made = await plain('POST', dated, { properties: { email: mailbox('abe'), [UNIQUE]: patient('abe') } });
  assert.equal(made.status, 201);
  holds(made.body, { archived: false });
  holds(made.body.properties, { email: mailbox('abe'), [UNIQUE]: patient('abe'), hs_object_id: made.body.id });
  assert.match(made.body.createdAt, ISO);
  assert.match(made.body.updatedAt, ISO);
  const id = made.body.id;

  /** Asks on both paths; equal but for what tells the moment or the path. */
  const same = async (status, method, rest, body) => {
    const unique = (name, value) => {
      if (name === 'link') {
        return value.replace(older, dated);
      }
      return ['correlationId', 'startedAt', 'completedAt'].includes(name) ? typeof value : value;
    };
    const [old, now] = [await plain(method, older + rest, body), await plain(method, dated + rest, body)];
    assert.deepEqual([old.status, now.status], [status, status], `${method} ${rest}`);
    assert.equal(JSON.stringify(now.body, unique), JSON.stringify(old.body, unique), `${method} ${rest}`);
    return now.body;
  };
  holds(await same(200, 'GET', `/${id}?properties=email&properties=${UNIQUE}`), { id });
  holds(await same(200, 'GET', `/${patient('abe')}?idProperty=${UNIQUE}&properties=email`), { id });
  holds(await same(404, 'GET', '/999999999999'), { category: 'OBJECT_NOT_FOUND' });
  const page = await same(200, 'GET', '?limit=1&properties=email');
  assert.equal(new URL(page.paging.next.link).pathname, new URL(crm.base_url).pathname + dated);
  const upsert = (who) => ({
    inputs: [
      { idProperty: UNIQUE, id: patient('abe'), objectWriteTraceId: 'good', properties: { firstname: who } },
      { idProperty: UNIQUE, id: patient('abe2'), objectWriteTraceId: 'bad', properties: { email: mailbox('abe') } },
    ],
  });
  const first = await plain('POST', `${dated}/batch/upsert`, upsert('Abe'));
  assert.equal(first.status, 207);
  holds(first.body.results[0], { id, new: false, objectWriteTraceId: 'good' });
  holds(await same(207, 'POST', '/batch/upsert', upsert('Abe')), { status: 'COMPLETE', numErrors: 1 });
  const read = { properties: ['firstname'], idProperty: UNIQUE, inputs: [{ id: patient('abe') }, { id: patient('abe2') }] };
  const mixed = await same(207, 'POST', '/batch/read', read);
  assert.deepEqual(mixed.results.map((contact) => [contact.id, contact.properties.firstname]), [[id, 'Abe']]);
  assert.deepEqual(mixed.errors[0].context.ids, [patient('abe2')]);
  const found = await same(200, 'POST', '/search', { filterGroups: [equals(UNIQUE, patient('abe'))], limit: 1 });
  assert.deepEqual(found.results.map((contact) => contact.id), [id]);
  const refused = { properties: { email: mailbox('abe') } };
  holds(await same(409, 'POST', '', refused), { category: 'CONFLICT' });

  const property = await plain('GET', `/crm/properties/2026-09/contacts/${UNIQUE}`);
  assert.deepEqual(property.body, (await plain('GET', `/crm/v3/properties/contacts/${UNIQUE}`)).body);
  holds(property.body, { name: UNIQUE, hasUniqueValue: true });
  const gone = await plain('DELETE', `${dated}/${id}`);
  assert.deepEqual([gone.status, gone.body], [204, null]);
  holds(await same(404, 'GET', `/${id}`), { status: 'error' });
  holds(await same(200, 'GET', `/${id}?archived=true`), { id, archived: true });
});

await judge('limits: told by headers, which a search does not carry', async () => {
  const read = await plain('GET', '/crm/objects/2026-09/contacts?limit=1');
  const left = (name) => Number(read.headers.get(`x-hubspot-ratelimit-${name}`) ?? Number.NaN);
  assert.equal(left('interval-milliseconds'), 10_000);
  assert.ok(left('remaining') < left('max'), 'this call was counted');
  assert.ok(left('daily-remaining') < left('daily'), 'this call was counted');
  const found = await plain('POST', '/crm/objects/2026-09/contacts/search', { limit: 1, filterGroups: [] });
  assert.equal(found.status, 200);
  assert.equal(found.headers.get('x-hubspot-ratelimit-remaining'), null);
});

await judge('429: refused without effect, told by policy, and repeated once by the client that may', async () => {
  const throttle = { system: 'crm', fault: 'status', status: 429, count: 1, method: 'POST' };
  const email = mailbox('bea');
  await put('faults', throttle);
  const error = await refusal(basic.create({ properties: { email }, associations: [] }));
  holds(error, { code: 429 });
  holds(error.body, { errorType: 'RATE_LIMIT', policyName: 'TEN_SECONDLY_ROLLING' });
  holds(await search({ filterGroups: [equals('email', email)] }), { total: 0 });

  // Two tries in all. The client's decorators are shared by all its instances, so this one comes last.
  const patientClient = new Client({ accessToken: crm.token, basePath: crm.base_url, numberOfApiCallRetries: 2 });
  const after = (await (await fetch(`${control}/calls`)).json()).at(-1).n;
  await put('faults', throttle);
  const began = Date.now();
  const made = shaped(await patientClient.crm.contacts.basicApi.create({ properties: { email }, associations: [] }));
  holds(made.properties, { email });
  assert.ok(Date.now() - began >= 10_000, 'the client knew the policy and waited ten seconds');
  const calls = await (await fetch(`${control}/calls?after=${after}`)).json();
  assert.deepEqual(calls.map((call) => [call.method, call.status]), [['POST', 429], ['POST', 201]]);
});

await judge('no excuse is left over', () => assert.deepEqual(unused(), []));

end();
