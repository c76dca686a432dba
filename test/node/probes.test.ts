/** HTLCs of probes: hashes that nobody can open, and results that somebody or nobody waits for. */
import { describe, expect, test } from 'vitest';
import type { Outcome } from '../../amp/io.ts';
import type { Outlet, Route } from '../../amp/route.ts';
import { schemes } from '../../amp/schemes.ts';
import { Graph } from '../../node/graph/graph.ts';
import type { Preference } from '../../node/graph/likelihood.ts';
import { decodeOrigin } from '../../node/pay/origin.ts';
import { Probes, type ProbesParts } from '../../node/pay/probes.ts';
import { createFailure, wrapFailure } from '../../onion/failureonion.ts';
import { peel } from '../../onion/peel.ts';
import { hex } from '../../wire/bytes.ts';
import { sha256 } from '../../wire/crypto.ts';
import { msat, type PaymentHash, scidOf } from '../../wire/units.ts';
import { outlet, scid } from '../amp/byhand.ts';
import { nodeOf } from '../amp/payer.ts';
import { bytes32 } from '../amp/receiver.ts';
import { idOf, keyOf, NOW } from '../support/graph.ts';
import { network } from '../support/network.ts';
import { heldClock, keptLog } from '../support/quiet.ts';

interface Offered {
  readonly number: bigint;
  readonly paymentHash: PaymentHash;
  readonly onion: Uint8Array;
}

const opened = (
  isUsable = true,
  known: Partial<ProbesParts['routes']> = {},
  outlets: readonly Outlet[] = [outlet(0, 1_000_000n)],
) => {
  const clock = heldClock();
  const offered: Offered[] = [];
  const learnt: unknown[] = [];
  let made = 0;
  const probes = new Probes({
    ...{ clock, log: keptLog(), height: () => 500, learn: (event) => learnt.push(event) },
    entropy: { bytes: (n) => sha256(bytes32(++made)).slice(0, n) },
    channels: {
      ...{ outlets: () => outlets, away: () => [] },
      offer: (_, { paymentHash, onion, origin }) => {
        const from = decodeOrigin(origin);
        if (from.kind !== 'probe') throw new Error('expected an offer of a probe');
        offered.push({ number: from.number, paymentHash, onion });
        return isUsable;
      },
      isPreimageKnown: () => false,
      offeredHtlcs: () => [],
    },
    routes: { graph: new Graph(), now: () => 0, source: nodeOf(9), tlvOnly: () => true, ...known },
  });
  return { probes, offered, learnt, clock };
};
const hop = { expiry: 560, tlvOnly: true };
const route: Route = [
  { ...hop, node: idOf('near'), scid: scid(1), amount: msat(1_010n) },
  { ...hop, node: idOf('far'), scid: scid(2), amount: msat(1_000n) },
];
/** What the far node, or the near one, answers to an offer. */
const answered = ({ onion, paymentHash }: Offered, who: 'near' | 'far'): Outcome => {
  const near = peel({ nodeKey: keyOf('near'), packet: onion, associatedData: paymentHash });
  if (near.kind !== 'forward') throw new Error('the near node cannot read its onion');
  if (who === 'near') {
    const busy = { name: 'temporary_channel_failure', channel_update: new Uint8Array() } as const;
    return { kind: 'failed', reason: createFailure(near.sharedSecret, busy) };
  }
  const far = peel({ nodeKey: keyOf('far'), packet: near.next, associatedData: paymentHash });
  if (far.kind !== 'final') throw new Error('the far node cannot read its onion');
  const unknown = { name: 'incorrect_or_unknown_payment_details', htlc_msat: msat(1_000n), height: 500 } as const;
  return {
    kind: 'failed',
    reason: wrapFailure(near.sharedSecret, createFailure(far.sharedSecret, unknown)),
  };
};
const first = ({ offered }: ReturnType<typeof opened>): Offered => {
  const [one] = offered;
  if (one === undefined) throw new Error('nothing was offered');
  return one;
};

