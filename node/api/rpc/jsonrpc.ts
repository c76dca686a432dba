/**
 * JSON-RPC 2.0 over the table of methods, and nothing about how texts travel: one text in, one text or none out. As with
 * Core Lightning `jsonrpc` may be missing, parameters come by name or by place, and null counts as not given.
 */
import { setMaxListeners } from 'node:events';
import { z } from 'zod';
import { ApiError } from '../errors.ts';
import { help } from '../help.ts';
import type { CallContext, Method } from '../method.ts';
import { noParameter } from '../summary.ts';
import { type Handlers, isDevMethod, isMethod, type MethodName, type Result, table } from '../table.ts';
import { type Filter, filtered, filterFrom, strangeTo } from './filter.ts';
import { toJson } from './json.ts';
import { isRows, type Written, written } from './streaming.ts';

/** Bytes of the largest message taken, in and out of every adapter. */
export const maxMessage = 4 * 1024 * 1024;
/** Calls taken in one batch. */
export const maxBatch = 100;

export interface RpcParts {
  readonly handlers: Handlers;
  /** Whether methods and parameters for experiments may be used. */
  readonly dev: boolean;
  /** Told about errors no handler should let out; the caller learns only that there was one. */
  readonly broke: (method: string, error: unknown) => void;
}

/**
 * Takes a request's text, gives the answer's; undefined for notifications. Never throws. A long list is read while its pieces are:
 * reading it further rejects where that fails.
 */
export type Answer = (request: string, call: CallContext) => Promise<Written | undefined>;

type Id = string | number | null;
type Json = Readonly<Record<string, unknown>>;

const failed = (id: Id, error: ApiError): Json => ({
  jsonrpc: '2.0',
  id,
  error: { code: error.code, message: error.message, data: error.data },
});

/** The answer to something that is no request, whose id is therefore unknown. */
export const refusal = (reason: 'parse_error' | 'invalid_request' | 'busy', message: string): string =>
  toJson(failed(null, new ApiError(reason, message)));

const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const wrongParams = (field: string, message: string): ApiError =>
  new ApiError('invalid_params', `${field}: ${message}`, { field });

/** Parameters by name, from either form. Throws ApiError. */
const paramsByName = (name: MethodName, method: Method, params: unknown): Json => {
  const names = Object.keys(method.params.shape);
  const shown = names.filter((one) => !one.startsWith('dev_'));
  if (params === undefined || params === null) return {};
  if (Array.isArray(params)) {
    if (params.length > names.length)
      throw new ApiError('invalid_params', `${name} takes at most ${names.length} parameters, got ${params.length}`);
    return Object.fromEntries(params.map((value, at) => [names[at] ?? '', value ?? undefined]));
  }
  if (!isObject(params)) throw new ApiError('invalid_request', 'params: expected an object or an array');
  const found = new Map<string, unknown>();
  for (const [given, value] of Object.entries(params)) {
    const field = method.aliases?.[given] ?? given;
    if (!names.includes(field))
      throw wrongParams(
        given.slice(0, 100),
        `${name} has ${noParameter(given, [...shown, ...Object.keys(method.aliases ?? {})])}`,
      );
    if (found.has(field)) throw wrongParams(field, `is given twice, also as ${given}`);
    found.set(field, value ?? undefined);
  }
  return Object.fromEntries(found);
};

const checked = (method: Method, given: Json, dev: boolean): Json => {
  const experiment = Object.keys(given).find((field) => field.startsWith('dev_'));
  if (experiment !== undefined && !dev)
    throw wrongParams(experiment, 'is for a node started with --dev, on regtest only');
  const result = method.params.safeParse(given);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw wrongParams(issue?.path.join('.') ?? 'params', issue?.message ?? 'not understood');
};

/** The rows of a list, each encoded when it is read. Why they end too early is said by `broke`, and only here. */
async function* encodedRows(rows: AsyncIterable<unknown>, row: z.core.$ZodType, broke: (error: unknown) => void) {
  try {
    for await (const one of rows) yield z.encode(row, one as never);
  } catch (error) {
    if (error instanceof ApiError) throw error;
    broke(error);
    throw new ApiError('internal_error', 'a list could not be read to its end; the log of the node says more');
  }
}

/** A handler's result as JSON; of lists that are still to be read, their rows. */
const encoded = ({ result: schema }: Method, result: Json, broke: (error: unknown) => void): Json => {
  const lists = Object.entries(result).filter((field): field is [string, AsyncIterable<unknown>] => isRows(field[1]));
  if (lists.length === 0) return z.encode(schema, result as never) as Json;
  const empty = Object.fromEntries(lists.map(([name]) => [name, []]));
  const rows = lists.map(([name, list]) => {
    const { [name]: field } = schema.shape;
    if (!(field instanceof z.ZodArray)) throw new TypeError(`${name} is no list`);
    return [name, encodedRows(list, field.element, broke)] as const;
  });
  return { ...(z.encode(schema, { ...result, ...empty } as never) as Json), ...Object.fromEntries(rows) };
};

/** What is wanted of a result; as Core Lightning does, with a warning where the filter names what no result has. */
const someOf = (name: MethodName, { result: schema }: Method, result: Json, filter: Filter): Json => {
  const strange = strangeTo(schema, filter);
  const warning = strange !== undefined && { warning_parameter_filter: `${name} has no field ${strange}` };
  return { ...(filtered(result, filter) as Json), ...warning };
};

