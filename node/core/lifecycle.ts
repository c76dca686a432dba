/**
 * Starts the parts of a node in order, and stops them, whenever that is asked. The chain may be away all the while: whatever waits for it
 * is aborted and does not delay the stop.
 */

import { everySecond } from '../base/timers.ts';
import { checkNetwork } from '../chain/bitcoind.ts';
import { ChainError } from '../chain/errors.ts';
import { retryWhile } from '../chain/retry.ts';
import { releaseUnusedFundings } from '../channels/chaineffects.ts';
import { shortageOf, warnOfShortage } from '../channels/reserve.ts';
import type { ChainServices } from './chainservices.ts';
import type { Identity } from './identity.ts';
import type { PaymentServices } from './paymentservices.ts';
import type { Node } from './running.ts';

/** Milliseconds that requests to the chain get to finish when the node stops. */
const CHAIN_GRACE = 1_000;

export interface LifecycleParts {
  readonly identity: Identity;
  readonly chain: ChainServices;
  readonly payments: PaymentServices;
}

/** `begin` and `stop` of a node. */
export const lifecycleOf = (parts: LifecycleParts): Pick<Node, 'begin' | 'stop'> => {
  const { config, progress, peers, traceFeed, gate, disk, logs, later, fatal } = parts.identity;
  const { clock, store } = parts.identity.ports;
  const { chain, network, wallet, follower, outage, channels, channelHost, onchain, backups } = parts.chain;
  const { payments, sendpays, receiver, htlcSwitch, knowledge } = parts.payments;
  const stopping = new AbortController();
  const { signal } = stopping;
  let ticking = (): void => undefined;
  let begun: Promise<void> | undefined;
  let stopped: Promise<void> | undefined;

  /** Throws ChainError `closed` once the node was told to stop: the next step of the start is not begun. */
  const unlessStopped = (): void => {
    if (signal.aborted) throw new ChainError({ code: 'closed' });
  };

  const run = async (): Promise<void> => {
    unlessStopped();
    const where = `${config.bitcoind.host}:${config.bitcoind.port}`;
    let why: string | undefined;
    const onProblem = (reason: string | undefined): void => {
      why = reason;
    };
    progress.at(() => `waits for bitcoind at ${where}${why === undefined ? '' : ` (${why})`}`);
    await retryWhile({ clock, log: logs.chain, signal, onProblem }, () => checkNetwork(chain, network.chain));
    unlessStopped();
    gate.save(await parts.chain.feerates.refresh());
    unlessStopped();
    await follower.start(fatal);
    progress.at(() => `takes up its channels at block ${follower.height}`);
    await releaseUnusedFundings(wallet, channels.entries);
    htlcSwitch.restore();
    channelHost.begin();
    await parts.chain.forgotten.begin();
    await channels.settled();
    unlessStopped();
    // A crash may have come between saving the last block and handing it to the channels.
    channelHost.block(follower.top.height);
    parts.chain.rebroadcast();
    await onchain.start();
    payments.resume();
    sendpays.resume();
    receiver.start();
    ticking = everySecond(clock, () => {
      outage.check();
      parts.chain.sync.tick();
      void disk.check();
      payments.tick();
      knowledge.tick();
    });
    // At an old height an HTLC seems to have more time than it has: a node with channels connects to no peer before it has caught up.
    if (channels.entries.size > 0) {
      progress.at(
        () =>
          `stands at block ${follower.height} and ${follower.problem === undefined ? 'reads those that came while it was away' : `waits: ${follower.problem}`}`,
      );
      await follower.caughtUp;
    }
    unlessStopped();
    parts.chain.setReachable(follower.top.height);
    parts.chain.checkGraph();
    if (config.listen !== undefined) await peers.listen(config.listen);
    unlessStopped();
    for (const entry of channels.entries.values()) parts.chain.reconnecting.keepConnected(entry);
    warnOfShortage(logs.wallet, shortageOf(config.reserve, channels.entries.values(), wallet));
    backups.refresh();
    progress.done();
  };

  const end = async (): Promise<void> => {
    stopping.abort();
    const cancelGrace = clock.after(CHAIN_GRACE, () => void chain.close());
    const following = follower.stop();
    // Its error goes to whoever called `begin`; here it matters only that it has ended.
    await begun?.catch(() => undefined);
    ticking();
    payments.stop();
    later.cancel();
    await peers.stop();
    traceFeed.stop();
    htlcSwitch.stop();
    await gate.waitUnlessFailed(following);
    await gate.waitUnlessFailed(onchain.stop());
    await gate.waitUnlessFailed(receiver.stop());
    for (const part of [payments, channels]) await gate.waitUnlessFailed(part.settled());
    knowledge.write();
    await gate.waitUnlessFailed(gate.allSaved());
    await parts.chain.checks.stop();
    await backups.settled();
    await parts.chain.graphStore.close();
    await store.close();
    cancelGrace();
    await chain.close();
  };

  return {
    begin: () => {
      begun ??= gate.waitUnlessFailed(run());
      return begun;
    },
    stop: () => {
      stopped ??= end();
      return stopped;
    },
  };
};
