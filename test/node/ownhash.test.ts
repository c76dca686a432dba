/** Three whole nodes in a line: what the middle one forwards with the hash of an invoice of its own never learns what opens it. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { hex, unhex } from '../../wire/bytes.ts';
import { msat, paymentHash, point, scidOf } from '../../wire/units.ts';
import { ordinaryRequest } from '../amp/payer.ts';
import { endow, type LocalNode, newGround, startLocal } from '../support/inprocess.ts';
import { becomes } from '../support/pair.ts';
import { memoryLog } from '../support/peers.ts';

const ends: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

test('a forwarded HTLC with the hash of our own invoice is failed as its next hop says, though the invoice is paid meanwhile', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'ampere-line-'));
  ends.push(() => rm(dir, { recursive: true, force: true }));
  const ground = await newGround();
  const start = async (name: string): Promise<LocalNode> => {
    const node = await startLocal({ dir: join(dir, name), ground, log: memoryLog() });
    ends.push(() => node.stop());
    return node;
  };
  const [alice, bob, carol] = [await start('alice'), await start('bob'), await start('carol')];
  const open = async (from: LocalNode, to: LocalNode): Promise<string> => {
    await endow(ground, from, [1_100_000n]);
    await becomes('coins', async () => (await from.call('listfunds', {})).outputs.length > 0);
    await from.call('connect', { id: to.id, host: '127.0.0.1', port: to.node.peers.address?.port ?? 0 });
    const { channel_id } = await from.call('fundchannel', { id: to.id, amount: 1_000_000n, push_msat: 400_000_000n });
    ground.mine(1);
    for (const node of [from, to])
      await becomes('a usable channel', async () => {
        const [channel] = (await node.call('listpeerchannels', { channel_id })).channels;
        return channel?.state === 'CHANNELD_NORMAL';
      });
    return channel_id;
  };
  const [left, right] = [await open(alice, bob), await open(bob, carol)];
  const htlcs = async (node: LocalNode, channel_id: string) =>
    (await node.call('listpeerchannels', { channel_id })).channels[0]?.htlcs ?? [];

  const { bolt11, payment_hash } = await bob.call('invoice', {
    amount_msat: 50_000_000n,
    label: 'own',
    description: 'd',
  });
  await carol.call('dev-ignore-htlcs', { id: bob.id, ignore: true });
  const hash = paymentHash(unhex(payment_hash));
  const shown = (await bob.call('listpeerchannels', { channel_id: right })).channels[0]?.short_channel_id ?? '';
  const [block = 0, tx = 0, output = 0] = shown.split('x').map(Number);
  const ways = {
    ...{ from: point(unhex(bob.id)), to: point(unhex(carol.id)) },
    scid: scidOf(block, tx, output),
    ...{ feeBase: msat(1000n), feeProportional: 10, cltvExpiryDelta: 40 },
  };
  const forwarded = alice.node.payments.start(
    ordinaryRequest({
      ...{ scheme: 'single', id: 'forwarded', destination: point(unhex(carol.id)), amount: msat(60_000_000n) },
      ...{ paymentHash: hash, deadline: alice.node.now() + 60 },
    }),
    { paymentHash: hash, label: undefined, bolt11: undefined, description: undefined, hints: [ways] },
  );
  await becomes('passed on to carol', async () => (await htlcs(carol, right)).length > 0);

  expect(await carol.call('pay', { bolt11 })).toMatchObject({ status: 'complete', amount_msat: 50_000_000n });
  const before = await bob.call('dev-sign-last-tx', { id: left });
  expect(before.htlcs).toMatchObject([{ direction: 'in', payment_hash }]);
  // An HTLC-success transaction would be there if what opens it were known to this channel.
  expect(before.htlcs[0]).not.toHaveProperty('tx');

  await carol.call('dev-ignore-htlcs', { id: bob.id, ignore: false });
  expect(await forwarded).toMatchObject({ status: 'failed', end: { preimages: [] } });
  await becomes('gone', async () => (await htlcs(alice, left)).length === 0);
  const { invoices } = await bob.call('listinvoices', { label: 'own' });
  expect(invoices).toMatchObject([{ status: 'paid', amount_received_msat: 50_000_000n, payment_hash: hex(hash) }]);
}, 60_000);