describe('a probe', () => {
  test('that the destination answers was carried, and payments learn so of the channels on its way', async () => {
    const node = opened();
    const over = node.probes.alone(route, 1_000);
    node.probes.outcome(first(node).number, answered(first(node), 'far'));
    expect((await over).end).toEqual({ kind: 'carried' });
    expect(node.learnt).toMatchObject([{ event: 'shard_failed', hop: 1 }]);
  });

  test('that fails on its way was not, and payments learn where', async () => {
    const node = opened();
    const over = node.probes.alone(route, 1_000);
    node.probes.outcome(first(node).number, answered(first(node), 'near'));
    expect((await over).end).toMatchObject({ kind: 'failed', failure: { index: 1, code: 0x1007 } });
    expect(node.learnt).toMatchObject([{ hop: 0, failure: 'temporary_channel_failure' }]);
  });

  test('has a payment hash of its own, of which this node knows no more than its bytes', async () => {
    const { probes, offered, clock } = opened();
    const both = Promise.all([probes.alone(route, 10), probes.alone(route, 10)]);
    expect(new Set(offered.map(({ paymentHash }) => hex(paymentHash))).size).toBe(2);
    clock.pass(10);
    await both;
  });

  test('without an answer ends with its time, and what comes later is passed over', async () => {
    const node = opened();
    const over = node.probes.alone(route, 1_000);
    expect(node.probes.count).toBe(1);
    node.clock.pass(1_000);
    expect((await over).end).toEqual({ kind: 'no_answer' });
    node.probes.outcome(first(node).number, answered(first(node), 'near'));
    expect([node.probes.count, node.learnt]).toEqual([0, []]);
  });

  test('that no channel takes fails here', async () => {
    const { probes } = opened(false);
    expect((await probes.alone(route, 1_000)).end).toMatchObject({ kind: 'failed', failure: { index: 0 } });
    expect(probes.count).toBe(0);
  });

  test('goes by the channels of low fees or by the likely ones, as the caller prefers, or as payments do', () => {
    const graph = network([
      ['middle', 'payee', 1, { feeBase: 0n, feeProportional: 100, cltvExpiryDelta: 40 }],
      ['middle', 'payee', 2, { feeBase: 0n, feeProportional: 1_000, cltvExpiryDelta: 40 }],
    ]);
    const learnt = { scids: () => [scidOf(1, 0, 0)], of: () => ({ low: 0, high: 205_000_000 }) };
    const known: Partial<ProbesParts['routes']> = { graph, now: () => NOW, learnt };
    const outlets = [{ scid: scidOf(3, 0, 0), peer: idOf('middle'), spendable: msat(900_000_000n), slots: 483 }];
    const asked = (prefer: Preference | undefined, ofPayments?: Preference) => {
      const { probes } = opened(true, { ...known, prefer: ofPayments }, outlets);
      const avoid = { nodes: [], excluded: [] };
      const query = { destination: idOf('payee'), amount: msat(200_000_000n), finalCltv: 43, avoid, prefer };
      return probes.route(query)?.[1]?.scid;
    };
    expect(asked('cheap')).toBe(scidOf(1, 0, 0));
    expect(asked('reliable')).toBe(scidOf(2, 0, 0));
    expect(asked(undefined, 'cheap')).toBe(scidOf(1, 0, 0));
    expect(asked(undefined, 'reliable')).toBe(scidOf(2, 0, 0));
  });

  test('of several parts is none where there are no routes for all of them', async () => {
    const { probes, offered } = opened();
    const query = {
      destination: nodeOf(0),
      amount: msat(1_500_000n),
      finalCltv: 43,
      avoid: { nodes: [], excluded: [] },
    };
    const fixed = schemes.get('fixed');
    if (fixed === undefined) throw new Error('no such scheme');
    expect(await probes.together(query, fixed, 2, 1_000)).toBeUndefined();
    expect(offered).toEqual([]);
  });
});
