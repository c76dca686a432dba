/**
 * One call of a method of the table, however it came: parameters by name or by place are checked, the handler is called, and its
 * result is JSON. As with Core Lightning null counts as not given.
 */
import { z } from 'zod';
import { didYouMean } from '../../base/nearest.ts';
import { ApiError } from '../errors.ts';
import { help } from '../help.ts';
import type { CallContext, Method } from '../method.ts';
import { noParameter } from '../summary.ts';
import { type Handlers, isDevMethod, isMethod, type MethodName, type Result, table } from '../table.ts';
import { type Filter, filtered, unknownField } from './filter.ts';
import { isRows, type Written, written } from './streaming.ts';

export interface RpcParts {
  readonly handlers: Handlers;
  /** Whether methods and parameters for experiments may be used. */
  readonly dev: boolean;
  /** Told about errors no handler should let out; the caller learns only that there was one. */
  readonly broke: (method: string, error: unknown) => void;
}

/** A call, as it came from a caller. */
export interface Request {
  readonly method: string;
  readonly params: unknown;
  /** What is wanted of the result; undefined for all of it. */
  readonly filter: Filter | undefined;
}

export type Json = Readonly<Record<string, unknown>>;

export interface Performer {
  /** The result as JSON, whose lists may still have to be read. Throws what `errorFor` makes an ApiError of. */
  perform(request: Request, call: CallContext): Promise<Json>;
  /** The error that a caller gets for one that was thrown: `internal_error` for any that is no ApiError; the log has the rest. */
  errorFor(method: string | undefined, error: unknown): ApiError;
  /**
   * A result, or what holds results, as JSON text or its pieces. Rejects where it cannot be read so far as its first piece; of a failure
   * behind that the log is told too.
   */
  write(value: unknown, method: string): Promise<Written>;
}

export const isObject = (value: unknown): value is Json =>
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
  const strange = unknownField(schema, filter);
  const warning = strange !== undefined && { warning_parameter_filter: `${name} has no field ${strange}` };
  return { ...(filtered(result, filter) as Json), ...warning };
};

/** Performs calls by these handlers. */
export const performer = ({ handlers, dev, broke }: RpcParts): Performer => {
  const all: Readonly<Partial<Record<MethodName, (params: never, call: CallContext) => Promise<unknown>>>> = {
    ...handlers,
    help: async ({ command }: { command?: string | undefined }): Promise<Result<'help'>> => help(command, dev),
  };

  const perform = async ({ method, params, filter }: Request, call: CallContext): Promise<Json> => {
    if (!isMethod(method))
      throw new ApiError(
        'method_not_found',
        `unknown method "${method.slice(0, 100)}", see help${didYouMean(method, Object.keys(table))}`,
      );
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

  const write = async (value: unknown, method: string): Promise<Written> => {
    const text = await written(value);
    return typeof text === 'string' ? text : logged(text, method);
  };
  return { perform, errorFor, write };
};
