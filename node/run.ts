/**
 * `ampere start`: the real ports, one node, its API, and an orderly end. Signals and the `stop` method end it alike; a failure
 * it cannot go on with ends it at once, with what is on disk as good as after a power cut.
 */

import { join } from 'node:path';
import { hex } from '../wire/bytes.ts';
import { backends } from '../wire/crypto.ts';
import { handlersOf } from './api/handlers.ts';
import { setconfig } from './api/methods/node/setconfig.ts';
import { stop } from './api/methods/node/stop.ts';
import { earlyHandlers } from './api/rpc/early.ts';
import { type HttpServer, listenHttp } from './api/rpc/http.ts';
import { jsonRpc } from './api/rpc/jsonrpc.ts';
import { tokenIn } from './api/rpc/token.ts';
import { type ApiServer, listenUnix } from './api/rpc/unix.ts';
import type { Handlers } from './api/table.ts';
import { systemClock, systemEntropy } from './base/entropy.ts';
import { makeFolder } from './base/files.ts';
import { processLog } from './base/log.ts';
import { partLog } from './base/loglevels.ts';
import { onSignals } from './base/signals.ts';
import { endingClock } from './base/timers.ts';
import { version } from './base/version.ts';
import { bitcoindChain } from './chain/bitcoind.ts';
import { type Config, redacted } from './config/config.ts';
import type { Experiments } from './core/hooks.ts';
import { openNode } from './core/node.ts';
import { Progress } from './core/progress.ts';
import type { Node } from './core/running.ts';
import { onUnhandled, partOf } from './core/unhandled.ts';
import { tcpTransport } from './peer/tcp.ts';
import { levelStore } from './store/level.ts';

/** Ends the process as a power cut does. */
const die = (): void => void process.kill(process.pid, 'SIGKILL');

/**
 * Runs a node until it is told to stop; resolves once everything is closed. Rejects when it cannot start. A program with EOB
 * protocols of its own gives them as `experiments`.
 */
export const runNode = async (config: Config, experiments: Experiments = {}): Promise<void> => {
  const { log, levels, reopen } = processLog(config.logLevels, config.logFile);
  const clock = endingClock(systemClock, (error) =>
    log.error({ internal: partOf(error), error }, 'an error inside the node, at a time that was set; all else goes on'),
  );
  log.info({ version, crypto: backends(), config: redacted(config) }, 'starting');
  await makeFolder(config.networkDir);
  // Loaded only now: a node without --dev has nothing of it.
  const dev = config.dev && (await import('./dev/dev.ts')).openDev(config.dev, { log, clock, die });
  const disk = await levelStore(join(config.networkDir, 'store'));
  const store = dev?.saves.wrap(disk) ?? disk;
  const chain = bitcoindChain({ ...config.bitcoind, log: partLog(log, 'chain'), clock });

  let isOver = false;
  let end: (error?: unknown) => void = () => undefined;
  const ended = new Promise<unknown>((resolve) => {
    end = (error) => {
      isOver = true;
      resolve(error);
    };
  });
  const unheed = onSignals(process, { log, stop: () => end(), reopen });
  const unwatch = onUnhandled(process, log, end);

  // The API comes first: while the node waits for its chain, it can be asked what it waits for, and told to stop.
  const api: { http?: HttpServer; socket?: ApiServer } = {};
  const progress = new Progress();
  const around = { api: () => api.http?.address, stop: () => end(), logLevels: levels };
  const early = earlyHandlers(() => progress.now);
  const always = {
    stop: (params, call) => stop.handler(around, params, call),
    setconfig: (params, call) => setconfig.handler(around, params, call),
  } satisfies Partial<Handlers>;
  early.use(always);
  const answer = jsonRpc({
    handlers: early.handlers,
    dev: config.dev !== undefined,
    broke: (method, error) => partLog(log, 'api').error({ method, error }, 'a call failed inside the node'),
  });

  const open = async (): Promise<Node> => {
    const token = await tokenIn(config.tokenFile, systemEntropy);
    if (config.api !== undefined) api.http = await listenHttp(config.api, token, answer);
    api.socket = await listenUnix(config.socket, answer);
    return openNode({
      config,
      ports: { chain, store, clock, entropy: systemEntropy, transport: tcpTransport(), log },
      experiments,
      progress,
      ...(dev && { hooks: dev.hooks }),
      onFailure: (error) => {
        // What has a sentence for people needs no stack.
        const cause = error instanceof Error && 'fault' in error ? { reason: error.message } : { error };
        log.error(cause, 'the node cannot go on and stops; start it again once the cause is mended');
        end(error ?? new Error('the node cannot go on'));
      },
    });
  };
  const opening = open();

  const comeUp = async (): Promise<void> => {
    const node = await opening;
    const handlers = handlersOf(node, around, dev?.handlers(node));
    early.use({ ...always, getinfo: handlers.getinfo });
    if (isOver) return;
    await node.begin();
    if (isOver) return;
    early.use(handlers);
    log.info(
      {
        id: hex(node.keys.nodeId),
        alias: node.alias,
        listen: node.peers.address,
        api: api.http?.address,
        socket: config.socket,
      },
      'ready',
    );
  };
  // What came up no further because it was told to end has not failed.
  const up = comeUp().catch((error: unknown) => {
    if (!isOver) end(error);
  });

  const failure = await ended;
  // It only reads what it keeps, which waits for nobody.
  const node = await opening.catch(() => undefined);
  await Promise.all([api.socket?.close(), api.http?.close()]);
  dev?.saves.release();
  if (node !== undefined) await node.stop();
  else await Promise.all([store.close(), chain.close()]);
  await up;
  clock.end();
  unwatch();
  unheed();
  log.info({}, progress.now === undefined ? 'stopped' : 'stopped before it was up');
  if (failure !== undefined) throw failure;
};
