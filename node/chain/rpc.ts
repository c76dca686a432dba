/**
 * bitcoind's JSON-RPC over kept-alive HTTP. Each call has one typed answer or one ChainError. A call is retried only once, at once, when
 * the kept connection turns out to be closed or the cookie stale.
 */
import { readFile } from 'node:fs/promises';
import { Agent, type ClientRequest, type IncomingMessage, request } from 'node:http';
import { z } from 'zod';
import { reversed, unhex } from '../../wire/bytes.ts';
import { type Txid, txid } from '../../wire/units.ts';
import { ChainError } from './errors.ts';
import { parseExact } from './json.ts';

/** Credentials: a user and password, or the cookie file that bitcoind writes at each start. */
export type RpcAuth = { readonly user: string; readonly password: string } | { readonly cookieFile: string };

export interface RpcOptions {
  readonly host: string;
  readonly port: number;
  readonly auth: RpcAuth;
  /** The wallet that calls are for, where bitcoind has several. */
  readonly wallet?: string;
  /** Milliseconds without an answer until a call fails as `unreachable`; by default 30,000. */
  readonly timeout?: number;
}

export interface CallOptions {
  /** Timeout of this call in milliseconds, for calls that wait on purpose. */
  readonly timeout?: number;
  readonly signal?: AbortSignal;
  /** The call waits for an event, and is no work for bitcoind meanwhile. */
  readonly idle?: boolean;
}

/** A call whose result is still to be checked. */
export interface UncheckedCall {
  readonly method: string;
  readonly params: readonly unknown[];
}

export interface Rpc {
  /** HOST:PORT, for messages. */
  readonly where: string;
  /** Calls a method and checks its result. Throws ChainError. */
  call<T>(method: string, params: readonly unknown[], result: z.ZodType<T>, options?: CallOptions): Promise<T>;
  /**
   * Makes some calls in one request, which bitcoind answers one after the other. Resolves with what gives the result of each, or throws
   * its ChainError, in their order; throws ChainError where there is no answer to all of them.
   */
  batch(calls: readonly UncheckedCall[]): Promise<readonly (() => unknown)[]>;
  /** Closes the connections; calls under way and later ones throw `closed`. */
  close(): void;
}

/** Longest answer in bytes: a block of 4 MB is 8 MB of hex, and no other answer is much longer. */
const maxAnswer = 64 * 1024 * 1024;

/** bitcoind's RPC_IN_WARMUP: it listens, but still loads its chain. */
const inWarmup = -28;

const answerShape = z.object({
  id: z.unknown().optional(),
  result: z.unknown(),
  error: z.object({ code: z.number(), message: z.string() }).nullish(),
});

interface Answer {
  readonly status: number;
  readonly body: string;
}

const authorization = async (auth: RpcAuth, where: string): Promise<string> => {
  if ('user' in auth) return `Basic ${Buffer.from(`${auth.user}:${auth.password}`).toString('base64')}`;
  try {
    return `Basic ${Buffer.from((await readFile(auth.cookieFile, 'utf8')).trim()).toString('base64')}`;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'unreadable';
    if (code === 'EACCES')
      throw new ChainError({ code: 'unauthorized', where, hint: `cannot read the cookie file ${auth.cookieFile}` });
    const reason = `cookie file ${auth.cookieFile} (${code}); bitcoind writes it when it starts`;
    throw new ChainError({ code: 'unreachable', where, reason });
  }
};

const collect = async (response: IncomingMessage): Promise<string> => {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > maxAnswer) throw new Error(`answer is longer than ${maxAnswer} bytes`);
    chunks.push(chunk);
  }
  if (!response.complete) throw new Error('answer was cut off');
  return Buffer.concat(chunks).toString('utf8');
};

/** A result that has the shape it should have. Throws ChainError. */
export const checkedResult = <T>(method: string, shape: z.ZodType<T>, result: unknown): T => {
  const checked = shape.safeParse(result);
  if (checked.success) return checked.data;
  throw new ChainError({ code: 'bad_answer', method, detail: z.prettifyError(checked.error) });
};