const isBatch = (answer: Json | readonly Json[]): answer is readonly Json[] => Array.isArray(answer);

interface Request {
  readonly method: string;
  readonly params: unknown;
  /** Undefined in a notification. */
  readonly id: Id | undefined;
  /** What is wanted of the result; undefined for all of it. */
  readonly filter: Filter | undefined;
}

const idOf = (request: unknown): Id | undefined => {
  const id = isObject(request) ? request['id'] : null;
  if (id === undefined || id === null || typeof id === 'string') return id;
  // A larger integer has been rounded already: the answer would carry another id than the request.
  if (typeof id === 'number' && Math.abs(id) <= Number.MAX_SAFE_INTEGER) return id;
  return null;
};

const requestOf = (value: unknown): Request => {
  const invalid = (message: string) => new ApiError('invalid_request', message);
  if (!isObject(value)) throw invalid('expected a request object');
  const { jsonrpc, method, params, id, filter } = value;
  if (jsonrpc !== undefined && jsonrpc !== '2.0') throw invalid('jsonrpc: expected "2.0"');
  if (id !== undefined && idOf(value) !== id) throw invalid('id: expected a text, null or a number up to 2^53');
  if (typeof method !== 'string') throw invalid('method: expected a name');
  return { method, params, id: idOf(value), filter: filter === undefined ? undefined : filterFrom(filter) };
};

/** JSON-RPC for these handlers. */
export const jsonRpc = ({ handlers, dev, broke }: RpcParts): Answer => {
  const all: Readonly<Partial<Record<MethodName, (params: never, call: CallContext) => Promise<unknown>>>> = {
    ...handlers,
    help: async ({ command }: { command?: string | undefined }): Promise<Result<'help'>> => help(command, dev),
  };

  const perform = async ({ method, params, filter }: Request, call: CallContext): Promise<unknown> => {
    if (!isMethod(method)) throw new ApiError('method_not_found', `unknown method "${method.slice(0, 100)}": see help`);
    const row: Method = table[method];
    const handler = all[method];
    if (handler === undefined || (isDevMethod(method) && !dev))
      throw new ApiError('method_not_found', `${method} is for a node started with --dev, on regtest only`);
    const given = checked(row, paramsByName(method, row, params), dev);
    const result = encoded(row, (await handler(given as never, call)) as Json, (error) => broke(method, error));
    return filter === undefined ? result : someOf(method, row, result, filter);
  };

  /** The error that a caller gets for one that was thrown: `internal_error` for any that is no ApiError; the log has the rest. */
  const errorFor = (method: string | undefined, error: unknown): ApiError => {
    if (error instanceof ApiError) return error;
    broke(method ?? 'a request', error);
    return new ApiError('internal_error', `${method ?? 'the request'} failed inside the node; its log says more`);
  };

  /** Pieces behind the first: why they end too early nobody can tell the caller any more, so the log does, unless it has. */
  async function* logged(pieces: AsyncIterable<string>, method: string): AsyncGenerator<string> {
    try {
      yield* pieces;
    } catch (error) {
      const isKnown = error instanceof ApiError && ['internal_error', 'shutting_down'].includes(error.reason);
      if (!isKnown) broke(method, error);
      throw error;
    }
  }

  /** Whether a list of this answer is still to be read. */
  const isUnread = ({ result }: Json): boolean => isObject(result) && Object.values(result).some(isRows);

  /** An answer as JSON text, or its pieces. An answer that cannot be read or written becomes an error; the others of its batch stay. */
  const encodedAnswer = async (answer: Json | readonly Json[], method: string): Promise<Written> => {
    try {
      const text = await written(answer);
      return typeof text === 'string' ? text : logged(text, method);
    } catch (error) {
      const why = errorFor(undefined, error);
      const instead = (one: Json): Json => failed(one['id'] as Id, why);
      if (!isBatch(answer)) return toJson(instead(answer));
      return toJson(answer.map((one) => (isUnread(one) ? instead(one) : one)));
    }
  };

  const one = async (value: unknown, call: CallContext): Promise<Json | undefined> => {
    try {
      const request = requestOf(value);
      const { id } = request;
      try {
        const result = await perform(request, call);
        return id === undefined ? undefined : { jsonrpc: '2.0', id, result };
      } catch (error) {
        return id === undefined ? undefined : failed(id, errorFor(request.method, error));
      }
    } catch (error) {
      return failed(idOf(value) ?? null, errorFor(undefined, error));
    }
  };

  return async (text, call) => {
    let request: unknown;
    try {
      request = JSON.parse(text);
    } catch {
      return refusal('parse_error', 'not JSON');
    }
    if (!Array.isArray(request)) {
      const answer = await one(request, call);
      const method = isObject(request) ? String(request['method']) : '';
      return answer === undefined ? undefined : encodedAnswer(answer, method);
    }
    if (request.length === 0) return refusal('invalid_request', 'an empty batch');
    if (request.length > maxBatch) return refusal('invalid_request', `at most ${maxBatch} calls in a batch`);
    // Each of them may listen to it.
    setMaxListeners(0, call.signal);
    const answers = (await Promise.all(request.map((value) => one(value, call)))).filter((one) => one !== undefined);
    return answers.length === 0 ? undefined : encodedAnswer(answers, 'a batch');
  };
};
