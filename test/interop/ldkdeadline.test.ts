/** HTLCs between our node and LDK that nobody can end together, because the connection is gone: each goes on chain in time. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { until } from '../../node/regtest/demo/wait.ts';
import { Field } from './field.ts';

interface Fate {
  readonly name: string;
  /** Who offers the HTLC: we, for `out`. */
  readonly way: 'in' | 'out';
  /** Whether its payee claims it, which the other side of the channel then does not hear of. */
  readonly claimed: boolean;
  /** The commitment comes in the block after this height, counted from the HTLC's expiry. */
  readonly closes: number;
  readonly end: RegExp;
}

const fates: readonly Fate[] = [
  { name: 'LDK never answers and we take it back', way: 'out', claimed: false, closes: 3, end: /^(?!paid$)/ },
  { name: 'we never answer and LDK takes it back', way: 'in', claimed: false, closes: 3, end: /RetriesExhausted/ },
  { name: 'we claim it while LDK cannot take it back', way: 'in', claimed: true, closes: -18, end: /^paid$/ },
  { name: 'LDK claims it and shows us the preimage', way: 'out', claimed: true, closes: -18, end: /^paid$/ },
];
/** Either has half of the channel before. Fees, dust and anchors take less than would hide where the HTLC went. All in satoshi. */
const half = 500_000n;
const amount = 90_000n;
const losses = 40_000n;
const forwardingFee = 100n;

let field: Field;
beforeAll(async () => {
  field = await Field.start();
});
afterAll(() => field?.stop());

/** A channel with one HTLC under way, the connection gone. */
const stranded = async ({ name, way, claimed, closes }: Fate, anchors: boolean, beside: boolean) => {
  const { ours, lou } = field;
  const theatre = await field.open(`${name}, ${anchors}`, anchors ? 'ours' : 'theirs', anchors, beside);
  const { lea, channelId } = theatre;
  const [payer, payee] = way === 'out' ? [ours, lea] : [lea, lou];
  const held = await field.hold(payer, payee, amount * 1000n);
  await field.part(theatre);
  const { htlcs } = await ours.channel(channelId);
  expect(htlcs).toMatchObject([{ direction: way }]);
  if (claimed) await field.settle(payee, held);
  return { theatre, held, height: (htlcs[0]?.expiry ?? 0) + closes };
};

test.each([
  { format: 'static_remotekey', anchors: false },
  { format: 'anchors_zero_fee_htlc_tx', anchors: true },
])(
  '$format: the channel closes at its HTLC’s deadline, no block sooner, and the HTLC ends as it must',
  async ({ anchors }) => {
    const all = [];
    for (const [i, fate] of fates.entries()) all.push({ ...(await stranded(fate, anchors, i > 0)), fate });
    const heights = new Set(all.flatMap(({ height }) => [height - 1, height]));
    for (const height of [...heights].sort((a, b) => a - b)) {
      await field.mineTo(height);
      for (const { fate, theatre, height: due } of all)
        if (height < due)
          expect({ ...fate, height, closed: await field.isSpent(theatre) }).toMatchObject({ closed: false });
        else
          await until(`the channel of "${fate.name}" to close at height ${due}`, async () =>
            (await field.isSpent(theatre)) ? true : undefined,
          );
    }
    for (const { fate, theatre, held } of all) {
      const { gained } = await field.untilSwept(theatre);
      expect(await held.end, fate.name).toMatch(fate.end);
      const moved = fate.claimed ? (fate.way === 'in' ? amount : -amount) : 0n;
      const [ours = 0n, theirs = 0n] = [gained.get('ours'), gained.get(theatre.lea.name)];
      for (const [had, has] of [
        [half + moved, ours],
        [half - moved, theirs],
      ] as const) {
        expect(has, fate.name).toBeLessThanOrEqual(had + forwardingFee);
        expect(has, fate.name).toBeGreaterThan(had - losses);
      }
    }
    await field.rested();
  },
);
