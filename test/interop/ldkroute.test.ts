/** Two nodes of ours and two LDK nodes in turn: gossip reaches all, each forwards for the others, and failures come back. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Line, startLine } from './line.ts';

const amount = 10_000_000n;
/** What we ask for forwarding, unless told otherwise. */
const feeOf = (forwarded: bigint) => 1000n + (forwarded * 10n) / 1_000_000n;
/** What LDK asks, whatever the amount. */
const ldkFee = 1000n;

/** Whether a payment went through, or why not. */
const outcome = (payment: Promise<unknown>) =>
  payment.then(
    () => 'paid',
    (error: Error) => error.message,
  );

describe('a line of public channels', () => {
  let line: Line;
  beforeAll(async () => {
    line = await startLine(true);
  });
  afterAll(() => line?.stop());

  test('we forward between two LDK nodes, for our fee', async () => {
    const { lea, lou } = line;
    for (const [payer, payee] of [
      [lea, lou],
      [lou, lea],
    ] as const) {
      const { bolt11 } = await payee.call('invoice', { amountMsat: amount, description: 'forwarded' });
      expect(await payer.call('pay', { bolt11 })).toMatchObject({ feeMsat: feeOf(amount) });
    }
  });

  test('LDK forwards between two nodes of ours, for its fee', async () => {
    const { ada, bob } = line;
    for (const [payer, payee] of [
      [ada, bob],
      [bob, ada],
    ] as const) {
      const { bolt11 } = await payee.invoice(amount);
      const paid = await payer.node.call('pay', { bolt11 });
      expect(paid).toMatchObject({ status: 'complete', amount_sent_msat: amount + ldkFee });
    }
  });

  test('payments cross the whole line, both ways', async () => {
    const { bob, lea } = line;
    const there = await bob.invoice(amount);
    const { feeMsat } = await lea.call('pay', { bolt11: there.bolt11 });
    expect(feeMsat).toBe(ldkFee + feeOf(amount + ldkFee));
    const back = await lea.call('invoice', { amountMsat: amount, description: 'back' });
    const paid = await bob.node.call('pay', { bolt11: back.bolt11 });
    expect(paid).toMatchObject({ status: 'complete', amount_sent_msat: amount + ldkFee + feeOf(amount) });
  });

  test('what the payee refuses past us, LDK hears of as refused by the payee', async () => {
    const { lea, lou } = line;
    const { bolt11, paymentHash } = await lou.call('invoice', { amountMsat: amount, description: 'refused' });
    await lou.call('hold', { on: true });
    const paying = outcome(lea.call('pay', { bolt11 }));
    await lou.report('claimable', (one) => one.paymentHash === paymentHash);
    await lou.call('refuse', { paymentHash });
    await lou.call('hold', { on: false });
    expect(await paying).toContain('RecipientRejected');
  });

  test('with the next node away, both kinds of node fail a payment for now, and the payer understands', async () => {
    const { ada, bob, lea, lou } = line;
    const [hers, his] = [
      await lou.call('invoice', { amountMsat: amount, description: 'away' }),
      await bob.invoice(amount),
    ];
    await bob.node.kill();
    expect(await outcome(ada.node.call('pay', { bolt11: his.bolt11, shards: 1 }))).not.toBe('paid');
    const { pays } = await ada.node.call('listpays', { payment_hash: his.payment_hash });
    expect(pays).toMatchObject([{ status: 'failed', shards: [{ failure: 'temporary_channel_failure' }] }]);

    await lou.call('disconnect', { id: ada.node.id });
    await ada.apart(lou);
    expect(await outcome(lea.call('pay', { bolt11: hers.bolt11 }))).toContain('RetriesExhausted');
    const refused = await lea.report('path_failed', (one) => one.paymentHash === hers.paymentHash);
    expect(refused).toMatchObject({ permanent: false, how: 'PathFailure_OnPath' });

    await bob.node.start();
    await bob.connect(lou, 'theirs');
    await ada.connect(lou, 'theirs');
  });
});

describe.each([
  { type: 'without', scidPrivacy: false },
  { type: 'with', scidPrivacy: true },
])('a line with private channels at its ends, $type option_scid_alias in their type', ({ scidPrivacy }) => {
  let line: Line;
  beforeAll(async () => {
    line = await startLine(false, scidPrivacy);
  });
  afterAll(() => line?.stop());

  test('LDK finds its way to us by the hint in our invoice', async () => {
    const { bob, lea } = line;
    const { bolt11 } = await bob.invoice(amount);
    expect(await lea.call('pay', { bolt11 })).toMatchObject({ feeMsat: ldkFee + feeOf(amount + ldkFee) });
  });

  test('we find our way to LDK by the hint in its invoice', async () => {
    const { bob, lea } = line;
    const { bolt11 } = await lea.call('invoice', { amountMsat: amount, description: 'hinted' });
    const paid = await bob.node.call('pay', { bolt11 });
    expect(paid).toMatchObject({ status: 'complete', amount_sent_msat: amount + ldkFee + feeOf(amount) });
  });
});
