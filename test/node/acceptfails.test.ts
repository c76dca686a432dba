/** Sockets that the system has nothing left for: who calls then is not answered, and the node goes on. */
import { mkdtemp, rm } from 'node:fs/promises';
import { Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test, vi } from 'vitest';
import { listenHttp } from '../../node/api/rpc/http.ts';
import { listenUnix } from '../../node/api/rpc/unix.ts';
import { tcpTransport } from '../../node/peer/tcp.ts';
import { fakeRpc } from '../support/api.ts';

const anyPort = { host: '127.0.0.1', port: 0 };
let dir = '';
afterEach(async () => {
  vi.restoreAllMocks();
  if (dir !== '') await rm(dir, { recursive: true, force: true });
  dir = '';
});

test.each<readonly [string, () => Promise<{ close(): Promise<void> }>]>([
  ['peers', () => tcpTransport().listen(anyPort, () => undefined)],
  ['callers of HTTP', () => listenHttp(anyPort, 'ab'.repeat(32), fakeRpc().answer)],
  [
    'callers of the unix socket',
    async () => {
      dir = await mkdtemp(join(tmpdir(), 'ampere-'));
      return listenUnix(join(dir, 'rpc'), fakeRpc().answer);
    },
  ],
])('a connection of %s that cannot be accepted is no error that nobody catches, however often', async (_, listen) => {
  const listening = vi.spyOn(Server.prototype, 'listen');
  const listener = await listen();
  const [server] = listening.mock.contexts;
  if (!(server instanceof Server)) throw new TypeError('nothing listens');
  const fail = () => server.emit('error', Object.assign(new Error('accept ENFILE'), { code: 'ENFILE' }));
  expect([fail(), fail()]).toEqual([true, true]);
  await listener.close();
});
