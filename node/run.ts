/**
 * `ampere start`: the real ports, one node, its API, and an orderly end. Signals and the `stop` method end it alike; a failure
 * it cannot go on with ends it at once, with what is on disk as good as after a power cut.
 */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { hex } from '../wire/bytes.ts';
import { backends } from '../wire/crypto.ts';
import { listenHttp } from './api/http.ts';
import { jsonRpc } from './api/jsonrpc.ts';
import { tokenIn } from './api/token.ts';
import { listenUnix } from './api/unix.ts';
import { bitcoindChain } from './chain/bitcoind.ts';
import { ChainError } from './chain/errors.ts';
import { type Config, redacted } from './config.ts';
import { systemClock, systemEntropy } from './entropy.ts';
import { handlersOf } from './handlers/handlers.ts';
import { processLog } from './log.ts';
import { startNode } from './node.ts';
import { orElse } from './orelse.ts';
import type { Experiments } from './pay/desk.ts';
import { tcpTransport } from './peer/tcp.ts';
import type { Address } from './ports.ts';
import { onSignals } from './signals.ts';
import { levelStore } from './store/level.ts';
import { endingClock } from './ticking.ts';
import { onUnhandled, partOf } from './unhandled.ts';
import { version } from './version.ts';

/** Ends the process as a power cut does. */
const die = (): void => void process.kill(process.pid, 'SIGKILL');

/**
 * Runs a node until it is told to stop; resolves once everything is closed. Rejects when it cannot start. A program with EOB
 * protocols of its own gives them as `experiments`.
 */
export const runNode = async (config: Config, experiments: Experiments = {}): Promise<void> => {
  const { log, reopen } = processLog(config.logLevel, config.logFile);
  const clock = endingClock(systemClock, (error) =>
    log.error({ part: partOf(error), error }, 'an error inside the node, at a time that was set; all else goes on'),
  );
  log.info({ version, crypto: backends(), config: redacted(config) }, 'starting');
  await mkdir(config.networkDir, { recursive: true, mode: 0o700 });
  // Loaded only now: a node without --dev has nothing of it.
  const dev = config.dev && (await import('./dev/dev.ts')).openDev(config.dev, { log, clock, die });
  const disk = await levelStore(join(config.networkDir, 'store'));
  const store = dev?.saves.wrap(disk) ?? disk;
  const chain = bitcoindChain({ ...config.bitcoind, log, clock });

  const stopping = new AbortController();
  let failed: unknown;
  let end: (error?: unknown) => void = () => undefined;
  const ended = new Promise<unknown>((resolve) => {
    end = (error) => {
      failed ??= error;
      stopping.abort();
      resolve(error);
    };
  });
  const unheed = onSignals(process, { log, stop: () => end(), reopen });
  const unwatch = onUnhandled(process, log, end);

  const ports = { chain, store, clock, entropy: systemEntropy, transport: tcpTransport(), log };
  const node = await startNode({
    config,
    ports,
    experiments,
    ...(dev && { hooks: dev.hooks }),
    signal: stopping.signal,
    broke: (error) => {
      log.error({ error }, 'the node cannot go on and stops; start it again once the cause is mended');
      end(error ?? new Error('the node cannot go on'));
    },
  }).catch(async (error: unknown) => {
    await chain.close();
    await store.close();
    clock.end();
    unwatch();
    unheed();
    if (failed !== undefined) throw failed;
    if (stopping.signal.aborted && error instanceof ChainError && error.fault.code === 'closed') return undefined;
    throw error;
  });
  if (node === undefined) {
    log.info({}, 'stopped before the chain answered');
    return;
  }

  let api: Address | undefined;
  const handlers = handlersOf(node, { api: () => api, stop: () => end() }, dev?.handlers(node));
  const answer = jsonRpc({
    handlers,
    dev: config.dev !== undefined,
    broke: (method, error) => log.error({ method, error }, 'a call failed inside the node'),
  });
  const stop = () => node.stop();
  const token = await orElse(tokenIn(config.tokenFile, systemEntropy), stop);
  const http = config.api === undefined ? undefined : await orElse(listenHttp(config.api, token, answer), stop);
  api = http?.address;
  // The socket comes last: whoever waits for it finds a node that is ready.
  const socket = await orElse(listenUnix(config.socket, answer), () => Promise.all([http?.close(), stop()]));
  log.info(
    { id: hex(node.keys.nodeId), alias: node.alias, listen: node.peers.address, api, socket: config.socket },
    'ready',
  );

  const failure = await ended;
  await Promise.all([socket.close(), http?.close()]);
  dev?.saves.release();
  await node.stop();
  clock.end();
  unwatch();
  unheed();
  log.info({}, 'stopped');
  if (failure !== undefined) throw failure;
};
