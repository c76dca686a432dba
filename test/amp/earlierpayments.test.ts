/** Payments that a version before left on disk, as the bytes it wrote: without strategy, room, blobs and total in records of their own. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { unhex } from '../../wire/bytes.ts';
import { answerAll } from './byhand.ts';
import { PaymentUnderTest } from './payer.ts';
import { secretOf } from './receiver.ts';

const file = new URL('../vectors/earlier-payments.json', import.meta.url);
type Records = Readonly<Record<string, string>>;
const kept = JSON.parse(readFileSync(file, 'utf8')) as Readonly<Record<string, Records>>;

const loaded = (records: Records): PaymentUnderTest => {
  const payer = new PaymentUnderTest();
  for (const [key, value] of Object.entries(records)) payer.store.set(key, unhex(value));
  payer.restart();
  return payer;
};
const { complete = {}, failed = {}, ...underWay } = kept;
const { preimage } = secretOf(1);

describe.each(Object.entries(underWay))('a payment (%s) that was under way in a version before', (_, records) => {
  test('goes on over other routes, and is paid', () => {
    const payer = loaded(records);
    if (payer.payment.kind !== 'running') throw new Error('expected a payment under way');
    const { request, progress, shards } = payer.payment;
    expect([request.strategy, request.blobs, progress.room]).toEqual([
      undefined,
      undefined,
      { waits: false, refused: 0 },
    ]);
    const before = shards.flatMap(({ state }) => (state.kind === 'in_flight' ? [state.attempt] : []));
    answerAll(payer);
    payer.tick(10);
    expect(payer.payment).toMatchObject({
      kind: 'running',
      shards: shards.map(() => ({ state: { kind: 'in_flight' } })),
    });
    const attempts = [...before, ...payer.offers.map(({ attempt }) => attempt)];
    expect(attempts).toHaveLength(shards.length);
    for (const attempt of attempts) payer.step({ type: 'outcome', attempt, outcome: { kind: 'fulfilled', preimage } });
    expect(payer.result).toMatchObject({ event: 'payment_succeeded', parts: shards.length });
  });
});

test.each([
  ['complete', complete, { event: 'payment_succeeded', amount: 1_000_000n, parts: 1, preimages: [preimage] }],
  ['failed', failed, { event: 'payment_failed', reason: { code: 'deadline' }, parts: 0 }],
] as const)('a payment that was %s in a version before, and not yet told, is so', (_, records, result) => {
  const payer = loaded(records);
  expect(payer.result).toMatchObject(result);
  payer.step({ type: 'acknowledged' });
  expect(payer.store.size).toBe(0);
});
