/**
 * `ampere start`: the real ports, one node, its API, and an orderly end. Signals and the `stop` method end it alike; a failure
 * it cannot go on with ends it at once, with what is on disk as good as after a power cut.
 */

import { join } from 'node:path';
import { hex } from '../wire/bytes.ts';
import { backends } from '../wire/crypto.ts';
import { Notifications } from './api/events/notifications.ts';
import { publishFrom } from './api/events/publish.ts';
import { warningLog } from './api/events/warnings.ts';
import { handlersOf } from './api/handlers.ts';
import { setconfig } from './api/methods/node/setconfig.ts';
import { stop } from './api/methods/node/stop.ts';
import { subscribe } from './api/methods/node/subscribe.ts';
import { nodeMetrics } from './api/metrics/nodemetrics.ts';
import { processMetrics } from './api/metrics/processmetrics.ts';
import { type Client, openClient } from './api/rpc/client.ts';
import { serveCommando } from './api/rpc/commando.ts';
import { earlyHandlers } from './api/rpc/early.ts';
import { type HttpServer, listenHttp } from './api/rpc/http.ts';
import { jsonRpc } from './api/rpc/jsonrpc.ts';
import { listenMetrics, type MetricsServer, metricsRoute, type WriteMetrics } from './api/rpc/metricsroute.ts';
import { performer, type RpcParts } from './api/rpc/perform.ts';
import { restRoute } from './api/rpc/rest.ts';
import { runeGate } from './api/rpc/runegate.ts';
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
import { ChainError } from './chain/errors.ts';
import { type Config, redacted } from './config/config.ts';
import type { Experiments } from './core/hooks.ts';
import { openNode } from './core/node.ts';
import { Progress } from './core/progress.ts';
import type { Node } from './core/running.ts';
import { onUnhandled, partOf } from './core/unhandled.ts';
import { tcpTransport } from './peer/tcp.ts';
import type { Address, Log } from './ports/ports.ts';
import type { Runes } from './runes/runes.ts';
import { gossipFilesAt } from './store/gossipfiles.ts';
import { levelStore } from './store/level.ts';
import type { WebServer } from './web/server.ts';

/** Ends the process as a power cut does. */
const die = (): void => void process.kill(process.pid, 'SIGKILL');

/** A node that a program has started. */
export interface RunningNode {
  /** Its parts. What needs the chain or a peer has to wait for `ready`. */
  readonly node: Omit<Node, 'begin' | 'stop'>;
  /** Calls a method of its API. Throws CallError for what the node answers, ConnectionError once it has stopped. */
  readonly call: Client['call'];
  /** Resolves once it listens and follows its chain; rejects if it ends before that. */
  readonly ready: Promise<void>;
  /** Stops it in order; resolves once everything is closed, also where it had ended by itself. */
  readonly stop: () => Promise<void>;
  /** Resolves once everything is closed, whoever stopped it; rejects with what the node could not go on with. */
  readonly ended: Promise<void>;
}

/** The web page of this node alone, which reads and moves nothing. */
const openWeb = async ({ alias, socket }: Config, listen: Address, log: Log): Promise<WebServer> => {
  const { serveWeb } = await import('./web/server.ts');
  const nodes = [{ name: alias ?? 'this node', socket }];
  return serveWeb({ listen, nodes, lab: false, clock: systemClock, entropy: systemEntropy, log: partLog(log, 'api') });
};

/**
 * Starts a node as `ampere start` does: with bitcoind, a store on disk, its API and the signals of the process. Resolves once its records
 * are read, and while it still comes up; rejects when they cannot be, or its API cannot listen, with everything closed again. Throws
 * DatadirError, StoreError, WalletError, FileError, ListenError, and ConfigError for `experiments` that cannot be: EOB protocols, share
 * schemes and the like of the program's own.
 */
