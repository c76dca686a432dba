/** Cases of channels that are closed together, each opened for its case. */
import { expect } from 'vitest';
import { networkOf } from '../../../node/ports/network.ts';
import { until } from '../../../node/regtest/demo/wait.ts';
import { addressOfScript } from '../../../node/wallet/address.ts';
import { concat, hex, unhex } from '../../../wire/bytes.ts';
import type { Ability, Kind } from '../peers/peer.ts';
import type { Case, Way } from './case.ts';
import { payMuch } from './endurance.ts';
import { fundingOf, type Spending, spender, swept } from './onchain.ts';
import { Pair } from './pair.ts';

const sat = 1_000_000n;
const pushMsat = 400_000_000n;
/** At most this much, in satoshi, may a closing cost: Electrum has it at 45,000 sat per 1,000 weight. */
const mostFee = 40_000n;

const other = (way: Way): Way => (way === 'out' ? 'in' : 'out');

export const startCloses = (kind: Kind): Promise<Pair> => Pair.start(kind, { coins: 6 });
export const startClosesWithout = (kind: Kind): Promise<Pair> => Pair.start(kind, { coins: 6, anchors: false });
/** With a further node of ours, for channels that are closed by force while payments pass through. */
export const startForced = (kind: Kind): Promise<Pair> => Pair.start(kind, { coins: 6, beyond: true });
export const startForcedWithout = (kind: Kind): Promise<Pair> =>
  Pair.start(kind, { coins: 6, beyond: true, anchors: false });

interface How {
  readonly address?: string;
  readonly perKw?: number;
}

/** Closes a channel together, and gives the closing transaction; a block with it is mined. */
const closed = async (pair: Pair, way: Way, channelId: string, { address, perKw }: How = {}): Promise<Spending> => {
  const funding = await fundingOf(pair, channelId);
  if (way === 'out') {
    const to = address === undefined ? {} : { destination: address };
    const range = perKw === undefined ? {} : { feerange: [`${perKw}perkw`, `${perKw}perkw`] };
    expect(await pair.ours.call('close', { id: channelId, ...to, ...range })).toMatchObject({ type: 'mutual' });
  } else await pair.peer.close(channelId, { ...(address && { address }), ...(perKw !== undefined && { perKw }) });
  const closing = await spender(pair, funding);
  await pair.mine(1);
  return closing;
};

/** What our wallet has of a transaction, in satoshi. */
const ownOf = async ({ ours }: Pair, txid: string): Promise<readonly bigint[]> => {
  const { outputs } = await ours.call('listfunds');
  return outputs.filter((one) => one.txid === txid).map(({ amount_msat }) => amount_msat / 1000n);
};

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
    await pair.firstPayment();
    const share = (await pair.rest([channelId])) / 1000n;
    const funding = await fundingOf(pair, channelId);
    const { txid, outputs } = await closed(pair, way, channelId);
    const fee = sat - outputs.reduce((sum, one) => sum + one.sat, 0n);
    expect(fee).toBeGreaterThan(0n);
    expect(fee).toBeLessThan(mostFee);
    expect(await ownOf(pair, txid)).toEqual([opener === 'out' ? share - fee : share]);
    // LDK is paid at a key of the channel's, and brings that home.
    const { gained } = await swept(pair, channelId, funding, { weSaySo: false });
    expect(gained.get('theirs') ?? 0n).toBeGreaterThan(sat - share - mostFee);
  },
});

/** A version, the length of a program, and that (BIP 141). */
const programScript = (version: number, length: number): Uint8Array => {
  const program = unhex('79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798').subarray(0, length);
  return concat(Uint8Array.of(version, length), program);
};

/** Amounts about the least that an output may have (BOLT 3, "Dust Limits"). */
const crumbs = (text: string, amounts: readonly bigint[], needs: readonly Ability[] = []): Case<Pair> => ({
  text,
  needs: { out: needs, in: ['closing with little left', ...needs] },
  run: async (pair, way) => {
    const ids: string[] = [];
    for (const one of amounts) ids.push(await pair.begin(other(way), { sat: 300_000n, pushMsat: one * 1000n }));
    await pair.mine(6);
    for (const id of ids)
      await until(`channel ${id} to be usable`, async () =>
        (await pair.channel(id)).state === 'CHANNELD_NORMAL' && (await pair.theirs(id)).usable ? true : undefined,
      );
    for (const [i, id] of ids.entries()) {
      const { outputs } = await closed(pair, way, id);
      const small = outputs.filter((one) => one.sat < 1_000n).map((one) => one.sat);
      // Below the dust limit of the channel, a side may leave its output out (BOLT 2, "Closing Negotiation").
      expect([[], [amounts[i]]]).toContainEqual(small);
    }
  },
});

const allCrumbs: readonly Case<Pair>[] = [
  crumbs('A has 353, 355 and 546 sat left in channels that B opened, and closes each', [353n, 355n, 546n]),
  crumbs('A has exactly 354 sat left in a channel that B opened, and closes it', [354n], ['closing at the dust limit']),
];

const muchUsed: Case<Pair> = {
  text: 'A opens a channel, both pay each other many times, and it closes with what each has',
  run: async (pair, way) => {
    const channelId = await pair.open(way, { sat: 2_000_000n, pushMsat: 1_000_000_000n });
    await pair.firstPayment();
    const share = (await payMuch(pair, channelId)) / 1000n;
    const { txid, outputs } = await closed(pair, other(way), channelId);
    const fee = 2_000_000n - outputs.reduce((sum, one) => sum + one.sat, 0n);
    // Of shares with a part of a satoshi both are rounded down: that satoshi is in no output, and no fee of the opener's.
    const [own = 0n] = await ownOf(pair, txid);
    expect([share, share + 1n]).toContain(way === 'out' ? own + fee : own);
  },
};

const own = (way: Way): Way => way;

/** On a stage whose channels have anchors unless told. */
export const closes: readonly Case<Pair>[] = [
  together('A closes a channel with anchors that it opened, and each has what was its own', own, true),
  together('A closes a channel with anchors that B opened, and each has what was its own', other, true),
  // Without anchors we open: an opener that knows them and does not ask for them is refused by our node.
  together('A closes a channel without anchors that it opened, and each has what was its own', own, false, ['out']),
  together('A closes a channel without anchors that B opened, and each has what was its own', other, false, ['in']),
  ...allCrumbs,
  muchUsed,
  ...[
    { name: 'P2WPKH', version: 0, length: 20 },
    { name: 'P2WSH', version: 0, length: 32 },
    { name: 'P2TR', version: 0x51, length: 32 },
  ].map(
    ({ name, version, length }): Case<Pair> => ({
      text: `A closes a channel to an address of ${name}`,
      needs: ['closing script'],
      run: async (pair, way) => {
        const script = programScript(version, length);
        const address = addressOfScript(script, networkOf('regtest')) ?? '';
        const channelId = await pair.open('out', { sat, pushMsat });
        const { outputs } = await closed(pair, way, channelId, { address });
        expect(outputs.map((one) => one.script)).toContain(hex(script));
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

/** With a peer that was told not to ask for anchors, or knows none. */
export const closesWithout: readonly Case<Pair>[] = [
  together('A closes a channel that it opened, and each has what was its own', own, false),
  together('A closes a channel that B opened, and each has what was its own', other, false),
  ...allCrumbs,
  muchUsed,
];
