/** A node in this process that the clients people have can reach as if it were one of its own: by socket, CLNRest and commando. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { handlersOf } from '../../node/api/handlers.ts';
import { serveCommando } from '../../node/api/rpc/commando.ts';
import { listenHttp } from '../../node/api/rpc/http.ts';
import { jsonRpc } from '../../node/api/rpc/jsonrpc.ts';
import { performer, type RpcParts } from '../../node/api/rpc/perform.ts';
import { restRoute } from '../../node/api/rpc/rest.ts';
import { runeGate } from '../../node/api/rpc/runegate.ts';
import { listenUnix } from '../../node/api/rpc/unix.ts';
import { systemClock } from '../../node/base/entropy.ts';
import { type LocalNode, noProcess } from './inprocess.ts';

export interface ServedClients {
  /** The file of the socket. */
  readonly socket: string;
  /** Where CLNRest is. */
  readonly url: string;
  /** Where peers are listened to. */
  readonly port: number;
  /** Issues a rune; each text is a restriction of its own. */
  rune(...restrictions: string[]): Promise<string>;
  close(): Promise<void>;
}

/** Serves a node until it is closed. */
export const serveClients = async ({ node, call }: LocalNode): Promise<ServedClients> => {
  const dir = await mkdtemp(join(tmpdir(), 'ampere-clients-'));
  const socket = join(dir, 'lightning-rpc');
  const broke = (method: string, error: unknown): void => console.error(method, error);
  const rpc: RpcParts = { handlers: handlersOf(node, noProcess), dev: false, broke };
  const answer = jsonRpc(rpc);
  const gate = runeGate(() => node.runes);
  const unix = await listenUnix(socket, answer);
  const rest = restRoute({ performer: performer(rpc), gate });
  const http = await listenHttp({ host: '127.0.0.1', port: 0 }, 'ab'.repeat(32), answer, [rest]);
  serveCommando(node, { answer, gate, clock: systemClock });
  return {
    socket,
    url: `http://127.0.0.1:${http.address.port}`,
    port: node.peers.address?.port ?? 0,
    rune: async (...restrictions) => {
      const alternatives = restrictions.map((one) => one.split('|'));
      return (await call('createrune', { restrictions: alternatives })).rune;
    },
    close: async () => {
      await Promise.all([unix.close(), http.close()]);
      await rm(dir, { recursive: true, force: true });
    },
  };
};