export const runNode = async (config: Config, experiments: Experiments = {}): Promise<RunningNode> => {
  const notifications = new Notifications();
  const { log: plainLog, levels, reopen } = processLog(config.logLevels, config.logFile);
  const log = warningLog(plainLog, notifications, () => systemClock.now());
  const clock = endingClock(systemClock, (error) =>
    log.error({ internal: partOf(error), error }, 'an error inside the node, at a time that was set; all else goes on'),
  );
  log.info({ version, crypto: backends(), network: config.network, dir: config.dir }, 'starting');
  log.debug({ config: redacted(config) }, 'its options');
  await makeFolder(config.networkDir);
  // Loaded only now: a node without --dev has nothing of it.
  const dev = config.dev && (await import('./dev/dev.ts')).openDev(config.dev, { log, clock, die });
  const disk = await levelStore(join(config.networkDir, 'store'));
  const store = dev?.saves.wrap(disk) ?? disk;
  const gossip = gossipFilesAt(join(config.networkDir, 'gossip'));
  const chain = bitcoindChain({ ...config.bitcoind, log: partLog(log, 'chain'), clock });

  let isOver = false;
  let end: (error?: unknown) => void = () => undefined;
  const toldToEnd = new Promise<unknown>((resolve) => {
    end = (error) => {
      isOver = true;
      resolve(error);
    };
  });
  const unheed = onSignals(process, { log, stop: () => end(), reopen });
  const unwatch = onUnhandled(process, log, end);

  // The API comes first: while the node waits for its chain, it can be asked what it waits for, and told to stop.
  const api: { http?: HttpServer; socket?: ApiServer; metrics?: MetricsServer; web?: WebServer } = {};
  const ofProcess = processMetrics();
  /** Of the node, once its records are read. */
  let metrics: WriteMetrics = () => undefined;
  const writeMetrics: WriteMetrics = () => metrics();
  const progress = new Progress();
  const around = {
    api: () => api.http?.address,
    webLink: () => api.web?.link(),
    ...{ stop: () => end(), logLevels: levels, notifications },
  };
  const early = earlyHandlers(() => progress.now);
  const always = {
    stop: (params, call) => stop.handler(around, params, call),
    setconfig: (params, call) => setconfig.handler(around, params, call),
    subscribe: (params, call) => subscribe.handler(around, params, call),
  } satisfies Partial<Handlers>;
  early.use(always);
  const rpc: RpcParts = {
    handlers: early.handlers,
    dev: config.dev !== undefined,
    broke: (method, error) => partLog(log, 'api').error({ method, error }, 'a call failed inside the node'),
  };
  const answer = jsonRpc(rpc);
  let runes: Runes | undefined;
  const gate = runeGate(() => runes);
  const rest = restRoute({ performer: performer(rpc), gate });

  const open = async (): Promise<Node> => {
    const token = await tokenIn(config.tokenFile, systemEntropy);
    if (config.api !== undefined)
      api.http = await listenHttp(config.api, token, answer, [rest, metricsRoute(writeMetrics)]);
    if (config.metrics !== undefined)
      api.metrics = await listenMetrics(config.metrics, writeMetrics, partLog(log, 'api'));
    api.socket = await listenUnix(config.socket, answer);
    if (config.web !== undefined) api.web = await openWeb(config, config.web, log);
    return openNode({
      config,
      ports: { chain, store, gossip, clock, entropy: systemEntropy, transport: tcpTransport(), log },
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
    metrics = nodeMetrics(node, clock, ofProcess.families);
    runes = node.runes;
    serveCommando(node, { answer, gate, clock });
    publishFrom(node, notifications, partLog(log, 'api'));
    const whole = (): void => {
      if (isOver) throw new ChainError({ code: 'closed' });
    };
    const handlers = handlersOf(node, around, dev?.handlers(node));
    early.use({ ...always, getinfo: handlers.getinfo });
    whole();
    await node.begin();
    whole();
    early.use(handlers);
    log.info(
      {
        id: hex(node.keys.nodeId),
        alias: node.alias,
        listen: node.peers.address,
        api: api.http?.address,
        metrics: api.metrics?.address,
        web: api.web?.address,
        socket: config.socket,
      },
      'ready',
    );
  };
  const ready = comeUp();
  // What came up no further because it was told to end has not failed.
  const up = ready.catch((error: unknown) => {
    if (!isOver) end(error);
  });

  let client: Promise<Client> | undefined;
  const finish = async (): Promise<void> => {
    const failure = await toldToEnd;
    // It only reads what it keeps, which waits for nobody.
    const node = await opening.catch(() => undefined);
    (await client?.catch(() => undefined))?.close();
    notifications.publish('shutdown', {});
    await api.web?.close();
    await Promise.all([api.socket?.close(), api.http?.close(), api.metrics?.close()]);
    dev?.saves.release();
    if (node !== undefined) await node.stop();
    else await Promise.all([store.close(), chain.close()]);
    await up;
    ofProcess.stop();
    clock.end();
    unwatch();
    unheed();
    log.info({}, progress.now === undefined ? 'stopped' : 'stopped before it was up');
    if (failure !== undefined) throw failure;
  };
  const ended = finish();
  // Whoever looks at neither has read it in the log.
  ended.catch(() => undefined);
  const node = await opening.catch(async (error: unknown) => {
    await ended;
    throw error;
  });
  return {
    ...{ node, ready, ended },
    call: async (method, ...params) => {
      client ??= openClient(config.socket);
      return (await client).call(method, ...params);
    },
    stop: async () => {
      end();
      await ended.catch(() => undefined);
    },
  };
};
