/**
 * Serves the web page of a node, or of all nodes of a lab, on loopback. Who opens it came by a link that works once (sessions.ts).
 * Host and Origin must name this machine, so that no page from elsewhere reaches it by a name of its own that resolves to loopback;
 * and the page itself may load and call nothing but this server (Content-Security-Policy).
 */

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { type WebSocket, WebSocketServer } from 'ws';
import { utf8 } from '../../wire/bytes.ts';
import { endSoon, endWith } from '../api/rpc/connections.ts';
import { listenAt } from '../api/rpc/listening.ts';
import { addressText, isLoopback } from '../base/address.ts';
import { ListenError } from '../base/listenerror.ts';
import type { Address, Clock, Entropy, Log } from '../ports/ports.ts';
import { type Asset, pageAssets } from './assets.ts';
import { linkNode, type NodeLink, type ServedNode } from './nodelink.ts';
import { Sessions } from './sessions.ts';
import { type Talk, type TalkParts, talkTo } from './talk.ts';

export interface WebOptions {
  /** Where it listens: a loopback address, port 0 for a free one. */
  readonly listen: Address;
  readonly nodes: readonly ServedNode[];
  /** Whether the page may pay and close: for coins that are worth nothing. */
  readonly lab: boolean;
  /** Mines so many blocks, where there is a chain that mines when told. */
  readonly mine?: ((blocks: number) => Promise<unknown>) | undefined;
  readonly clock: Pick<Clock, 'now'>;
  readonly entropy: Entropy;
  readonly log: Pick<Log, 'error'>;
  /** Instead of the files that the build has made. */
  readonly assets?: ReadonlyMap<string, Asset> | undefined;
}

export interface WebServer {
  /** Where it really listens. */
  readonly address: Address;
  /** A new link that opens the page once, within an hour: it is a secret. */
  link(): string;
  /** Resolves once nobody is connected any more. */
  close(): Promise<void>;
}

/** Connections, and pages that are open, at the same time. */
const MOST_CONNECTIONS = 64;
const MOST_PAGES = 8;
/** Bytes of what a page asks. */
const MOST_REQUEST = 64 * 1024;

const headers = (host: string): Readonly<Record<string, string>> => ({
  'content-security-policy': [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self'",
    `connect-src 'self' ws://${host}`,
    ...["base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'"],
  ].join('; '),
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'cache-control': 'no-store',
});

/** Sends the browser on to the page by itself: a cookie that is Strict does not come with a visit that began elsewhere. */
const opened = `<!doctype html><html lang="en"><meta charset="utf-8"><link rel="icon" href="/icon.svg"><meta http-equiv="refresh" content="0; url=/"><title>Ampere</title><p><a href="/">Ampere</a></p></html>\n`;

/** Whether a Host header names this machine, and is nothing but a name and a port: it stands in the policy of the page. */
const isHere = (host: string): boolean =>
  /^[\w.:[\]-]+$/.test(host) &&
  URL.canParse(`http://${host}`) &&
  isLoopback(new URL(`http://${host}`).hostname.replace(/^\[|\]$/g, ''));

interface Refused {
  readonly status: 403 | 404 | 405 | 503;
  readonly reason: string;
}

const TEXT = 'text/plain; charset=utf-8';
const used = 'This link was used before, or is more than an hour old. Ask for a new one: ampere weblink';

/** A refusal where there is no response to write it to. */
const refusedText = ({ status, reason }: Refused): string =>
  `HTTP/1.1 ${status} Refused\r\nConnection: close\r\nContent-Type: ${TEXT}\r\nContent-Length: ${utf8(reason).length + 1}\r\n\r\n${reason}\n`;

