/**
 * The API over HTTP (POST /) and WebSocket (GET /) on one loopback port, and whatever routes it is given (routes.ts). Both want the
 * token: `Authorization: Bearer TOKEN`, or, where a browser's WebSocket cannot send headers, the subprotocols `ampere` and
 * `token.TOKEN`. Host and Origin must be loopback names, so that no web page reaches the API by a name of its own that resolves to
 * this machine.
 */

import { setMaxListeners } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { type WebSocket, WebSocketServer } from 'ws';
import { isLoopback } from '../../base/address.ts';
import { following } from '../../base/following.ts';
import { ListenError } from '../../base/listenerror.ts';
import type { Address } from '../../ports/ports.ts';
import { briefly, type Calls, openCalls } from './calls.ts';
import { Connections, endSoon, endWith, maxConnections, stalledAfter } from './connections.ts';
import { type Answer, maxMessage } from './jsonrpc.ts';
import { listenAt } from './listening.ts';
import { pathOf, type Refused, type Route, refuse, routeOf, rpcRoute } from './routes.ts';
import type { Written } from './streaming.ts';
import { isToken } from './token.ts';
import type { ApiServer } from './unix.ts';

export interface HttpServer extends ApiServer {
  /** Where it really listens: port 0 asked for becomes the port given. */
  readonly address: Address;
}

const protocol = 'ampere';

/** The host in a Host header, without its port. */
export const hostOf = (header: string): string =>
  URL.canParse(`http://${header}`) ? new URL(`http://${header}`).hostname.replace(/^\[|\]$/g, '') : '';

const isLoopbackOrigin = (origin: string): boolean =>
  URL.canParse(origin) && isLoopback(new URL(origin).hostname.replace(/^\[|\]$/g, ''));

const offeredProtocols = (request: IncomingMessage): readonly string[] =>
  (request.headers['sec-websocket-protocol'] ?? '').split(',').map((one) => one.trim());

const isTokenGiven = (request: IncomingMessage, token: string): boolean => {
  const [, bearer] = /^Bearer +(\S+)$/i.exec(request.headers.authorization ?? '') ?? [];
  const given =
    bearer ??
    offeredProtocols(request)
      .find((one) => one.startsWith('token.'))
      ?.slice('token.'.length);
  return given !== undefined && isToken(given, token);
};

/** Why a request is not let in; undefined when it is. */
const refusalOf = (request: IncomingMessage, token: string, route: Route | undefined): Refused | undefined => {
  const { host = '', origin } = request.headers;
  if (route?.admits === 'itself') return undefined;
  if (!isLoopback(hostOf(host))) return { status: 403, reason: 'Host: expected a loopback name' };
  if (origin !== undefined && !isLoopbackOrigin(origin))
    return { status: 403, reason: 'Origin: pages from elsewhere may not call' };
  if (!isTokenGiven(request, token))
    return { status: 401, reason: 'expected the token of the api-token file: Authorization: Bearer TOKEN' };
  if (route === undefined) return { status: 404, reason: 'there is nothing at this path' };
  return undefined;
};

/** The same where there is no response to write it to. */
const refusedText = (status: number, reason: string): string =>
  `HTTP/1.1 ${status} Refused\r\nConnection: close\r\nContent-Type: text/plain; charset=utf-8\r\n` +
  `Content-Length: ${Buffer.byteLength(reason) + 1}\r\n\r\n${reason}\n`;

/** Has a route answer; resolves once the caller has the answer, or has gone. */
const respond = async (
  route: Route,
  request: IncomingMessage,
  response: ServerResponse,
  stopping: AbortSignal,
): Promise<void> => {
  const gone = new AbortController();
  const { signal, release } = following(gone.signal, stopping);
  const over = new Promise<void>((resolve) =>
    response.once('close', () => {
      gone.abort();
      release();
      resolve();
    }),
  );
  await route.respond(request, response, signal);
  return over;
};

/**
 * One message; what is in pieces goes out in fragments of it, each when the one before is on its way. Where nobody is there any more
 * they are given back, since whoever reads them holds a part of the store open.
 */
const sendMessage = async (socket: WebSocket, answer: Written): Promise<void> => {
  const send = (text: string, fin: boolean): Promise<void> =>
    new Promise((resolve) => socket.send(text, { fin }, () => resolve()));
  if (typeof answer === 'string') return send(answer, true);
  for await (const piece of answer) {
    if (socket.readyState !== socket.OPEN) return;
    await send(piece, false);
  }
  await send('', true);
};

