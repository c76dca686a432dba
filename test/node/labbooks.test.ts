/** The demonstration's books and claims: right ones hold, and every kind of wrong one is noticed. */
import { describe, expect, test } from 'vitest';
import { child, encodeBlob, joined } from '../../amp/shares.ts';
import { type Books, channelLines, ledgerLines, ledgerOf, signedSat } from '../../node/regtest/demo/balances.ts';
import type { PaymentFact, ShardFact } from '../../node/regtest/demo/facts.ts';
import { openShares, paymentClaims } from '../../node/regtest/demo/shards.ts';
import { hex, zeros } from '../../wire/bytes.ts';
import { sha256 } from '../../wire/crypto.ts';

/** Alice paid bob 100 sat over a channel with carol, who earned 1.5; two odd half satoshis were dropped. */
const books: Books = {
  names: ['alice', 'bob', 'carol'],
  funded: new Map([
    ['alice', 2_000n],
    ['carol', 1_000n],
  ]),
  channels: [
    {
      ...{
        scid: '1x1x1',
        opener: 'alice',
        other: 'carol',
        capacitySat: 1_000n,
        openingFeeSat: 10n,
        closingFeeSat: 21n,
      },
      ...{ before: [1_000_000n, 0n], after: [898_500n, 101_500n] },
    },
    {
      ...{ scid: '2x1x1', opener: 'carol', other: 'bob', capacitySat: 900n, openingFeeSat: 5n, closingFeeSat: 7n },
      ...{ before: [900_000n, 0n], after: [800_000n, 100_000n] },
    },
  ],
  payments: new Map([
    ['alice', -100_000n],
    ['bob', 100_000n],
  ]),
  wallets: new Map([
    ['alice', 2_000n - 10n - 1_000n + 898n - 20n],
    ['bob', 100n],
    ['carol', 1_000n - 5n - 900n + 101n + 800n - 7n],
  ]),
};

describe('books', () => {
  test('that are right agree for every node and conserve the whole', () => {
    const ledger = ledgerOf(books);
    expect(ledger).toMatchObject({ agrees: true, conserved: true, routingFees: 1_500n });
    expect(ledger.expected).toEqual(ledger.reported);
    expect(ledger.entries.find(({ label }) => label === 'routing fees')?.amounts).toEqual([-1_500n, 0n, 1_500n]);
  });

  test('with a satoshi too much in one wallet and too little in another do not agree, though the whole is conserved', () => {
    const wallets = new Map(books.wallets).set('bob', 101n).set('alice', (books.wallets.get('alice') ?? 0n) - 1n);
    expect(ledgerOf({ ...books, wallets })).toMatchObject({ agrees: false, conserved: true });
  });

  test('with a satoshi missing do not conserve the whole', () => {
    expect(ledgerOf({ ...books, wallets: new Map(books.wallets).set('bob', 99n) })).toMatchObject({
      agrees: false,
      conserved: false,
    });
  });

  test('are printed with every column adding up', () => {
    const lines = ledgerLines(ledgerOf(books));
    expect(lines.map((line) => line.trim().split(/ {2,}/)).at(-1)).toEqual([
      'wallet says',
      '1,868',
      '100',
      '989',
      '2,957',
    ]);
    expect(lines.at(-2)?.replace('should be  ', 'wallet says')).toBe(lines.at(-1));
    expect(channelLines(books.channels)[1]).toContain('898.500 | 101.500');
  });

  test.each([
    [0n, '0'],
    [1_500n, '1.500'],
    [-1_500_001n, '−1,500.001'],
  ])('show %s msat as %s sat', (amount, text) => {
    expect(signedSat(amount)).toBe(text);
  });
});

const shares = [1, 2, 3].map((n) => zeros(32).fill(n * 0x11));
const root = joined(shares);
const setId = sha256(root);

const good: PaymentFact = {
  ...{ scheme: 'dynamic', status: 'complete', failure: undefined, completed_at: 2, preimages: [] },
  amount_msat: 300n,
  amount_sent_msat: 306n,
  shards: shares.map((share, i): ShardFact => {
    const { paymentHash, preimage } = child(root, i + 1);
    return {
      ...{ index: i + 1, status: 'complete', failure: undefined, frame: undefined },
      ...{ payment_hash: hex(paymentHash), payment_preimage: hex(preimage) },
      ...{ amount_msat: 100n, amount_sent_msat: 102n, offered_at: 1, held_at: 1.5, resolved_at: 2 },
      ...(i === 0
        ? { nodes: ['bob', 'dave'], channels: ['1x1x1', '2x1x1'] }
        : { nodes: ['carol', 'dave'], channels: ['3x1x1', '4x1x1'] }),
      blobs: [hex(encodeBlob({ setId, share, marker: i === 2 ? 3 : 0 }))],
    };
  }),
};

const broken = (payment: PaymentFact): readonly string[] =>
  paymentClaims(payment).flatMap(([claim, holds]) => (holds ? [] : [claim]));
/** The good payment with its first shard changed. */
const withFirst = (change: Partial<ShardFact>): PaymentFact => ({
  ...good,
  shards: good.shards.map((shard, i) => (i === 0 ? { ...shard, ...change } : shard)),
});

describe('claims about a payment', () => {
  test('all hold for one that is as it should be', () => {
    expect(broken(good)).toEqual([]);
    expect(openShares(good.shards)).toMatchObject({ root: hex(root), rootHash: hex(setId), setIds: [hex(setId)] });
  });

  const [first, second] = good.shards;
  const otherSet = hex(encodeBlob({ setId: zeros(32), share: shares[0] ?? zeros(32), marker: 0 }));
  const rows: readonly (readonly [string, PaymentFact, RegExp])[] = [
    ['a shard that failed', withFirst({ status: 'failed' }), /succeeded/],
    ['an amount that is short', withFirst({ amount_msat: 99n }), /add up/],
    ['a fee nobody accounts for', withFirst({ amount_sent_msat: 103n }), /add up/],
    ['all shards on one route', withFirst({ channels: second?.channels ?? [] }), /two different routes/],
    ['a hash used twice', withFirst({ payment_hash: second?.payment_hash ?? '' }), /pairwise different/],
    ['the hash H(BP)', withFirst({ payment_hash: hex(setId) }), /none of them is H\(BP\)/],
    ['another set', withFirst({ blobs: [otherSet] }), /one set/],
    ['a hash that is no child', withFirst({ index: 9 }), /H\(H\(BP/],
    ['a preimage that opens nothing', withFirst({ payment_preimage: first?.payment_hash }), /opens its hash/],
    ['a preimage that never came', withFirst({ payment_preimage: undefined }), /opens its hash/],
    ['no shards at all', { ...good, shards: [] }, /succeeded/],
  ];
  test.each(rows)('do not all hold with %s', (_, payment, claim) => {
    expect(broken(payment).some((text) => claim.test(text))).toBe(true);
  });
});

test('the books of four nodes and amounts of seven digits fit 80 columns', () => {
  const names = ['alice', 'bob', 'carol', 'dave'];
  const entries = ['handed out', 'miners’ fees, opening', 'below a satoshi, dropped'].map((label) => ({
    label,
    amounts: names.map(() => -1_860_000_001n),
  }));
  const amounts = names.map(() => 1_860_000_001n);
  const ledger = {
    names,
    entries,
    expected: amounts,
    reported: amounts,
    agrees: true,
    conserved: true,
    routingFees: 0n,
  };
  expect(ledgerLines(ledger, 78).filter((line) => line.length > 78)).toEqual([]);
  expect(channelLines(books.channels, 78).filter((line) => line.length > 78)).toEqual([]);
});
