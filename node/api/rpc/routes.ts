/**
 * What the HTTP port serves, by path: one row for each. A row says which methods it takes, who is let in, and how it answers; http.ts
 * looks it up, checks what it asks of the caller, and ends what it leaves open. Calls by WebSocket stand in http.ts itself.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { stalledAfter } from './connections.ts';
import { type Answer, maxMessage } from './jsonrpc.ts';
import { type Written, writeTo } from './streaming.ts';

export interface Route {
  /** A path, or the beginning of paths where it is longer than "/" and ends with it. */
  readonly path: string;
  readonly methods: readonly string[];
  /**
   * `token`: who has the token of the node, asks by a loopback name, and is no page from elsewhere. `itself`: the route looks at what a
   * caller brings, which no page from elsewhere can make up; it may be asked by any name.
   */
  readonly admits: 'token' | 'itself';
  /** Answers a request. `signal` is aborted when the caller has gone or the node stops. What it rejects with costs the connection. */
  readonly respond: (request: IncomingMessage, response: ServerResponse, signal: AbortSignal) => Promise<void>;
}

export interface Refused {
  readonly status: 400 | 401 | 403 | 404 | 405 | 413 | 503;
  readonly reason: string;
}

/** The path of a request, without what is asked behind `?`. */
export const pathOf = ({ url = '' }: IncomingMessage): string => url.split('?', 1)[0] ?? '';

/** The row for a path; undefined where there is none. */
export const routeOf = (routes: readonly Route[], path: string): Route | undefined =>
  routes.find((route) =>
    route.path.length > 1 && route.path.endsWith('/') ? path.startsWith(route.path) : path === route.path,
  );

/** Answers with a status and a sentence, and ends the connection. */
export const refuse = (
  response: ServerResponse,
  { status, reason }: Refused,
  allowed: readonly string[] = ['POST'],
): void => {
  const headers = {
    'content-type': 'text/plain; charset=utf-8',
    connection: 'close',
    ...(status === 401 ? { 'www-authenticate': 'Bearer' } : {}),
    ...(status === 405 ? { allow: allowed.join(', ') } : {}),
  };
  response.writeHead(status, headers).end(`${reason}\n`);
};

/** The body's text; undefined when it is longer than a message may be. */
export const bodyOf = async (request: IncomingMessage, most = maxMessage): Promise<string | undefined> => {
  if (Number(request.headers['content-length'] ?? 0) > most) return undefined;
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Uint8Array>) {
    length += chunk.length;
    if (length > most) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
};

/** Sends an answer as fast as its reader takes it. Rejects where one in pieces cannot be completed. */
export const sendText = async (
  response: ServerResponse,
  status: number,
  headers: Readonly<Record<string, string>>,
  text: Written,
): Promise<void> => {
  response.writeHead(status, headers);
  // Who takes nothing of it for long has gone.
  response.setTimeout(stalledAfter, () => response.destroy());
  if (typeof text !== 'string') await writeTo(response, text);
  response.end(typeof text === 'string' ? text : undefined);
};

/** JSON-RPC by POST /. */
export const rpcRoute = (answer: Answer): Route => ({
  path: '/',
  methods: ['POST'],
  admits: 'token',
  respond: async (request, response, signal) => {
    const body = await bodyOf(request);
    if (body === undefined) {
      refuse(response, { status: 413, reason: `at most ${maxMessage} bytes` });
      return;
    }
    const text = await answer(body, { signal });
    if (text === undefined) {
      response.writeHead(204).end();
      return;
    }
    await sendText(response, 200, { 'content-type': 'application/json' }, text);
  },
});
