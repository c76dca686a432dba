/** Old commitments between our node and LDK: whichever publishes one loses the channel, to the last output. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { until } from '../../node/regtest/demo/wait.ts';
import { Field, type Theatre } from './field.ts';

const capacity = 1_000_000n;
/** What taking it all may cost. */
const cost = 40_000n;

let field: Field;
beforeAll(async () => {
  field = await Field.start();
});
afterAll(() => field?.stop());

/** Lets payments each way be held, and then these and more be paid: what was signed while they were is long revoked. */
const outlived = async (theatre: Theatre, held: () => Promise<void>): Promise<void> => {
  const { ours, lou } = field;
  const { lea, channelId } = theatre;
  const there = await field.hold(ours, lea, 20_000_000n);
  const back = await field.hold(lea, lou, 15_000_000n);
  await held();
  await field.settle(lea, there);
  await field.settle(lou, back);
  for (const { end } of [there, back]) expect(await end).toBe('paid');
  await lea.call('hold', { on: false });
  await ours.pays(lea, 2_000_000n);
  await ours.agree(lea, channelId);
  await field.part(theatre);
};

describe.each([
  { format: 'static_remotekey', anchors: false },
  { format: 'anchors_zero_fee_htlc_tx', anchors: true },
])('$format', ({ format, anchors }) => {
  test.each([
    { away: 0, what: 'we are there' },
    // LDK's HTLC-timeout transaction is in a block by then; its own delay is not over.
    { away: 115, what: 'we were away until payments in it timed out' },
  ])('LDK publishes an old commitment, and $what', async ({ away }) => {
    const theatre = await field.open(`thief-${format}-${away}`, 'theirs', anchors);
    const { lea, channelId } = theatre;
    await lea.call('keep', { on: true });
    await outlived(theatre, () => lea.call('keep', { on: false }));
    if (away > 0) await field.ours.node.kill();
    await lea.call('steal', { channelId });
    for (let blocks = 0; blocks < away; blocks += 5) await field.mine(5);
    if (away > 0) await field.revive();
    const { gained, txs } = await field.untilSwept(theatre, { robbed: true });
    expect(gained.get('ours')).toBeGreaterThan(capacity - cost);
    expect(gained.get(lea.name) ?? 0n).toBeLessThanOrEqual(0n);
    const timedOut = txs.filter(({ locktime }) => locktime > 0 && locktime < 500_000_000);
    expect(timedOut.length > 0).toBe(away > 0);
  });

  test('LDK takes all when we publish an old commitment', async () => {
    const theatre = await field.open(`robbed-${format}`, 'ours', anchors);
    const { lea, channelId } = theatre;
    const { node } = field.ours;
    let number = 0;
    await outlived(theatre, async () => {
      number = (await node.call('dev-remember-commitment', { id: channelId })).commitment_number;
    });
    await node.call('dev-broadcast-commitment', { id: channelId, number });
    await field.mine(1);
    const { gained } = await field.untilSwept(theatre);
    expect(gained.get(lea.name)).toBeGreaterThan(capacity - cost);
    expect(gained.get('ours') ?? 0n).toBeLessThanOrEqual(0n);
    await until('our node to know that it is over', async () => {
      const { channels } = await node.call('listpeerchannels', { channel_id: channelId });
      return channels.every(({ htlcs }) => htlcs.length === 0) ? true : undefined;
    });
    await field.rested();
  });
});