const talk = (socket: WebSocket, stream: Socket, answer: Answer): Calls => {
  // As on the unix socket: who does not read is not read from, and who takes nothing for long has gone.
  const calls = openCalls(answer, socket, async (text) => {
    stream.setTimeout(stalledAfter);
    await sendMessage(socket, text).catch(() => socket.terminate());
    stream.setTimeout(0);
  });
  stream.on('timeout', () => socket.terminate());
  socket.on('message', (data, binary) => {
    if (binary) socket.close(1003, 'expected text');
    else calls.take(data.toString());
  });
  socket.on('error', () => socket.terminate());
  socket.on('close', () => void calls.end());
  return calls;
};

/**
 * Serves the API, and what `more` routes add, at a loopback address; port 0 takes a free one. Throws ListenError `not_loopback` or
 * `port_taken`.
 */
export const listenHttp = async (
  at: Address,
  token: string,
  answer: Answer,
  more: readonly Route[] = [],
): Promise<HttpServer> => {
  const rpc = rpcRoute(answer);
  const routes = [rpc, ...more];
  const where = `${at.host}:${at.port}`;
  if (!isLoopback(at.host))
    throw new ListenError('not_loopback', `${where} is not a loopback address: who holds the token holds the money`);
  const open = new Map<WebSocket, Calls>();
  const stopping = new AbortController();
  // Each call under way listens to it.
  setMaxListeners(0, stopping.signal);
  const all = new Connections<Socket>(maxConnections, (socket) => socket.destroy());
  /** The calls of a connection, each begun when the one before is answered: nobody reads two answers at once. */
  const underWay = new Map<Socket, Promise<void>>();
  const talking = new Map<Socket, Calls>();

  /** Those for which there was no place: they are told so, if they ask at once. */
  const excess = new WeakSet<Socket>();
  const whyNot = (request: IncomingMessage, route: Route | undefined): Refused | undefined =>
    excess.has(request.socket)
      ? { status: 503, reason: `${maxConnections} connections with calls under way are open` }
      : refusalOf(request, token, route);

  const server = createServer((request, response) => {
    const { method = '' } = request;
    const route = routeOf(routes, pathOf(request));
    const refused = whyNot(request, route);
    if (route === undefined || refused !== undefined) {
      refuse(response, refused ?? { status: 404, reason: 'there is nothing at this path' });
      return;
    }
    if (!route.methods.includes(method)) {
      refuse(response, { status: 405, reason: `expected ${route.methods.join(' or ')}` }, route.methods);
      return;
    }
    const { socket } = request;
    const call = (underWay.get(socket) ?? Promise.resolve())
      .then(() => respond(route, request, response, stopping.signal))
      .catch(() => void response.destroy())
      .finally(() => {
        if (underWay.get(socket) === call) underWay.delete(socket);
      });
    underWay.set(socket, call);
  });
  // A caller sends its requests at once; who sends nothing, or very slowly, holds a place that others need.
  server.headersTimeout = 10_000;
  server.requestTimeout = 30_000;
  server.on('connection', (socket: Socket) => {
    socket.on('error', () => socket.destroy());
    const isBusy = () => underWay.has(socket) || talking.get(socket)?.isBusy() === true;
    if (all.admit(socket, isBusy)) {
      socket.once('close', () => all.free(socket));
      return;
    }
    excess.add(socket);
    endSoon(socket);
  });

  const sockets = new WebSocketServer({
    noServer: true,
    maxPayload: maxMessage,
    perMessageDeflate: false,
    handleProtocols: (offered) => (offered.has(protocol) ? protocol : false),
  });
  server.on('upgrade', (request: IncomingMessage, _: unknown, head: Buffer) => {
    const { socket: stream } = request;
    const refused = whyNot(request, pathOf(request) === rpc.path ? rpc : undefined);
    if (refused !== undefined) {
      endWith(stream, refusedText(refused.status, refused.reason));
      return;
    }
    sockets.handleUpgrade(request, stream, head, (socket) => {
      const calls = talk(socket, stream, answer);
      open.set(socket, calls);
      talking.set(stream, calls);
      socket.once('close', () => {
        open.delete(socket);
        talking.delete(stream);
      });
    });
  });

  return {
    address: await listenAt(server, at, '--api'),
    close: async () => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      stopping.abort();
      await briefly([
        ...underWay.values(),
        ...[...open].map(async ([socket, calls]) => {
          await calls.end();
          const left = new Promise((resolve) => socket.once('close', resolve));
          socket.close(1001, 'the node stops');
          await left;
        }),
      ]);
      // Whether it was let in, refused or never said anything: nobody is waited for any longer.
      all.endAll();
      server.closeAllConnections();
      await closed;
    },
  };
};
