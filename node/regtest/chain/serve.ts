/** The chain over HTTP, as bitcoind serves its own: a JSON-RPC call or a batch of them a request, with a user and a password. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { equalConstantTime, utf8 } from '../../../wire/bytes.ts';
import { sha256 } from '../../../wire/crypto.ts';
import { parseExact } from '../../chain/json.ts';
import type { Clock } from '../../ports/ports.ts';
import { faucetOf } from './faucet.ts';
import { callMethod, faultOf } from './methods.ts';
import type { Regtest } from './regtest.ts';
import { type Published, type RpcContext, RpcFault } from './rpcparams.ts';

/** Longest request: a block of 4 MB is 8 MB of hex. */
const maximumBody = 16 * 1024 * 1024;
/** Most calls of a batch. */
const maximumBatch = 10_000;

export interface ServeOptions {
  readonly regtest: Regtest;
  readonly clock: Pick<Clock, 'after'>;
  readonly host: string;
  /** 0 for a free one. */
  readonly port: number;
  /** Accepted logins, USER:PASSWORD each. */
  readonly logins: readonly string[];
  /** What it publishes over ZeroMQ, for getzmqnotifications. */
  readonly published?: readonly Published[];
  /** Called when somebody calls `stop`. */
  readonly stop: () => void;
}

export interface Served {
  readonly host: string;
  readonly port: number;
  /** Ends every wait and connection. */
  close(): Promise<void>;
}

/** The server cannot listen at this address. */
export class ServeError extends Error {
  override readonly name = 'ServeError';
  readonly fault: { readonly code: 'cannot_listen'; readonly where: string };
  constructor(where: string, reason: string) {
    super(
      reason === 'EADDRINUSE'
        ? `${where} is taken: choose another with --port, 0 for a free one`
        : `cannot listen on ${where}: ${reason}`,
    );
    this.fault = { code: 'cannot_listen', where };
  }
}

const bodyOf = async (request: IncomingMessage): Promise<string> => {
  const parts: Buffer[] = [];
  let length = 0;
  for await (const part of request as AsyncIterable<Buffer>) {
    length += part.length;
    if (length > maximumBody) throw new RpcFault(-32600, 'the request is too long');
    parts.push(part);
  }
  return Buffer.concat(parts).toString('utf8');
};

interface Call {
  readonly id: unknown;
  readonly method: string;
  readonly params: readonly unknown[];
  /** JSON-RPC 2.0, whose answers have a result or an error and never both; every other call is one of 1.0. */
  readonly isVersion2: boolean;
}

const jsonOf = (body: string): unknown => {
  try {
    return parseExact(body);
  } catch {
    throw new RpcFault(-32700, 'Parse error');
  }
};

const fieldsOf = (json: unknown): Readonly<Record<string, unknown>> =>
  typeof json === 'object' && json !== null ? (json as Readonly<Record<string, unknown>>) : {};

/** A call out of its JSON; parameters may be listed or left out. Throws RpcFault. */
const callOf = (json: unknown): Call => {
  const { id = null, method, params, jsonrpc } = fieldsOf(json);
  if (typeof method !== 'string') throw new RpcFault(-32600, 'Method must be a string');
  if (params !== undefined && params !== null && !Array.isArray(params))
    throw new RpcFault(-32602, 'Params must be an array: this chain does not know parameters by name');
  return { id, method, params: params ?? [], isVersion2: jsonrpc === '2.0' };
};

const httpStatus = (code: number): number => (code === -32601 ? 404 : code === -32600 ? 400 : 500);

const listen = (server: Server, host: string, port: number): Promise<number> =>
  new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      reject(new ServeError(`${host}:${port}`, error.code ?? error.message));
    });
    server.listen(port, host, () => {
      const address = server.address();
      resolve(address !== null && typeof address === 'object' ? address.port : port);
    });
  });

/** Serves a chain until it is closed. Throws ServeError. */
export const serveChain = async (options: ServeOptions): Promise<Served> => {
  const { regtest, clock, host, stop } = options;
  const faucet = faucetOf(regtest);
  // Hashes are compared, so that the time does not depend on what was sent.
  const accepted = options.logins.map((login) => sha256(utf8(`Basic ${Buffer.from(login).toString('base64')}`)));
  const knows = (header = ''): boolean => {
    const given = sha256(utf8(header));
    return accepted.some((login) => equalConstantTime(login, given));
  };

  /** Makes a call and gives what to answer, with the HTTP status of a request that is this call alone. */
  const answerOf = async (
    json: unknown,
    context: RpcContext,
  ): Promise<{ readonly status: number; readonly body: unknown }> => {
    const { id = null, jsonrpc } = fieldsOf(json);
    try {
      const call = callOf(json);
      const result = await callMethod(call.method, call.params, context);
      return { status: 200, body: call.isVersion2 ? { jsonrpc: '2.0', result, id } : { result, error: null, id } };
    } catch (error) {
      const { code, message } = faultOf(error);
      if (jsonrpc === '2.0') return { status: 200, body: { jsonrpc: '2.0', error: { code, message }, id } };
      return { status: httpStatus(code), body: { result: null, error: { code, message }, id } };
    }
  };

  /** Calls of a batch one after another, as bitcoind makes them; no error of one of them is an error of the batch. */
  const batchOf = async (calls: readonly unknown[], context: RpcContext): Promise<readonly unknown[]> => {
    if (calls.length > maximumBatch) throw new RpcFault(-32600, `a batch of at most ${maximumBatch} calls`);
    const answers: unknown[] = [];
    for (const call of calls) {
      if (context.signal.aborted) break;
      answers.push((await answerOf(call, context)).body);
    }
    return answers;
  };

  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const say = (status: number, body: unknown): void => {
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(`${JSON.stringify(body)}\n`);
    };
    if (!knows(request.headers.authorization)) {
      response.writeHead(401, { 'www-authenticate': 'Basic realm="jsonrpc"' });
      response.end();
      return;
    }
    const gone = new AbortController();
    response.on('close', () => gone.abort());
    const { published = [] } = options;
    const onStop = (): void => void response.on('finish', stop);
    const context = { regtest, faucet, clock, published, signal: gone.signal, stop: onStop };
    try {
      const json = jsonOf(await bodyOf(request));
      if (Array.isArray(json)) say(200, await batchOf(json, context));
      else {
        const { status, body } = await answerOf(json, context);
        say(status, body);
      }
    } catch (error) {
      const { code, message } = faultOf(error);
      if (!response.headersSent) say(httpStatus(code), { result: null, error: { code, message }, id: null });
    }
  };

  const server = createServer((request, response) => void answer(request, response));
  server.keepAliveTimeout = 60_000;
  const port = await listen(server, host, options.port);
  return {
    host,
    port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
};
