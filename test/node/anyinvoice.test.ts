/** Invoices of strangers and words of callers at their extremes: each is answered, paid or refused, and harms nothing. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { handlersOf } from '../../node/api/handlers.ts';
import { jsonRpc } from '../../node/api/rpc/jsonrpc.ts';
import { utf8, zeros } from '../../wire/bytes.ts';
import { sha256 } from '../../wire/crypto.ts';
import { ourFeatures } from '../../wire/features.ts';
import { encodeInvoice } from '../../wire/invoice.ts';
import { msat, paymentHash, point, shortChannelId } from '../../wire/units.ts';
import { wholeOf } from '../support/answers.ts';
import { noProcess } from '../support/inprocess.ts';
import { sign } from '../support/invoices.ts';
import { type LocalPair, startPair } from '../support/pair.ts';

type Answer = { readonly result?: Record<string, unknown>; readonly error?: { code: number; message: string } };
type Draft = Parameters<typeof encodeInvoice>[0];

let pair: LocalPair;
const broken: unknown[] = [];
const ask = async (method: string, params: object): Promise<Answer> => {
  const answer = jsonRpc({
    handlers: handlersOf(pair.nodes.alice.node, noProcess),
    dev: false,
    broke: (_, error) => broken.push(error),
  });
  const text = await answer(JSON.stringify({ id: 1, method, params }), { signal: new AbortController().signal });
  return JSON.parse((await wholeOf(text)) ?? '{}') as Answer;
};
const wrong = () => [...broken, ...pair.logs.alice.filter((line) => line.includes('"internal":'))];

beforeAll(async () => {
  pair = await startPair();
  await pair.endow('alice', 3_000_000n);
  await pair.open(1_000_000n);
});
afterAll(() => pair.stop());

let made = 0;
/** An invoice of somebody whom a hint leads to, over our peer. */
const foreign = (change: Partial<Draft> = {}): string => {
  const hint = {
    ...{ pubkey: point(pair.nodes.bob.node.keys.nodeId), short_channel_id: shortChannelId(5n) },
    ...{ fee_base_msat: msat(1n), fee_proportional_millionths: 1, cltv_expiry_delta: 40 },
  };
  return encodeInvoice(
    {
      ...{ network: 'regtest', amount: msat(1_000_000n), timestamp: pair.nodes.alice.node.now(), expiry: 3600 },
      ...{ paymentHash: paymentHash(sha256(Uint8Array.of(made++))), paymentSecret: zeros(32).fill(3) },
      ...{ minFinalCltvExpiryDelta: 40, features: ourFeatures('9'), routes: [[hint]] },
      ...('descriptionHash' in change ? {} : { description: 'd' }),
      ...change,
    } as Draft,
    sign,
  );
};

const most = 2 ** 32 - 1;
const hintOf = (change: object) => [
  [
    {
      ...{ pubkey: point(pair.nodes.bob.node.keys.nodeId), short_channel_id: shortChannelId(2n ** 64n - 1n) },
      ...{ fee_base_msat: msat(0n), fee_proportional_millionths: 0, cltv_expiry_delta: 0, ...change },
    },
  ],
];
const extremes: readonly (readonly [string, () => Partial<Draft>])[] = [
  ...[0, 1, 2013, 2016, 2 ** 31, 4_294_967_280, most].flatMap(
    (n): readonly (readonly [string, () => Partial<Draft>])[] => [
      [`min_final_cltv_expiry_delta ${n}`, () => ({ minFinalCltvExpiryDelta: n })],
      [`min_final_cltv_expiry_delta ${n} without a way`, () => ({ minFinalCltvExpiryDelta: n, routes: [] })],
    ],
  ),
  ...[0, 1, most, 2 ** 50 - 1].map((n) => [`expiry ${n}`, () => ({ expiry: n })] as const),
  ...[0, 2 ** 35 - 1].map((n) => [`timestamp ${n}`, () => ({ timestamp: n })] as const),
  ...[1n, 2_100_000_000_000_000_000n].map((n) => [`${n} msat`, () => ({ amount: msat(n) })] as const),
  ['no amount', () => ({ amount: undefined })],
  ['a description of 639 zeros', () => ({ description: '\0'.repeat(639) })],
  ['payment_metadata of 639 bytes', () => ({ metadata: zeros(639) })],
  ['features of 600 bytes', () => ({ features: zeros(600).fill(0xaa) })],
  [
    'the largest fees',
    () => ({ routes: hintOf({ fee_base_msat: msat(BigInt(most)), fee_proportional_millionths: most }) }),
  ],
  ['the largest delta', () => ({ routes: hintOf({ cltv_expiry_delta: 65_535 }) })],
  ['a way of twelve hops', () => ({ routes: [new Array(12).fill(hintOf({})[0]?.[0])] })],
];

