/**
 * JSON-RPC 2.0 over the table of methods, and nothing about how texts travel: one text in, one text or none out. As with
 * Core Lightning `jsonrpc` may be missing, parameters come by name or by place, and null counts as not given.
 */
import { setMaxListeners } from 'node:events';
import { ApiError } from '../errors.ts';
import type { CallContext } from '../method.ts';
import { filterFrom } from './filter.ts';
import { toJson } from './json.ts';
import { tooMuchIn } from './jsonshape.ts';
import { isObject, type Json, performer, type Request, type RpcParts } from './perform.ts';
import { isRows, type Written } from './streaming.ts';

/** Bytes of the largest message taken, in and out of every adapter. */
export const maxMessage = 4 * 1024 * 1024;
/** Calls taken in one batch. */
export const maxBatch = 100;

/**
 * Takes a request's text, gives the answer's; undefined for notifications. Never throws. A long list is read while its pieces are:
 * reading it further rejects where that fails.
 */
export type Answer = (request: string, call: CallContext) => Promise<Written | undefined>;

type Id = string | number | null;

const failed = (id: Id, error: ApiError): Json => ({
  jsonrpc: '2.0',
  id,
  error: { code: error.code, message: error.message, data: error.data },
});

/** The answer to something that is no request, whose id is therefore unknown. */
export const refusal = (reason: 'parse_error' | 'invalid_request' | 'busy', message: string): string =>
  toJson(failed(null, new ApiError(reason, message)));

const isBatch = (answer: Json | readonly Json[]): answer is readonly Json[] => Array.isArray(answer);

interface RpcRequest extends Request {
  /** Undefined in a notification. */
  readonly id: Id | undefined;
}

const idOf = (request: unknown): Id | undefined => {
  const id = isObject(request) ? request['id'] : null;
  if (id === undefined || id === null || typeof id === 'string') return id;
  // A larger integer has been rounded already: the answer would carry another id than the request.
  if (typeof id === 'number' && Math.abs(id) <= Number.MAX_SAFE_INTEGER) return id;
  return null;
};

const requestOf = (value: unknown): RpcRequest => {
  const invalid = (message: string) => new ApiError('invalid_request', message);
  if (!isObject(value)) throw invalid('expected a request object');
  const { jsonrpc, method, params, id, filter } = value;
  if (jsonrpc !== undefined && jsonrpc !== '2.0') throw invalid('jsonrpc: expected "2.0"');
  if (id !== undefined && idOf(value) !== id) throw invalid('id: expected a text, null or a number up to 2^53');
  if (typeof method !== 'string') throw invalid('method: expected a name');
  return { method, params, id: idOf(value), filter: filter === undefined ? undefined : filterFrom(filter) };
};

/** JSON-RPC for these handlers. */
export const jsonRpc = (parts: RpcParts): Answer => {
  const { perform, errorFor, write } = performer(parts);

  /** Whether a list of this answer is still to be read. */
  const isUnread = ({ result }: Json): boolean => isObject(result) && Object.values(result).some(isRows);

  /** An answer as JSON text, or its pieces. An answer that cannot be read or written becomes an error; the others of its batch stay. */
  const encodedAnswer = async (answer: Json | readonly Json[], method: string): Promise<Written> => {
    try {
      return await write(answer, method);
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
    const tooMuch = tooMuchIn(text);
    if (tooMuch !== undefined) return refusal('invalid_request', tooMuch);
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
