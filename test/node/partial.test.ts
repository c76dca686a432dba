/** Invoices of which several nodes pay a part each (`partial_msat`). */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ApiError } from '../../node/api/errors.ts';
import { msat } from '../../wire/units.ts';
import { answerAll, started } from '../amp/byhand.ts';
import { ordinaryRequest } from '../amp/payer.ts';
import { type Line, startLine } from '../support/line.ts';

let line: Line;
beforeAll(async () => {
  line = await startLine();
});
afterAll(() => line.stop());

const WHOLE = 100_000_000n;
let bills = 0;
const billOf = (given: object = {}) =>
  line.bob.call('invoice', { amount_msat: WHOLE, label: `bill ${bills++}`, description: '', ...given });
const refusal = (call: Promise<unknown>): Promise<unknown> =>
  call.then(
    () => 'paid',
    (error: unknown) => (error instanceof ApiError ? error.message : error),
  );

test('two nodes pay an invoice together, each its part, and both have the preimage', async () => {
  const { bolt11, payment_hash } = await billOf();
  const [one, other] = await Promise.all([
    line.alice.call('pay', { bolt11, partial_msat: 30_000_000n }),
    line.carol.call('xpay', { invstring: bolt11, partial_msat: 70_000_000n }),
  ]);
  expect(one).toMatchObject({ status: 'complete', amount_msat: 30_000_000n });
  expect(other).toMatchObject({ amount_msat: 70_000_000n, payment_preimage: one.payment_preimage });
  const { invoices } = await line.bob.call('listinvoices', { payment_hash });
  expect(invoices).toMatchObject([{ status: 'paid', amount_received_msat: WHOLE }]);
});

test('the whole of an invoice without an amount is what amount_msat says', async () => {
  const { bolt11, payment_hash } = await billOf({ amount_msat: 'any' });
  await Promise.all([
    line.alice.call('pay', { bolt11, amount_msat: WHOLE, partial_msat: 60_000_000n, shards: 2 }),
    line.carol.call('pay', { bolt11, amount_msat: WHOLE, partial_msat: 40_000_000n }),
  ]);
  const { invoices } = await line.bob.call('listinvoices', { payment_hash });
  expect(invoices).toMatchObject([{ status: 'paid', amount_received_msat: WHOLE }]);
});

test('a part that is nothing, more than the whole, or one of an AMP is refused', async () => {
  const { bolt11 } = await billOf();
  for (const partial_msat of [0n, WHOLE + 1n])
    expect(await refusal(line.alice.call('pay', { bolt11, partial_msat }))).toBe(
      `partial_msat: expected 1 to ${WHOLE} msat, which is the whole amount`,
    );
  for (const amp of ['eob', 'deployed'] as const)
    expect(
      await refusal(line.alice.call('pay', { bolt11: (await billOf({ amp })).bolt11, partial_msat: 1_000_000n })),
    ).toContain('partial_msat: an atomic multi-path payment has one payer');
  expect(await line.alice.call('pay', { bolt11, partial_msat: WHOLE })).toMatchObject({ amount_msat: WHOLE });
});

test('a payment of a part keeps the whole amount over a restart, and is no larger than it', () => {
  const payer = started(ordinaryRequest({ total: msat(3_000_000n) }));
  payer.restart();
  answerAll(payer);
  expect(payer.payment).toMatchObject({ request: { total: 3_000_000n } });
  expect(payer.offers).toHaveLength(1);
  expect(started(ordinaryRequest({ total: msat(999_999n) })).result).toMatchObject({
    reason: { code: 'bad_request', field: 'amount' },
  });
});
