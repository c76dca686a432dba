/**
 * How a node that has been put together comes up, part after part, and how it ends, at whatever point that is asked of it. The
 * chain may be away all the while: what waits for it is told to end, and never holds up the end.
 */

import { partLog } from '../base/loglevels.ts';
import { everySecond, type Later } from '../base/timers.ts';
import { checkNetwork } from '../chain/bitcoind.ts';
import { ChainError } from '../chain/errors.ts';
import type { Feerates } from '../chain/feerate.ts';
import { retryWhile } from '../chain/retry.ts';
import { releaseUnusedFundings } from '../channels/chaineffects.ts';
import type { ForgottenChannels } from '../channels/forgotten.ts';
import { shortageOf, warnOfShortage } from '../channels/reserve.ts';
import type { HtlcSwitch } from '../forward/htlcswitch.ts';
import type { GraphStore } from '../graph/persist.ts';
import type { Progress } from './progress.ts';
import type { Node } from './running.ts';

/** Milliseconds that the chain gets, when the node ends, for what it is asked just then. */
const CHAIN_GRACE = 1_000;

export interface LifecycleParts extends Omit<Node, 'begin' | 'stop'> {
  readonly progress: Progress;
  readonly feerates: Feerates;
  readonly forgotten: ForgottenChannels;
  readonly htlcSwitch: HtlcSwitch;
  readonly saved: GraphStore;
  readonly later: Later;
  readonly fatal: (error: unknown) => void;
  /** Sends our own transactions again that are not confirmed. */
  readonly rebroadcast: () => void;
  /** Peers can be reached from this height on. */
  readonly reachable: (height: number) => void;
}

/** `begin` and `stop` of a node. */
export const lifecycleOf = (parts: LifecycleParts): Pick<Node, 'begin' | 'stop'> => {
  const { config, ports, network, progress, follower, channels, peers, payments, receiver, onchain, gate } = parts;
  const { chain, clock, log, store } = ports;
  const stopping = new AbortController();
  const { signal } = stopping;
  let ticking = (): void => undefined;
  let begun: Promise<void> | undefined;
  let stopped: Promise<void> | undefined;

  /** What is not begun any more once the node was told to end. */
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
    await retryWhile({ clock, log: partLog(log, 'chain'), signal, onProblem }, () =>
      checkNetwork(chain, network.chain),
    );
    unlessStopped();
    gate.save(await parts.feerates.refresh());
    unlessStopped();
    await follower.start(parts.fatal);
    progress.at(() => `takes up its channels at block ${follower.height}`);
    await releaseUnusedFundings(parts.wallet, channels.entries);
    parts.htlcSwitch.restore();
    channels.begin();
    await parts.forgotten.begin();
    await channels.settled();
    unlessStopped();
    // What the last block meant to each was perhaps written and not told.
    channels.block(follower.top.height);
    parts.rebroadcast();
    await onchain.start();
    payments.resume();
    receiver.start();
    ticking = everySecond(clock, () => {
      parts.outage.check();
      void parts.disk.look();
      payments.tick();
    });
    // At a height that is long past, an HTLC seems to have time that it has not: with channels, nobody is spoken to before.
    if (channels.entries.size > 0) {
      progress.at(
        () =>
          `stands at block ${follower.height} and ${follower.problem === undefined ? 'reads those that came while it was away' : `waits: ${follower.problem}`}`,
      );
      await follower.caughtUp;
    }
    unlessStopped();
    parts.reachable(follower.top.height);
    if (config.listen !== undefined) await peers.listen(config.listen);
    unlessStopped();
    for (const entry of channels.entries.values()) parts.reconnecting.keepConnected(entry);
    warnOfShortage(partLog(log, 'wallet'), shortageOf(config.reserve, channels.entries.values(), parts.wallet));
    parts.backups.refresh();
    progress.done();
  };

  const end = async (): Promise<void> => {
    stopping.abort();
    const hurry = clock.after(CHAIN_GRACE, () => void chain.close());
    const following = follower.stop();
    // Whoever waits for it is told; here it matters only that nothing is begun any more.
    await begun?.catch(() => undefined);
    ticking();
    payments.stop();
    parts.later.cancel();
    await peers.stop();
    parts.htlcSwitch.stop();
    await gate.unlessBroken(following);
    await gate.unlessBroken(onchain.stop());
    await gate.unlessBroken(receiver.stop());
    for (const part of [payments, channels, gate]) await gate.unlessBroken(part.settled());
    await parts.backups.settled();
    await parts.saved.flush();
    await store.close();
    hurry();
    await chain.close();
  };

  return {
    begin: () => {
      begun ??= gate.unlessBroken(run());
      return begun;
    },
    stop: () => {
      stopped ??= end();
      return stopped;
    },
  };
};
