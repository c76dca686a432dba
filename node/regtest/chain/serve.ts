/** The chain over HTTP, as bitcoind serves its own: one JSON-RPC call a request, with a user and a password. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { equalConstantTime, utf8 } from '../../../wire/bytes.ts';
import { sha256 } from '../../../wire/crypto.ts';
import { parseExact } from '../../chain/json.ts';
import type { Clock } from '../../ports/ports.ts';
import { faucetOf } from './faucet.ts';
import { callMethod, faultOf, RpcFault } from './methods.ts';
import type { Regtest } from './regtest.ts';

/** Longest request: a block of 4 MB is 8 MB of hex. */
const maximumBody = 16 * 1024 * 1024;

export interface ServeOptions {
  readonly regtest: Regtest;
  readonly clock: Pick<Clock, 'after'>;
  readonly host: string;
  /** 0 for a free one. */
  readonly port: number;
  /** Accepted logins, USER:PASSWORD each. */
  readonly logins: readonly string[];
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
    super(`cannot listen on ${where}: ${reason}`);
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

/** A call out of its JSON; parameters may be listed or left out. */
const callOf = (
  body: string,
): { readonly id: unknown; readonly method: string; readonly params: readonly unknown[] } => {
  let json: unknown;
  try {
    json = parseExact(body);
  } catch {
    throw new RpcFault(-32700, 'Parse error');
  }
  const { id = null, method, params = [] } = (json ?? {}) as Readonly<Record<string, unknown>>;
  if (typeof method !== 'string') throw new RpcFault(-32600, 'Method must be a string');
  if (!Array.isArray(params)) throw new RpcFault(-32602, 'Params must be an array');
  return { id, method, params };
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

  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const say = (status: number, result: unknown, error: unknown, id: unknown): void => {
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(`${JSON.stringify({ result, error, id })}\n`);
    };
    if (!knows(request.headers.authorization)) {
      response.writeHead(401, { 'www-authenticate': 'Basic realm="jsonrpc"' });
      response.end();
      return;
    }
    let id: unknown = null;
    const gone = new AbortController();
    response.on('close', () => gone.abort());
    try {
      const call = callOf(await bodyOf(request));
      id = call.id;
      const context = { regtest, faucet, clock, signal: gone.signal, stop: () => response.on('finish', stop) };
      say(200, await callMethod(call.method, call.params, context), null, id);
    } catch (error) {
      const { code, message } = faultOf(error);
      if (!response.headersSent) say(httpStatus(code), null, { code, message }, id);
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
