/** lnd's AMP between two of our nodes: invoices that stay open and tell each set, and payments without an invoice. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { hex, unhex } from '../../wire/bytes.ts';
import { bitsOf } from '../../wire/features.ts';
import { decodeInvoice } from '../../wire/invoice.ts';
import { becomes, type LocalPair, startPair } from '../support/pair.ts';

let pair: LocalPair;
beforeAll(async () => {
  pair = await startPair();
  await pair.endow('alice', 2_000_000n);
  await pair.open(1_900_000n);
});
afterAll(() => pair.stop());

const amp = (label: string, amount: bigint | 'any' = 'any', more: object = {}) =>
  pair.nodes.bob.call('invoice', { amount_msat: amount, label, description: label, amp: 'deployed', ...more });
const listed = async (label: string) => (await pair.nodes.bob.call('listinvoices', { label })).invoices[0];

/** After a restart of bob. */
const usable = async (): Promise<void> => {
  const { alice, bob } = pair.nodes;
  await alice.call('connect', { id: bob.id, host: '127.0.0.1', port: bob.node.peers.address?.port ?? 0 });
  await becomes('a channel that can be used', async () =>
    (await alice.call('listpeerchannels', {})).channels.some(
      ({ state, peer_connected, spendable_msat }) =>
        state === 'CHANNELD_NORMAL' && peer_connected && (spendable_msat ?? 0n) > 0n,
    ),
  );
};

test('an invoice asks for bits 8, 14 and 30 and nothing else, and says what it is', async () => {
  const { bolt11 } = await amp('bits', 1_000_000n);
  expect([...bitsOf(decodeInvoice(bolt11).features)]).toEqual([8, 14, 30]);
  expect(await pair.nodes.alice.call('decode', { string: bolt11 })).toMatchObject({ amp: 'deployed' });
  expect(await listed('bits')).toMatchObject({ amp: 'deployed', status: 'unpaid', sets: [] });
});

test('an invoice is paid twice, and each set is told of by itself, also after a restart', async () => {
  const { bolt11 } = await amp('twice');
  const last = Number((await pair.nodes.bob.call('listinvoices', {})).invoices.at(-1)?.pay_index ?? 0);
  const paid: string[] = [];
  for (const [shards, amount_msat] of [
    [1, 3_000_000n],
    [4, 5_000_000n],
  ] as const) {
    const { alice, bob } = pair.nodes;
    const told = bob.call('waitanyinvoice', { lastpay_index: last + paid.length });
    const result = await alice.call('pay', { bolt11, amount_msat, shards });
    expect(result).toMatchObject({ status: 'complete', parts: shards, scheme: 'deployed', amount_msat });
    const one = await told;
    expect(one).toMatchObject({ label: 'twice', status: 'paid', amount_received_msat: amount_msat, parts: shards });
    paid.push(one.set_id ?? '');
    await pair.restart('bob');
    await usable();
  }
  expect(new Set(paid).size).toBe(2);
  expect(await listed('twice')).toMatchObject({
    ...{ status: 'paid', amount_received_msat: 8_000_000n, times_paid: 2, pay_index: last + 2 },
    sets: [
      { set_id: paid[0], state: 'settled', amount_received_msat: 3_000_000n, parts: 1, pay_index: last + 1 },
      { set_id: paid[1], state: 'settled', amount_received_msat: 5_000_000n, parts: 4, pay_index: last + 2 },
    ],
  });
  const payments = (await pair.nodes.alice.call('listpays', { bolt11 })).pays;
  expect(payments.map(({ status, scheme }) => [status, scheme])).toEqual([
    ['complete', 'deployed'],
    ['complete', 'deployed'],
  ]);
  const updated = (await pair.nodes.bob.call('listinvoices', { index: 'updated', start: last + 1 })).invoices;
  expect(updated.map(({ set_id }) => set_id)).toEqual(paid);
  expect(await pair.nodes.bob.call('waitinvoice', { label: 'twice' })).toMatchObject({ times_paid: 2 });
});

test('a payment in flight is the only one of its invoice, and its set is listed with the invoice until it is whole', async () => {
  const { bolt11 } = await amp('held', 2_000_000n);
  const { alice } = pair.nodes;
  const first = alice.call('pay', { bolt11, shards: 2, retry_for: 3, dev_withhold: 1 }).catch((error) => error.message);
  await becomes('one HTLC held', async () => (await listed('held'))?.sets?.length === 1);
  expect((await listed('held'))?.sets).toMatchObject([
    { state: 'accepted', amount_received_msat: 1_000_000n, parts: 1 },
  ]);
  await expect(alice.call('pay', { bolt11 })).rejects.toThrow('being paid already');
  expect((await pair.nodes.bob.call('listsets', { label: 'held' })).sets).toMatchObject([{ scheme: 'deployed' }]);
  void first;
});

test('a payment by the AMP of lnd needs no invoice', async () => {
  const { alice, bob } = pair.nodes;
  const paid = await alice.call('keysend', {
    ...{ destination: bob.id, amount_msat: 4_000_000n, scheme: 'deployed', shards: 4 },
  });
  expect(paid).toMatchObject({ status: 'complete', parts: 4, scheme: 'deployed' });
  expect(new Set(paid.shards?.map(({ payment_hash }) => payment_hash)).size).toBe(4);
});

test.each([
  ['shares', { shares: 3 }],
  ['redundancy', { redundancy: 1 }],
  ['scheme', { scheme: 'fixed' }],
])('%s is refused in the payment of an invoice for the AMP of lnd', async (name, params) => {
  const { bolt11 } = await amp(`refuses ${name}`, 1_000_000n);
  await expect(pair.nodes.alice.call('pay', { bolt11, ...params })).rejects.toThrow(`${name}: `);
});

test('a secret of an invoice that is closed pays nothing, and passes for no payment without an invoice', async () => {
  const { alice, bob } = pair.nodes;
  const { payment_secret, bolt11 } = await bob.call('invoice', {
    ...{ amount_msat: 1_000_000n, label: 'plain', description: 'plain' },
  });
  const terms = { ...{ destination: bob.node.keys.nodeId, finalCltv: 43, maxDelay: 2016, withhold: 0 } };
  const attempt = (n: number) => {
    const { invoice } = { invoice: decodeInvoice(bolt11) };
    return alice.node.payments.start(
      {
        ...{ ...terms, id: `by hand ${n}`, amount: invoice.amount as never, maxFee: 0n as never },
        ...{ shards: 1, maxShards: 1, minShard: 1n as never, entropy: new Uint8Array(32).fill(n), deadline: 2 ** 31 },
        ...{ scheme: 'deployed', paymentSecret: unhex(payment_secret), metadata: undefined },
      },
      {
        ...{ paymentHash: new Uint8Array(32).fill(n), label: undefined, bolt11: undefined, description: undefined },
        hints: [],
      },
    );
  };
  expect(await attempt(1)).toMatchObject({ status: 'failed', result: { code: 'refused_by_destination' } });
  await alice.call('pay', { bolt11 });
  expect(bob.node.invoices.openBySecret(unhex(payment_secret))).toBeUndefined();
  expect(await attempt(2)).toMatchObject({ status: 'failed', result: { code: 'refused_by_destination' } });
  expect(hex(decodeInvoice(bolt11).paymentSecret ?? new Uint8Array())).toBe(payment_secret);
});

test('init and node_announcement offer it', () => {
  const peer = pair.nodes.alice.node.peers.get(pair.nodes.bob.node.keys.nodeId);
  expect([...bitsOf(peer?.theirFeatures ?? new Uint8Array())]).toContain(31);
});