/** A client of the bitcoind at that address. Connects when first called. */
export const openRpc = (options: RpcOptions): Rpc => {
  const { host, port, auth, wallet } = options;
  const path = wallet === undefined ? '/' : `/wallet/${encodeURIComponent(wallet)}`;
  const where = `${host}:${port}`;
  const agent = new Agent({ keepAlive: true, maxSockets: 8 });
  const underWay = new Set<ClientRequest>();
  let closed = false;
  let nextId = 0;

  const unreachable = (reason: string) => new ChainError({ code: 'unreachable', where, reason });

  const post = (body: string, authorize: string, { timeout = options.timeout ?? 30_000, signal }: CallOptions) =>
    new Promise<Answer & { reused: boolean }>((resolve, reject) => {
      const headers = {
        authorization: authorize,
        'content-type': 'application/json',
        'content-length': Buffer.byteLength(body),
      };
      const sent = request({ host, port, method: 'POST', path, agent, headers, ...(signal && { signal }) });
      underWay.add(sent);
      const fail = (error: Error) => reject(Object.assign(error, { reused: sent.reusedSocket }));
      const timer = setTimeout(() => sent.destroy(new Error(`no answer within ${timeout} ms`)), timeout);
      sent.on('error', fail);
      sent.on('close', () => {
        clearTimeout(timer);
        underWay.delete(sent);
      });
      sent.on('response', (response) => {
        collect(response).then(
          (text) => resolve({ status: response.statusCode ?? 0, body: text, reused: sent.reusedSocket }),
          (error: Error) => {
            sent.destroy();
            fail(error);
          },
        );
      });
      sent.end(body);
    });

  const asked = ({ method, params }: UncheckedCall) => ({ jsonrpc: '1.0', id: nextId++, method, params });

  const exchange = async (asking: unknown, call: CallOptions): Promise<Answer> => {
    const body = JSON.stringify(asking);
    for (let attempt = 0; ; attempt++) {
      if (closed) throw new ChainError({ code: 'closed' });
      try {
        const answer = await post(body, await authorization(auth, where), call);
        if (answer.status === 401 && 'cookieFile' in auth && attempt === 0) continue;
        return answer;
      } catch (error) {
        if (error instanceof ChainError) throw error;
        if (closed) throw new ChainError({ code: 'closed' });
        const { code, message, reused } = error as NodeJS.ErrnoException & { reused?: boolean };
        if (reused && (code === 'ECONNRESET' || code === 'EPIPE') && attempt === 0) continue;
        throw unreachable(code === undefined || code === 'ABORT_ERR' ? message : `${code}`);
      }
    }
  };

  const jsonOf = (method: string, { status, body }: Answer): unknown => {
    if (status === 401 || status === 403) {
      const hint = status === 401 ? 'wrong user, password or cookie' : 'its rpcallowip does not allow our address';
      throw new ChainError({ code: 'unauthorized', where, hint });
    }
    try {
      return parseExact(body);
    } catch {
      if (status === 503) throw unreachable('it is too busy (its work queue is full)');
      if (status >= 500) throw unreachable(`HTTP status ${status}`);
      const detail = `HTTP status ${status} and no JSON; does bitcoind listen there?`;
      throw new ChainError({ code: 'bad_answer', method, detail });
    }
  };

  const resultOf = (method: string, json: unknown): unknown => {
    const answer = answerShape.safeParse(json);
    if (!answer.success)
      throw new ChainError({ code: 'bad_answer', method, detail: 'expected a result or an error object' });
    const { result, error } = answer.data;
    if (error === null || error === undefined) return result;
    if (error.code === inWarmup) throw new ChainError({ code: 'warming_up', where, message: error.message });
    throw new ChainError({ code: 'refused', method, rpcCode: error.code, message: error.message });
  };

  return {
    where,
    call: async (method, params, result, call = {}) => {
      const answer = await exchange(asked({ method, params }), call);
      return checkedResult(method, result, resultOf(method, jsonOf(method, answer)));
    },
    batch: async (calls) => {
      const asking = calls.map(asked);
      const method = calls[0]?.method ?? '';
      const json = jsonOf(method, await exchange(asking, {}));
      // One answer to all of them says what is wrong with the request, or with bitcoind.
      if (!Array.isArray(json)) {
        resultOf(method, json);
        throw new ChainError({ code: 'bad_answer', method, detail: 'expected an answer to each call of a batch' });
      }
      const answers = new Map(
        json.flatMap((one: unknown) => {
          const answer = answerShape.safeParse(one);
          return answer.success ? [[answer.data.id, one] as const] : [];
        }),
      );
      return asking.map(
        ({ id, method }) =>
          () =>
            resultOf(method, answers.get(id)),
      );
    },
    close: () => {
      closed = true;
      for (const sent of underWay) sent.destroy(new Error('closed'));
      agent.destroy();
    },
  };
};

export const hash = z.string().regex(/^[0-9a-f]{64}$/);

export const bytes = z.string().regex(/^(?:[0-9a-fA-F]{2})*$/);

export const rpcCode = { notFound: -5, badParameter: -8, misc: -1, noMethod: -32601, alreadyMined: -27 } as const;

/** Whether a call failed with one of these RPC error codes. */
export const failedWith = (error: unknown, ...codes: readonly number[]): error is ChainError =>
  error instanceof ChainError && error.fault.code === 'refused' && codes.includes(error.fault.rpcCode);

/** A txid in internal byte order, from the displayed form. */
export const txidOf = (displayed: string): Txid => txid(reversed(unhex(displayed)));
