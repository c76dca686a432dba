/**
 * Core Lightning's CLNRest: POST /v1/METHOD with the rune of the caller in a header, parameters by name as JSON or as a form, 201 and
 * the result as JSON, or a status and `{code, message}`. The rune opens the call, and no page from elsewhere can make one up: so pages
 * of any origin may call, as Core Lightning's CLNRest allows by default.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { ApiError, codes } from '../errors.ts';
import { summaries } from '../help.ts';
import type { CallContext } from '../method.ts';
import { maxMessage } from './jsonrpc.ts';
import { tooMuchIn } from './jsonshape.ts';
import { isObject, type Json, type Performer } from './perform.ts';
import { bodyOf, pathOf, type Route, sendText } from './routes.ts';
import type { RuneCall, RuneGate } from './runegate.ts';
import type { Written } from './streaming.ts';

const PREFIX = '/v1/';
/** Fields of a form: more than any method has parameters. */
const MOST_FIELDS = 200;

export interface RestParts {
  readonly performer: Performer;
  readonly gate: RuneGate;
}

/** What a call comes to: a status, and JSON. */
interface Outcome {
  readonly status: number;
  readonly body: Written;
}

const anyPage = { 'access-control-allow-origin': '*' } as const;
const secured = {
  ...anyPage,
  'content-security-policy': "default-src 'none'",
  'x-content-type-options': 'nosniff',
} as const;

const failed = (status: number, code: number, message: string, data?: object): Outcome => ({
  status,
  body: JSON.stringify({ code, message, ...(data !== undefined && { data }) }),
});

const refused = (status: number, error: ApiError): Outcome => failed(status, error.code, error.message, error.data);

const formFields = (body: string): Json => {
  const fields = [...new URLSearchParams(body)];
  if (fields.length > MOST_FIELDS) throw new ApiError('invalid_params', `a form of at most ${MOST_FIELDS} fields`);
  if (new Set(fields.map(([name]) => name)).size < fields.length)
    throw new ApiError('invalid_params', 'a field of the form is given twice');
  return Object.fromEntries(fields);
};

const jsonFields = (body: string): Json => {
  const tooMuch = tooMuchIn(body);
  if (tooMuch !== undefined) throw new ApiError('invalid_request', `the body: ${tooMuch}`);
  let given: unknown;
  try {
    given = JSON.parse(body);
  } catch {
    throw new ApiError('parse_error', 'the body is not JSON');
  }
  if (!isObject(given)) throw new ApiError('invalid_request', 'the body: expected an object with parameters by name');
  // As Core Lightning's: null is not given.
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== null));
};

const isForm = (type: string): boolean => type.includes('application/x-www-form-urlencoded');
const isJson = (type: string): boolean => type.includes('application/json') || type.includes('*/*');

/** What a caller is told whose rune opens nothing, or not this call; undefined where it does. */
const unopenedBy = async (
  rune: string,
  { performer, gate }: RestParts,
  call?: RuneCall,
): Promise<Outcome | undefined> => {
  try {
    await gate(rune, call);
    return undefined;
  } catch (error) {
    const told = performer.errorFor(call?.method, error);
    return refused(told.reason === 'starting' || told.reason === 'internal_error' ? 500 : 401, told);
  }
};

/** Performs a call that its rune opens. */
const callMethod = async (
  { performer, gate }: RestParts,
  method: string,
  rune: string,
  params: Json,
  call: CallContext,
): Promise<Outcome> => {
  const unopened = await unopenedBy(rune, { performer, gate }, { method, params });
  if (unopened !== undefined) return unopened;
  try {
    const result = await performer.perform({ method, params, filter: undefined }, call);
    return { status: 201, body: await performer.write(result, method) };
  } catch (error) {
    const told = performer.errorFor(method, error);
    return refused(told.reason === 'method_not_found' ? 404 : 500, told);
  }
};

const outcomeOf = async (parts: RestParts, request: IncomingMessage, signal: AbortSignal): Promise<Outcome> => {
  const method = pathOf(request).slice(PREFIX.length);
  if (request.method !== 'POST')
    return failed(405, codes.method_not_found, 'Path invalid, http_method must be POST for CLN methods');
  const { rune, 'content-type': type = 'application/json' } = request.headers;
  if (typeof rune !== 'string') return failed(403, codes.rune_not_authorized, 'Not authorized: Missing rune');
  if (!isForm(type) && !isJson(type))
    return failed(
      406,
      codes.invalid_request,
      `Unsupported content-type header: ${type.slice(0, 100)}: send JSON or a form`,
    );
  // Who has no rune of ours holds a connection no longer than it takes to say so: its body is not waited for.
  const unopened = await unopenedBy(rune, parts);
  if (unopened !== undefined) return unopened;
  const body = await bodyOf(request);
  if (body === undefined) return failed(413, codes.invalid_request, `the body has at most ${maxMessage} bytes`);
  let params: Json = {};
  try {
    if (body !== '') params = isForm(type) ? formFields(body) : jsonFields(body);
  } catch (error) {
    return refused(500, parts.performer.errorFor(method, error));
  }
  return callMethod(parts, method, rune, params, { signal });
};

/** The methods that there are, as text in a page. */
const listMethods = (): string =>
  `${summaries()
    .map(({ name, doc }) => `Command: ${name}\n  ${doc}\n`)
    .join('\n')}`;

/** The route of CLNRest. */
export const restRoute = (parts: RestParts): Route => ({
  path: PREFIX,
  methods: ['POST', 'GET', 'OPTIONS'],
  admits: 'itself',
  respond: async (request: IncomingMessage, response: ServerResponse, signal: AbortSignal) => {
    if (request.method === 'OPTIONS') {
      const allowed = {
        'access-control-allow-methods': 'POST, GET',
        'access-control-allow-headers': 'content-type, rune',
        'access-control-max-age': '600',
      };
      response.writeHead(204, { ...anyPage, ...allowed }).end();
      return;
    }
    if (request.method === 'GET' && pathOf(request) === `${PREFIX}list-methods`)
      return sendText(response, 200, { ...secured, 'content-type': 'text/plain; charset=utf-8' }, listMethods());
    const { status, body } = await outcomeOf(parts, request, signal);
    // What was not read of a body would be taken for the next request.
    const connection = request.complete ? {} : { connection: 'close' };
    await sendText(response, status, { ...secured, ...connection, 'content-type': 'application/json' }, body);
  },
});
