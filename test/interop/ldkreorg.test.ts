/** Reorganizations that take a forced close between our node and LDK out of the chain, with what had followed from it. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Field } from './field.ts';
import { reorganize } from './ground.ts';

let field: Field;
beforeAll(async () => {
  field = await Field.start();
});
afterAll(() => field?.stop());

test.each([
  { format: 'static_remotekey', anchors: false, closer: 'theirs' },
  { format: 'static_remotekey', anchors: false, closer: 'ours' },
  { format: 'anchors_zero_fee_htlc_tx', anchors: true, closer: 'theirs' },
  { format: 'anchors_zero_fee_htlc_tx', anchors: true, closer: 'ours' },
] as const)('$format, closer: $closer: the end is the same', async ({ format, anchors, closer }) => {
  const { net, ours, lou } = field;
  const theatre = await field.open(`${format}-${closer}`, closer === 'ours' ? 'theirs' : 'ours', anchors);
  const { lea, channelId } = theatre;
  const before = await ours.agree(lea, channelId);
  const all = [lea, lou];
  const [paid, lost] = [await field.hold(ours, lea, 20_000_000n), await field.hold(ours, lea, 17_000_000n)];
  const [backPaid, backLost] = [await field.hold(lea, lou, 15_000_000n), await field.hold(lea, lou, 13_000_000n)];
  await field.part(theatre);
  if (closer === 'theirs') await lea.call('forceClose', { channelId, peer: ours.node.id });
  else await ours.node.call('close', { id: channelId, unilateraltimeout: 1 });
  await field.mine(1);
  await field.settle(lea, paid);
  await field.settle(lou, backPaid);
  await lou.call('refuse', { paymentHash: backLost.paymentHash });
  await field.mine(1);
  await field.mine(1);
  // Out go the claims; then, past them, the commitment too.
  for (const depth of [2, 4]) {
    await reorganize(net, all, depth);
    await field.mine(1);
  }
  const { gained } = await field.untilSwept(theatre);
  expect(await Promise.all([paid.end, backPaid.end])).toEqual(['paid', 'paid']);
  expect(await lost.end).not.toBe('paid');
  expect(await backLost.end).toContain('RetriesExhausted');
  const mine = before / 1000n - 20_000n + 15_000n;
  expect(gained.get('ours')).toBeGreaterThan(mine - 40_000n);
  expect(gained.get(lea.name)).toBeGreaterThan(1_000_000n - mine - 40_000n);
  await field.rested();
});
