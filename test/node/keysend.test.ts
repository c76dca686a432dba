/** keysend between two nodes: which way it goes, what the payer is told, and where the payee finds what it was paid. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { extraTlvsParam } from '../../node/api/methods/payments/extratlvs.ts';
import { isPlain } from '../../node/api/methods/payments/keysend.ts';
import type { Peer } from '../../node/peer/peer.ts';
import { hex, unhex, utf8 } from '../../wire/bytes.ts';
import { sha256 } from '../../wire/crypto.ts';
import { bitmapOf, hasBit } from '../../wire/features.ts';
import { point } from '../../wire/units.ts';
import { idOf } from '../support/graph.ts';
import { becomes, type LocalPair, startPair } from '../support/pair.ts';

const refusalOf = (call: Promise<unknown>): Promise<string> =>
  call.then(
    () => 'complete',
    (error: unknown) => (error as Error).message,
  );

describe('without a scheme', () => {
  const plain = (bits: readonly number[] | undefined, given: object = {}): boolean =>
    isPlain(
      {
        peers: { get: () => (bits === undefined ? undefined : ({ theirFeatures: bitmapOf(bits) } as Peer)) },
        graph: { node: () => undefined },
      },
      { destination: point(idOf('payee')), ...given } as Parameters<typeof isPlain>[1],
    );

  test('a node of which nothing is known, and one without AMP over frames, get one HTLC with its preimage', () => {
    expect([plain(undefined), plain([9, 15, 55])]).toEqual([true, true]);
  });

  test('a node with AMP over frames gets an AMP, unless further records go with the payment', () => {
    expect([plain([171]), plain([171], { extratlvs: [] })]).toEqual([false, true]);
  });

  test('what only an AMP has asks for one', () => {
    expect([plain(undefined, { shards: 4 }), plain(undefined, { force: true })]).toEqual([false, false]);
    expect(plain(undefined, { shards: 1 })).toBe(true);
  });

  test('further records beside what only an AMP has are refused', () => {
    expect(() => plain([171], { extratlvs: [], shards: 4 })).toThrow('extratlvs: an atomic multi-path payment has no');
    expect(() => plain([171], { extratlvs: [], scheme: 'tree' })).toThrow('leave scheme or extratlvs out');
    expect(() => plain([171], { redundancy: 1, scheme: 'single' })).toThrow('redundancy: a payment with scheme single');
  });
});

describe('further records', () => {
  const refusal = (records: Readonly<Record<string, string>>): string | undefined =>
    extraTlvsParam.safeParse(records).error?.issues[0]?.message;

  test('may fill an onion and no more', () => {
    expect(refusal({ 70001: '00'.repeat(1188) })).toBeUndefined();
    expect(refusal({ 70001: '00'.repeat(1189) })).toContain('records of at most 1200 bytes together');
    const many = Object.fromEntries(Array.from({ length: 101 }, (_, i) => [`${70_000 + i}`, '']));
    expect(refusal(many)).toBe('expected at most 100 records');
  });

  test.each(['5482373484', '8', '65535', '18446744073709551616', '-1', 'x'])('of type %s are refused', (type) => {
    expect(refusal({ [type]: '00' })).toContain('expected types of 65536 to');
  });

  test('are given in hex, each type once', () => {
    expect(refusal({ 70001: 'abc' })).toContain('expected values in hex');
    expect(refusal({ 70001: '00', '070001': '00' })).toBe('expected each type once');
  });
});

describe('between two nodes', () => {
  let pair: LocalPair;
  beforeAll(async () => {
    pair = await startPair();
    await pair.endow('alice', 1_000_000n);
    await pair.open(900_000n);
  });
  afterAll(() => pair.stop());
  const send = (given: object = {}) =>
    pair.nodes.alice.call('keysend', {
      destination: pair.nodes.bob.id,
      amount_msat: 5_000_000n,
      scheme: 'single',
      ...given,
    });

  test('the payer gets the preimage of the payment_hash', async () => {
    const paid = await send({ label: 'a tip' });
    expect(paid).toMatchObject({ status: 'complete', parts: 1, amount_msat: 5_000_000n, amount_sent_msat: 5_000_000n });
    expect(hex(sha256(unhex(paid.payment_preimage ?? '')))).toBe(paid.payment_hash);
    const { pays } = await pair.nodes.alice.call('listpays', { payment_hash: paid.payment_hash });
    expect(pays).toMatchObject([{ status: 'complete', label: 'a tip', preimage: paid.payment_preimage }]);
  });

  test('the payee finds it among its paid invoices, with the further records, before and after a restart', async () => {
    const last = (await pair.nodes.bob.call('listinvoices', {})).invoices.at(-1)?.pay_index ?? 0;
    const text = hex(utf8('thank you'));
    const most = '18446744073709551615';
    const paid = await send({ extratlvs: { [most]: '', 7629171: text } });
    const row = {
      ...{ payment_hash: paid.payment_hash, payment_preimage: paid.payment_preimage, status: 'paid', parts: 1 },
      ...{ description: 'keysend: thank you', amount_received_msat: 5_000_000n, pay_index: last + 1 },
      extratlvs: [
        { type: 7_629_171n, value: text },
        { type: BigInt(most), value: '' },
      ],
    };
    expect(await pair.nodes.bob.call('waitanyinvoice', { lastpay_index: last })).toMatchObject(row);
    const label = (await pair.nodes.bob.call('waitanyinvoice', { lastpay_index: last })).label;
    await pair.restart('bob');
    const { invoices } = await pair.nodes.bob.call('listinvoices', { payment_hash: paid.payment_hash });
    expect(invoices).toEqual([expect.objectContaining({ ...row, label })]);
    expect(Object.keys(invoices[0] ?? {})).not.toContain('bolt11');
    expect((await pair.nodes.bob.call('listinvoices', { label })).invoices).toEqual(invoices);
    const { id, node } = pair.nodes.bob;
    await pair.nodes.alice.call('connect', { id, host: '127.0.0.1', port: node.peers.address?.port ?? 0 });
    await becomes('the channel is back', async () =>
      (await pair.nodes.alice.call('listpeerchannels', {})).channels.every(
        ({ reestablished }) => reestablished === true,
      ),
    );
  });

  test('no two have one label or hash, and an invoice made afterwards has the next number', async () => {
    await send();
    await send();
    const { created_index } = await pair.nodes.bob.call('invoice', {
      ...{ amount_msat: 1000n, label: 'afterwards', description: '' },
    });
    const { invoices } = await pair.nodes.bob.call('listinvoices', {});
    expect(invoices.map((one) => one.created_index)).toEqual(invoices.map((_, i) => i + 1));
    expect(created_index).toBe(invoices.length);
    for (const of of [
      (one: (typeof invoices)[number]) => one.label,
      (one: (typeof invoices)[number]) => one.payment_hash,
    ])
      expect(new Set(invoices.map(of)).size).toBe(invoices.length);
  });

  test('the node announces feature bit 55', async () => {
    const { our_features } = await pair.nodes.bob.call('getinfo', {});
    expect(hasBit(unhex(our_features?.node ?? ''), 55)).toBe(true);
  });
});

test('a scheme that there is none of is told with all that there are', async () => {
  const pair = await startPair();
  try {
    const { alice, bob } = pair.nodes;
    const paying = alice.call('keysend', { destination: bob.id, amount_msat: 5_000_000n, scheme: 'tre', force: true });
    expect(await refusalOf(paying)).toContain('or "threshold" or "deployed" or "single"');
  } finally {
    await pair.stop();
  }
});

describe('a node with accept-spontaneous=false', () => {
  test('does not announce feature bit 55, and refuses a keysend', async () => {
    const pair = await startPair({ 'accept-spontaneous': 'false' });
    try {
      await pair.endow('alice', 1_000_000n);
      await pair.open(900_000n);
      const { alice, bob } = pair.nodes;
      expect(hasBit(unhex((await bob.call('getinfo', {})).our_features?.node ?? ''), 55)).toBe(false);
      const paying = alice.call('keysend', { destination: bob.id, amount_msat: 5_000_000n, scheme: 'single' });
      expect(await refusalOf(paying)).toContain('the destination refused the payment');
      expect((await bob.call('listinvoices', {})).invoices).toEqual([]);
    } finally {
      await pair.stop();
    }
  });
});