test.each(extremes)(
  'an invoice with %s is decoded, paid or refused, and harms nothing',
  async (_, change) => {
    const bolt11 = foreign(change());
    expect((await ask('decode', { string: bolt11 })).result).toMatchObject({ valid: true });
    const { error } = await ask('pay', { bolt11, retry_for: 2 });
    expect(error?.code).not.toBe(-32603);
    expect(error).toBeDefined();
    expect((await ask('listpays', { status: 'pending' })).result).toEqual({ pays: [] });
    expect(wrong()).toEqual([]);
  },
  60_000,
);

test('what no record, invoice or timer holds is refused as the caller’s mistake, and nothing of it is kept', async () => {
  const bolt11 = foreign({ descriptionHash: sha256(utf8('the words')) });
  const before = (await ask('listpays', {})).result;
  const refused: readonly (readonly [string, object, RegExp])[] = [
    ['pay', { bolt11, retry_for: 3_000_000_000 }, /^retry_for: expected an integer/],
    ['pay', { bolt11, description: 'x'.repeat(70_000) }, /^description: expected a text of at most 65535 bytes/],
    ['pay', { bolt11, description: 'other words' }, /^description: the invoice has the hash of another one/],
    ['pay', { bolt11: foreign(), description: 'e' }, /^description: the invoice has one of its own/],
    ['pay', { bolt11: `lnbcrt1${'q'.repeat(65_529)}` }, /^bolt11: expected a text of at most 65535 bytes/],
    ['pay', { bolt11, label: 'x'.repeat(70_000) }, /^label: /],
    ['decode', { string: 'x'.repeat(70_000) }, /^string: /],
    [
      'invoice',
      { amount_msat: 1, label: 'a', description: 'x'.repeat(640) },
      /^description: expected at most 639 bytes/,
    ],
    [
      'invoice',
      { amount_msat: 1, label: 'b', description: 'ü'.repeat(320) },
      /^description: expected at most 639 bytes/,
    ],
    ['invoice', { amount_msat: 1, label: 'c', description: 'd', expiry: 2 ** 52 }, /^expiry: expected an integer/],
    ['invoice', { amount_msat: 1, label: 'd', description: 'd', cltv: most }, /^cltv: expected an integer/],
    ['waitinvoice', { label: 'x'.repeat(70_000) }, /^label: /],
  ];
  for (const [method, params, expected] of refused)
    expect((await ask(method, params)).error).toMatchObject({ code: -32602, message: expect.stringMatching(expected) });
  expect((await ask('listpays', {})).result).toEqual(before);
  expect((await ask('listinvoices', {})).result).toEqual({ invoices: [] });
  // It is not "being paid already": it fails for want of a payee who answers.
  expect((await ask('pay', { bolt11, description: 'the words', retry_for: 2 })).error?.code).toBe(205);
  expect(wrong()).toEqual([]);
});

test('a description of 639 bytes stands in its invoice, and a longer one as its hash', async () => {
  const short = await ask('invoice', { amount_msat: 1, label: 'short', description: 'x'.repeat(639) });
  expect((await ask('decode', { string: short.result?.['bolt11'] })).result?.['description']).toBe('x'.repeat(639));
  const words = 'x'.repeat(65_535);
  const long = await ask('invoice', { amount_msat: 1, label: 'long', description: words, deschashonly: true });
  expect((await ask('decode', { string: long.result?.['bolt11'] })).result).not.toHaveProperty('description');
  expect((await ask('listinvoices', { label: 'long' })).result).toMatchObject({ invoices: [{ description: words }] });
  expect(wrong()).toEqual([]);
});
