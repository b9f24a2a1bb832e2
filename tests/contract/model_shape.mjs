// The vendor's client takes `{}` for any answer without complaint. Its type declarations, however, say which members an
// answer must have. This walks an answer by them, so that the vendor's own words judge the shape.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

const require = createRequire(import.meta.url);
const generated = join(dirname(require.resolve('@hubspot/api-client')), 'codegen');

/**
 * Members that the declarations demand and the product's own documented answers leave out, one by one.
 * Whatever is not listed here is a difference.
 */
const LEFT_OUT = [
  { model: 'StandardError', member: 'links', why: 'the documented 207 answers show errors without links' },
];

const met = new Set();

/** What in `answer`, a typed object of the client, differs from its declaration. `area` is the folder, as `crm/contacts`. */
export function differences(answer, area, at = answer.constructor.name) {
  const model = answer.constructor;
  if (typeof model.getAttributeTypeMap !== 'function') {
    return [`${at} is no typed answer`];
  }
  const declaration = readFileSync(join(generated, area, 'models', `${model.name}.d.ts`), 'utf8');
  const optional = new Set([...declaration.matchAll(/^ {4}'(\w+)'\?: /gm)].map((match) => match[1]));
  return model.getAttributeTypeMap().flatMap(({ name, type }) => {
    const value = answer[name];
    if (value !== undefined) {
      return ofType(value, type, area, `${at}.${name}`);
    }
    if (optional.has(name)) {
      return [];
    }
    const known = LEFT_OUT.find((entry) => entry.model === model.name && entry.member === name);
    if (known) {
      met.add(known);
      return [];
    }
    return [`${at}.${name} is missing`];
  });
}

/** Entries of the list above that nothing needed: they excuse what is no longer there. */
export function unused() {
  return LEFT_OUT.filter((entry) => !met.has(entry)).map((entry) => `${entry.model}.${entry.member}`);
}

function ofType(value, type, area, at) {
  if (type === 'any') {
    return [];
  }
  if (type.endsWith(' | null')) {
    return value === null ? [] : ofType(value, type.slice(0, -' | null'.length), area, at);
  }
  if (type.startsWith('Array<')) {
    const of = type.slice('Array<'.length, -1);
    return Array.isArray(value)
      ? value.flatMap((item, place) => ofType(item, of, area, `${at}[${place}]`))
      : [`${at} is no list`];
  }
  if (value === null) {
    return [`${at} is null`];
  }
  if (type.startsWith('{ [key: string]: ')) {
    const of = type.slice('{ [key: string]: '.length, type.lastIndexOf(';'));
    return Object.entries(value).flatMap(([key, item]) => ofType(item, of, area, `${at}.${key}`));
  }
  if (type === 'Date') {
    return value instanceof Date && !Number.isNaN(value.getTime()) ? [] : [`${at} is no time`];
  }
  if (type === 'string' || type === 'number' || type === 'boolean') {
    return typeof value === type ? [] : [`${at} is no ${type}`];
  }
  if (type.endsWith('Enum')) {
    return typeof value === 'string' ? [] : [`${at} is no code`];
  }
  return value.constructor.name === type ? differences(value, area, at) : [`${at} is no ${type}`];
}