/** Serves it. Throws ListenError `not_loopback` and `port_taken`, and FileError where the build has no page. */
export const serveWeb = async (options: WebOptions): Promise<WebServer> => {
  const { listen, nodes, lab, mine, clock, entropy, log } = options;
  const where = addressText(listen);
  if (!isLoopback(listen.host))
    throw new ListenError('not_loopback', `${where} is not a loopback address: the web page is for this machine alone`);
  const assets = options.assets ?? (await pageAssets());
  const sessions = new Sessions(clock, entropy);
  const pages = new Map<WebSocket, Talk>();
  const there = new Map(nodes.map(({ name }) => [name, false]));
  const links = new Map<string, NodeLink>();
  const broke = (error: unknown): void => log.error({ error }, 'a call of the web page failed inside its server');
  const talkParts: TalkParts = { nodes: links, there, isLab: lab, mine, broke };
  const tell = (message: object): void => {
    for (const page of pages.values()) page.tell(message);
  };
  let cookieName = '';
  let isClosing = false;

  const sessionOf = ({ headers: { cookie = '' } }: IncomingMessage): string =>
    cookie
      .split(/; */)
      .find((one) => one.startsWith(`${cookieName}=`))
      ?.slice(cookieName.length + 1) ?? '';

  /** Why a request gets nothing; undefined where it gets what it asks for. */
  const refusalOf = (request: IncomingMessage, path: string): Refused | undefined => {
    const { method, headers: given } = request;
    if (!isHere(given.host ?? '')) return { status: 403, reason: 'Host: expected a loopback name' };
    if (method !== 'GET') return { status: 405, reason: 'pages are read by GET' };
    if (path.startsWith('/open/')) return undefined;
    if (!sessions.admits(sessionOf(request)))
      return { status: 403, reason: 'This page opens by a link that works once. Ask for one: ampere weblink' };
    return assets.has(path) ? undefined : { status: 404, reason: 'there is nothing at this path' };
  };
  const respond = (request: IncomingMessage, response: ServerResponse): void => {
    const { host = '' } = request.headers;
    const [path = ''] = (request.url ?? '').split('?');
    const answer = (status: number, { type, body }: Asset, more: Readonly<Record<string, string>> = {}): void => {
      response.writeHead(status, { ...headers(host), ...more, 'content-type': type }).end(body);
    };
    const refuse = ({ status, reason }: Refused): void => answer(status, { type: TEXT, body: utf8(`${reason}\n`) });
    const refused = refusalOf(request, path);
    const asset = assets.get(path);
    if (refused !== undefined) refuse(refused);
    else if (asset !== undefined) answer(200, asset);
    else {
      const session = sessions.exchange(path.slice('/open/'.length));
      if (session === undefined) refuse({ status: 403, reason: used });
      else {
        const cookie = `${cookieName}=${session}; Path=/; HttpOnly; SameSite=Strict`;
        answer(200, { type: 'text/html; charset=utf-8', body: utf8(opened) }, { 'set-cookie': cookie });
      }
    }
  };

  const upgradeRefusal = (request: IncomingMessage): Refused | undefined => {
    const { host = '', origin } = request.headers;
    if (!isHere(host)) return { status: 403, reason: 'Host: expected a loopback name' };
    if (origin !== `http://${host}`) return { status: 403, reason: 'Origin: expected the page itself' };
    if (request.url !== '/live') return { status: 404, reason: 'there is nothing at this path' };
    if (!sessions.admits(sessionOf(request))) return { status: 403, reason: 'the session is over: ampere weblink' };
    if (pages.size >= MOST_PAGES) return { status: 503, reason: `${MOST_PAGES} pages are open already` };
    return undefined;
  };

  const server = createServer(respond);
  server.maxConnections = MOST_CONNECTIONS;
  server.headersTimeout = 10_000;
  server.requestTimeout = 30_000;
  const open = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    open.add(socket);
    socket.on('error', () => socket.destroy());
    socket.once('close', () => open.delete(socket));
    if (isClosing) endSoon(socket);
  });
  const upgrades = new WebSocketServer({ noServer: true, maxPayload: MOST_REQUEST, perMessageDeflate: false });
  server.on('upgrade', (request: IncomingMessage, _: unknown, head: Buffer) => {
    const { socket: stream } = request;
    const refused = upgradeRefusal(request);
    if (refused !== undefined) {
      endWith(stream, refusedText(refused));
      return;
    }
    upgrades.handleUpgrade(request, stream, head, (socket) => {
      pages.set(socket, talkTo(socket, talkParts));
      socket.once('close', () => pages.delete(socket));
    });
  });
  const address = await listenAt(server, listen, '--web');
  // Browsers keep cookies by host alone: pages at other ports of this machine have others.
  cookieName = `ampere-${address.port}`;
  for (const node of nodes) {
    const { name } = node;
    const link = linkNode(
      node,
      (topic, payload) => tell({ node: name, topic, payload }),
      (is) => {
        if (there.get(name) === is) return;
        there.set(name, is);
        tell({ node: name, there: is });
      },
    );
    links.set(name, link);
  }
  return {
    address,
    link: () => `http://${addressText(address)}/open/${sessions.newLink()}`,
    close: async () => {
      isClosing = true;
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const link of links.values()) link.close();
      for (const page of pages.keys()) page.close(1001, 'the node stops');
      // What waits in them is on its way within a moment; nobody is waited for any longer.
      await new Promise((resolve) => setTimeout(resolve, pages.size === 0 ? 0 : 100));
      for (const socket of open) socket.destroy();
      await closed;
    },
  };
};
