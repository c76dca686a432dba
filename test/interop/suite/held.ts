/**
 * Payments that wait at the peer, sent over a route that the test writes: among them those that the peer never takes, also where it would
 * take all that wait together.
 */
import type { NodeProcess } from '../../../node/regtest/demo/process.ts';
import { until } from '../../../node/regtest/demo/wait.ts';
import { outcome, type Pair, type Waiting } from './pair.ts';

/** How long a payment that waits may last, in seconds: longer than the chain takes to end it. */
const patience = 280;

export interface Hop {
  readonly id: string;
  readonly channel: string | undefined;
  readonly amount_msat: bigint;
  readonly delay: number;
}

export interface Held {
  readonly amountMsat: bigint;
  /** Whether the peer is never to take it. */
  readonly isLost: boolean;
}

/**
 * A payment of a node of ours that waits at the peer. A peer that takes all that wait together is sent half of one that is to be lost, and
 * waits for the other half. The route is told what its last hop's expiry must be, in blocks.
 */
export const holdOver = async (
  pair: Pair,
  payer: NodeProcess,
  { amountMsat, isLost }: Held,
  routeOf: (delay: number) => Hop[],
): Promise<Waiting> => {
  const { peer } = pair;
  const isHalf = isLost && peer.kind.cannot['one payment taken of several'] !== undefined;
  const whole = isHalf ? 2n * amountMsat : amountMsat;
  const { bolt11, paymentHash } = await peer.holdInvoice(whole);
  const { payment_secret, min_final_cltv_expiry: delay = 0 } = await payer.call('decode', { string: bolt11 });
  const part = isHalf ? { partid: 1, amount_msat: whole } : {};
  const route = routeOf(delay + 3);
  await payer.call('sendpay', { route, payment_hash: paymentHash, payment_secret, ...part });
  const waited = payer.call('waitsendpay', {
    payment_hash: paymentHash,
    timeout: patience,
    ...(isHalf && { partid: 1 }),
  });
  const end = outcome(waited);
  if (isHalf) await isCommitted(pair, paymentHash);
  else await peer.isHeld(paymentHash);
  return { paymentHash, end };
};

/** Waits until both commitments have an HTLC that our node has offered. */
const isCommitted = async ({ ours }: Pair, paymentHash: string): Promise<void> => {
  await until('an HTLC to be in both commitments', async () => {
    const { htlcs } = await ours.call('listhtlcs');
    const found = htlcs.find((one) => one.payment_hash === paymentHash && one.state === 'RCVD_ADD_ACK_COMMIT');
    return found === undefined ? undefined : true;
  });
};

/** A payment of ours over a channel with the peer that waits there. */
export const holdOut = async (pair: Pair, channelId: string, amountMsat: bigint, isLost = false): Promise<Waiting> => {
  const { short_channel_id: channel } = await pair.channel(channelId);
  const held = { amountMsat, isLost };
  return holdOver(pair, pair.ours, held, (delay) => [{ id: pair.peer.id, channel, amount_msat: amountMsat, delay }]);
};
