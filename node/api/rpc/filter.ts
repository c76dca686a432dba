/**
 * Core Lightning's `filter` of a request: which fields of the result a caller wants. It has the form of the result, true for a
 * field with all that is in it: {"channels": [{"peer_id": true, "state": true}]}.
 */
import { z } from 'zod';
import { ApiError } from '../errors.ts';
import { isRows } from './streaming.ts';

/** All of a value, some of the fields of an object, or that of every item of a list. */
export type Filter = true | { readonly fields: ReadonlyMap<string, Filter> } | { readonly items: Filter };

/** Names in a filter, however deep: more than all results have fields. */
const MOST_NAMES = 1_000;
const DEEPEST = 10;

const wrong = (path: string): ApiError =>
  new ApiError(
    'invalid_request',
    `${path}: expected true, an object of field names, or an array of one of those, ${DEEPEST} deep and with ${MOST_NAMES} names at most`,
  );

/** Reads a filter. Throws ApiError `invalid_request` for what is none. */
export const filterFrom = (given: unknown): Filter => {
  let names = 0;
  const read = (value: unknown, path: string, depth: number): Filter => {
    if (value === true) return true;
    if (typeof value !== 'object' || value === null || depth >= DEEPEST) throw wrong(path);
    if (Array.isArray(value)) {
      if (value.length !== 1) throw wrong(path);
      return { items: read(value[0], `${path}[]`, depth + 1) };
    }
    const entries = Object.entries(value);
    names += entries.length;
    if (names > MOST_NAMES) throw wrong(path);
    return {
      fields: new Map(entries.map(([name, inner]) => [name, read(inner, `${path}.${name.slice(0, 100)}`, depth + 1)])),
    };
  };
  const filter = read(given, 'filter', 0);
  if (filter !== true && 'items' in filter) throw wrong('filter');
  return filter;
};

async function* filteredRows(rows: AsyncIterable<unknown>, filter: Filter): AsyncGenerator<unknown> {
  for await (const row of rows) yield filtered(row, filter);
}

/** What a filter leaves of a result, or of a part of it; a list whose rows are still to be read stays one. */
export const filtered = (value: unknown, filter: Filter): unknown => {
  if (filter === true) return value;
  if ('items' in filter) {
    if (isRows(value)) return filteredRows(value, filter.items);
    return Array.isArray(value) ? value.map((item) => filtered(item, filter.items)) : value;
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value) || isRows(value)) return value;
  const fields = Object.entries(value).flatMap(([name, field]) => {
    const inner = filter.fields.get(name);
    return inner === undefined ? [] : [[name, filtered(field, inner)] as const];
  });
  return Object.fromEntries(fields);
};

const unwrapped = (schema: unknown): unknown =>
  schema instanceof z.ZodOptional || schema instanceof z.ZodDefault ? unwrapped(schema.unwrap()) : schema;

/** The first thing that a filter names and no result of this schema has; undefined where there is none. */
export const unknownField = (given: z.core.$ZodType, filter: Filter, path = ''): string | undefined => {
  const schema = unwrapped(given);
  if (filter === true) return undefined;
  if ('items' in filter)
    return schema instanceof z.ZodArray ? unknownField(schema.element, filter.items, `${path}[]`) : `${path}[]`;
  for (const [name, inner] of filter.fields) {
    const at = path === '' ? name : `${path}.${name}`;
    const field: z.core.$ZodType | undefined =
      schema instanceof z.ZodObject && Object.hasOwn(schema.shape, name) ? schema.shape[name] : undefined;
    const strange = field === undefined ? at : unknownField(field, inner, at);
    if (strange !== undefined) return strange.slice(0, 200);
  }
  return undefined;
};
