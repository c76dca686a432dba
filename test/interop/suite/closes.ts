/** Cases of channels that are closed, together and by force, each opened for its case. */
import { expect } from 'vitest';
import { z } from 'zod';
import { networkOf } from '../../../node/ports/network.ts';
import { until } from '../../../node/regtest/demo/wait.ts';
import { addressOfScript } from '../../../node/wallet/address.ts';
import { concat, hex, unhex } from '../../../wire/bytes.ts';
import type { Kind } from '../peers/peer.ts';
import type { Case, Way } from './case.ts';
import { Pair } from './pair.ts';

const sat = 1_000_000n;
const pushMsat = 400_000_000n;
/** At most this much, in satoshi, may fees, dust and anchors take from us in a close by force. */
const losses = 40_000n;
const mostBlocks = 400;

const other = (way: Way): Way => (way === 'out' ? 'in' : 'out');

export const startCloses = (kind: Kind): Promise<Pair> => Pair.start(kind, { coins: 6 });

interface Spending {
  readonly txid: string;
  readonly outputs: readonly { readonly sat: bigint; readonly script: string }[];
}

const spending = z.array(z.object({ spendingtxid: z.string().optional() }));
const rawTransaction = z.object({
  vout: z.array(
    z
      .object({ value: z.union([z.string(), z.number()]), scriptPubKey: z.object({ hex: z.string() }) })
      .transform((one) => ({ sat: BigInt(Math.round(Number(one.value) * 1e8)), script: one.scriptPubKey.hex })),
  ),
});

/** The transaction, in bitcoind's mempool, that spends a channel's funding output. */
const spender = ({ net: { bitcoind } }: Pair, txid: string, vout: number): Promise<Spending> =>
  until(`${txid}:${vout} to be spent`, async () => {
    const [found] = spending.parse(await bitcoind.call('gettxspendingprevout', [{ txid, vout }]));
    if (found?.spendingtxid === undefined) return undefined;
    const tx = rawTransaction.parse(await bitcoind.call('getrawtransaction', found.spendingtxid, true));
    return { txid: found.spendingtxid, outputs: tx.vout };
  });

interface How {
  readonly address?: string;
  readonly perKw?: number;
}

/** Closes a channel together, and gives the closing transaction; a block with it is mined. */
const closed = async (pair: Pair, way: Way, channelId: string, { address, perKw }: How = {}): Promise<Spending> => {
  const { funding_txid, funding_outnum } = await pair.channel(channelId);
  if (way === 'out') {
    const to = address === undefined ? {} : { destination: address };
    const range = perKw === undefined ? {} : { feerange: [`${perKw}perkw`, `${perKw}perkw`] };
    expect(await pair.ours.call('close', { id: channelId, ...to, ...range })).toMatchObject({ type: 'mutual' });
  } else await pair.peer.close(channelId, { ...(address && { address }), ...(perKw !== undefined && { perKw }) });
  const closing = await spender(pair, funding_txid, funding_outnum);
  await pair.mine(1);
  return closing;
};

/** What our wallet has of a transaction, in satoshi. */
const ownOf = async ({ ours }: Pair, txid: string): Promise<readonly bigint[]> => {
  const { outputs } = await ours.call('listfunds');
  return outputs.filter((one) => one.txid === txid).map(({ amount_msat }) => amount_msat / 1000n);
};

/** A channel that is new may not be among those that the peer pays from yet. */
const firstPayment = (pair: Pair): Promise<true> =>
  until(`${pair.peer.name} to pay`, () => pair.pay('in', 2_345_000n).then((): true => true));

const together = (
  text: string,
  openerOf: (closer: Way) => Way,
  anchors: boolean,
  ways: readonly Way[] = ['out', 'in'],
): Case<Pair> => ({
  text,
  ways,
  needs: [anchors ? 'anchors' : 'static_remotekey'],
  run: async (pair, way) => {
    const opener = openerOf(way);
    const channelId = await pair.open(opener, { sat, pushMsat, anchors });
    expect((await pair.channel(channelId)).channel_type?.bits).toEqual(anchors ? [12, 22] : [12]);
    await pair.pay('out', 1_234_000n);
    await pair.rest([channelId]);
    await firstPayment(pair);
    const share = (await pair.rest([channelId])) / 1000n;
    const { txid, outputs } = await closed(pair, way, channelId);
    const fee = sat - outputs.reduce((sum, one) => sum + one.sat, 0n);
    expect(fee).toBeGreaterThan(0n);
    expect(fee).toBeLessThan(sat / 100n);
    expect(await ownOf(pair, txid)).toEqual([opener === 'out' ? share - fee : share]);
  },
});

/** A script of 34 bytes: version, length and a program (BIP 141). */
const addressOf = (version: number, program: Uint8Array): string =>
  addressOfScript(concat(Uint8Array.of(version, 32), program), networkOf('regtest')) ?? '';

