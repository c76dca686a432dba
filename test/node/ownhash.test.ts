/** Three whole nodes in a line: what the middle one forwards with the hash of an invoice of its own never learns what opens it. */
import { afterEach, expect, test } from 'vitest';
import { hex, unhex } from '../../wire/bytes.ts';
import { msat, paymentHash, point, scidOf } from '../../wire/units.ts';
import { ordinaryRequest } from '../amp/payer.ts';
import type { LocalNode } from '../support/inprocess.ts';
import { type Line, startLine } from '../support/line.ts';
import { becomes } from '../support/pair.ts';

const lines: Line[] = [];
afterEach(async () => {
  for (const line of lines.splice(0)) await line.stop();
});

test('a forwarded HTLC with the hash of our own invoice is failed as its next hop says, though the invoice is paid meanwhile', async () => {
  const line = await startLine();
  lines.push(line);
  const { alice, bob, carol, left, right } = line;
  const channel = async (node: LocalNode, channel_id: string) =>
    (await node.call('listpeerchannels', { channel_id })).channels[0];
  const htlcs = async (node: LocalNode, channel_id: string) => (await channel(node, channel_id))?.htlcs ?? [];

  const { bolt11, payment_hash } = await bob.call('invoice', {
    ...{ amount_msat: 50_000_000n, label: 'own', description: 'd' },
  });
  await carol.call('dev-ignore-htlcs', { id: bob.id, ignore: true });
  const hash = paymentHash(unhex(payment_hash));
  const shown = (await channel(bob, right))?.short_channel_id ?? '';
  const [block = 0, tx = 0, output = 0] = shown.split('x').map(Number);
  const way = {
    ...{ from: point(unhex(bob.id)), to: point(unhex(carol.id)), scid: scidOf(block, tx, output) },
    ...{ feeBase: msat(1000n), feeProportional: 10, cltvExpiryDelta: 40 },
  };
  const forwarded = alice.node.payments.start(
    ordinaryRequest({
      ...{ scheme: 'single', id: 'forwarded', destination: point(unhex(carol.id)), amount: msat(60_000_000n) },
      ...{ paymentHash: hash, deadline: alice.node.now() + 60 },
    }),
    { paymentHash: hash, label: undefined, bolt11: undefined, description: undefined, hints: [way] },
  );
  await becomes('passed on to carol', async () => (await htlcs(carol, right)).length > 0);

  expect(await carol.call('pay', { bolt11 })).toMatchObject({ status: 'complete', amount_msat: 50_000_000n });
  const signed = await bob.call('dev-sign-last-tx', { id: left });
  expect(signed.htlcs).toMatchObject([{ direction: 'in', payment_hash }]);
  // An HTLC-success transaction would be there if what opens it were known to this channel.
  expect(signed.htlcs[0]).not.toHaveProperty('tx');

  await carol.call('dev-ignore-htlcs', { id: bob.id, ignore: false });
  expect(await forwarded).toMatchObject({ status: 'failed', result: { preimages: [] } });
  await becomes('gone', async () => (await htlcs(alice, left)).length === 0);
  const { invoices } = await bob.call('listinvoices', { label: 'own' });
  expect(invoices).toMatchObject([{ status: 'paid', amount_received_msat: 50_000_000n, payment_hash: hex(hash) }]);
});
