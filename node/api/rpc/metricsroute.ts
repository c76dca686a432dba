/** GET /metrics: on the API's port for who has the token, and, where an operator asks for it, on a port of its own without one. */

import { createServer } from 'node:http';
import { isLoopback } from '../../base/address.ts';
import type { Address, Log } from '../../ports/ports.ts';
import { EXPOSITION_TYPE } from '../metrics/exposition.ts';
import { stalledAfter } from './connections.ts';
import { hostOf } from './http.ts';
import { listenAt } from './listening.ts';
import { pathOf, type Route, refuse } from './routes.ts';
import type { ApiServer } from './unix.ts';

/** What is known of the node as text; undefined while it still reads its records. */
export type WriteMetrics = () => Promise<string> | undefined;

const methods = ['GET'];

/** The route of the API's port. */
export const metricsRoute = (write: WriteMetrics): Route => ({
  ...{ path: '/metrics', methods, admits: 'token' },
  respond: async (_request, response) => {
    const text = await write();
    if (text === undefined) {
      refuse(response, { status: 503, reason: 'the node is starting' });
      return;
    }
    response.setTimeout(stalledAfter, () => response.destroy());
    response.writeHead(200, { 'content-type': EXPOSITION_TYPE }).end(text);
  },
});

/** Collectors ask one at a time, every few seconds. */
const MOST_CONNECTIONS = 20;
/** Milliseconds in which a request has to be there. */
const PATIENCE = 10_000;

export interface MetricsServer extends ApiServer {
  /** Where it really listens. */
  readonly address: Address;
}

/**
 * Serves the metrics and nothing else to whoever can reach that address; on loopback to no page of a browser. Port 0 takes a free one.
 * Throws ListenError `port_taken`.
 */
export const listenMetrics = async (
  at: Address,
  write: WriteMetrics,
  log: Pick<Log, 'warn'>,
): Promise<MetricsServer> => {
  if (!isLoopback(at.host))
    log.warn({ metrics: at }, 'metrics are served to all who can reach this address: they show what the node holds');
  const route = metricsRoute(write);
  const gone = new AbortController();
  const server = createServer((request, response) => {
    // A page may be served by a name of its own that resolves to this machine.
    const isStrange = isLoopback(at.host) && !isLoopback(hostOf(request.headers.host ?? ''));
    if (isStrange) refuse(response, { status: 403, reason: 'Host: expected a loopback name' });
    else if (pathOf(request) !== route.path)
      refuse(response, { status: 404, reason: 'there is /metrics and nothing else' });
    else if (!methods.includes(request.method ?? ''))
      refuse(response, { status: 405, reason: 'expected GET' }, methods);
    else route.respond(request, response, gone.signal).catch(() => response.destroy());
  });
  server.maxConnections = MOST_CONNECTIONS;
  server.headersTimeout = PATIENCE;
  server.requestTimeout = PATIENCE;
  return {
    address: await listenAt(server, at, '--metrics'),
    close: () =>
      new Promise((resolve) => {
        gone.abort();
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
};