const byForce = (
  text: string,
  openerOf: (closer: Way) => Way,
  anchors: boolean,
  ways: readonly Way[] = ['out', 'in'],
): Case<Pair> => ({
  text,
  ways,
  needs: ['force close', 'hold invoices', 'claims listed', anchors ? 'anchors' : 'static_remotekey'],
  run: async (pair, way) => {
    const { ours, peer } = pair;
    const channelId = await pair.open(openerOf(way), { sat, pushMsat: 500_000_000n, anchors });
    await firstPayment(pair);
    const before = (await pair.rest([channelId])) / 1000n;
    const [paid, lost] = [await pair.hold('out', 30_000_000n), await pair.hold('out', 20_000_000n)];
    const back = await pair.hold('in', 25_000_000n);
    const { funding_txid, funding_outnum } = await pair.channel(channelId);
    const coins = async (): Promise<bigint> => {
      const { outputs } = await ours.call('listfunds');
      return outputs.reduce((sum, one) => (one.status === 'confirmed' ? sum + one.amount_msat / 1000n : sum), 0n);
    };
    const had = await coins();
    if (way === 'out') await ours.call('close', { id: channelId, unilateraltimeout: 1 });
    else await peer.forceClose(channelId);
    await spender(pair, funding_txid, funding_outnum);
    await pair.mine(1);
    await pair.settle('out', paid);
    await pair.settle('in', back);
    for (let mined = 0; ; mined += 6) {
      await pair.mine(6);
      const { channels } = await ours.call('listpeerchannels', { channel_id: channelId });
      const isDone = channels.every(
        ({ htlcs, status }) => htlcs.length === 0 && status.join().includes('every output is settled'),
      );
      if (isDone && (await peer.waitsFor()).length === 0) break;
      if (mined > mostBlocks)
        throw new Error(`not swept: we say ${channels[0]?.status.join()}, the peer ${(await peer.waitsFor()).join()}`);
    }
    expect(await paid.end).toBe('paid');
    expect(await back.end).toBe('paid');
    expect(await lost.end).not.toBe('paid');
    const gained = (await coins()) - had;
    const mine = before - 30_000n + 25_000n;
    expect(gained).toBeLessThanOrEqual(mine);
    expect(gained).toBeGreaterThan(mine - losses);
  },
});

export const closes: readonly Case<Pair>[] = [
  together('A closes a channel with anchors that it opened, and each has what was its own', (way) => way, true),
  together('A closes a channel with anchors that B opened, and each has what was its own', other, true),
  // Without anchors we open: an opener that knows them and does not ask for them is refused by our node.
  together('A closes a channel without anchors that it opened, and each has what was its own', (way) => way, false, [
    'out',
  ]),
  together('A closes a channel without anchors that B opened, and each has what was its own', other, false, ['in']),
  {
    text: 'A has 353, 354, 355 and 546 sat left in channels that B opened, and closes each',
    run: async (pair, way) => {
      const left = [353n, 354n, 355n, 546n];
      const ids: string[] = [];
      for (const one of left) ids.push(await pair.begin(other(way), { sat: 300_000n, pushMsat: one * 1000n }));
      await pair.mine(6);
      for (const id of ids)
        await until(`channel ${id} to be usable`, async () =>
          (await pair.channel(id)).state === 'CHANNELD_NORMAL' && (await pair.theirs(id)).usable ? true : undefined,
        );
      for (const [i, id] of ids.entries()) {
        const { outputs } = await closed(pair, way, id);
        const small = outputs.filter((one) => one.sat < 1_000n).map((one) => one.sat);
        // Below the dust limit of the channel, a side may leave its output out (BOLT 2, "Closing Negotiation").
        expect([[], [left[i]]]).toContainEqual(small);
      }
    },
  },
  ...[
    { name: 'P2WSH', version: 0 },
    { name: 'P2TR', version: 0x51 },
  ].map(
    ({ name, version }): Case<Pair> => ({
      text: `A closes a channel to an address of ${name}`,
      needs: ['closing script'],
      run: async (pair, way) => {
        const program = unhex('79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798');
        const channelId = await pair.open('out', { sat, pushMsat });
        const { outputs } = await closed(pair, way, channelId, { address: addressOf(version, program) });
        expect(outputs.map(({ script }) => script)).toContain(hex(concat(Uint8Array.of(version, 32), program)));
      },
    }),
  ),
  {
    text: 'A opens a channel and closes it with a feerate above and below what B expects',
    needs: ['closing feerate'],
    run: async (pair, way) => {
      for (const perKw of [8000, 500]) {
        const channelId = await pair.open(way, { sat, pushMsat });
        const { outputs } = await closed(pair, way, channelId, { perKw });
        // A closing of two outputs weighs 672 to 700 (BOLT 3).
        const rate = ((sat - outputs.reduce((sum, one) => sum + one.sat, 0n)) * 1000n) / 690n;
        expect(rate).toBeGreaterThan((BigInt(perKw) * 8n) / 10n);
        expect(rate).toBeLessThan((BigInt(perKw) * 13n) / 10n);
      }
    },
  },
];

/** With HTLCs under way in both directions. */
export const forced: readonly Case<Pair>[] = [
  byForce(
    'A closes by force a channel with anchors that it opened, HTLCs under way, and all is swept',
    (way) => way,
    true,
  ),
  byForce(
    'A closes by force a channel without anchors that B opened, HTLCs under way, and all is swept',
    other,
    false,
    ['in'],
  ),
];
