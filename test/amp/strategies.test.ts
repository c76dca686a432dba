/** Strategies: how each cuts an amount and what it makes of a failed piece; and what a mistake in one costs. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { AmpRequest } from '../../amp/io.ts';
import { restorePayment } from '../../amp/paymentstore.ts';
import type { Outlet } from '../../amp/route.ts';
import { firstPieces, splitPieces, strategies, withStrategies } from '../../amp/strategies.ts';
import type { CutWish, Strategy } from '../../amp/strategy.ts';
import { type Msat, msat } from '../../wire/units.ts';
import { answer, answerAll, busy, end, failed, outlet, roomy, small, started, take, unknown } from './byhand.ts';
import { ampRequest, deployedRequest, ordinaryRequest, PaymentUnderTest } from './payer.ts';
import { secretOf } from './receiver.ts';

const named = (name: string): Strategy => {
  const found = strategies.get(name);
  if (found === undefined) throw new Error(`no strategy ${name}`);
  return found;
};
const wish = (changes: Partial<CutWish> = {}): CutWish => ({
  ...{ amount: msat(1_000_000n), maxFee: msat(0n), shards: undefined, maxShards: 16, minShard: msat(1000n) },
  ...changes,
});
const withSlots = (slots: number, ...spendable: readonly bigint[]): readonly Outlet[] =>
  spendable.map((amount, n) => ({ ...outlet(n, amount), slots }));
const amounts = (payer: PaymentUnderTest): readonly bigint[] =>
  payer.payment.kind === 'running' ? payer.payment.shards.map(({ amount }) => amount) : [];
const reason = ({ result }: PaymentUnderTest) => (result?.event === 'payment_failed' ? result.reason : undefined);

describe('strategy equal', () => {
  const cut = (changes: Partial<CutWish>, outlets: readonly Outlet[]) => named('equal').cut(wish(changes), outlets);

  test('cuts into as many equal pieces as are wanted, whatever the outlets', () => {
    expect(cut({ shards: 3 }, withSlots(9, 5_000_000n, 10n))).toEqual([333_334n, 333_333n, 333_333n]);
    expect(cut({ shards: 4 }, withSlots(9, 600_000n, 600_000n))).toEqual([250_000n, 250_000n, 250_000n, 250_000n]);
  });
  test.each([
    ['more pieces than the outlets have HTLC slots', { shards: 5 }, withSlots(2, 900_000n, 900_000n), '4 at most'],
    ['pieces below the smallest', { shards: 4, minShard: msat(300_000n) }, withSlots(9, 5_000_000n), '3 at most'],
  ])('refuses %s, and says how many there could be', (_, changes, outlets, expected) => {
    expect(cut(changes, outlets)).toMatchObject({ field: 'shards', expected: expect.stringContaining(expected) });
  });
  test('gives none where equal pieces do not fit the outlets', () => {
    expect(cut({ shards: 2 }, withSlots(9, 900_000n, 400_000n))).toBeUndefined();
    expect(cut({ shards: 2 }, [])).toBeUndefined();
  });
  test('has to be told how many pieces there are to be', () => {
    expect(reason(started(ampRequest({ strategy: 'equal' })))).toMatchObject({ code: 'bad_request', field: 'shards' });
  });
  test('sends a failed piece whole over another route, and gives up when there is none', () => {
    const request = ampRequest({ scheme: 'tree', strategy: 'equal', shards: 2 });
    const payer = started(request);
    answerAll(payer);
    const [first, second] = [take(payer), take(payer)];
    end(payer, first, failed(request, first, 1, 0, busy));
    expect(amounts(payer)).toEqual([500_000n, 500_000n]);
    answer(payer);
    end(payer, second, failed(request, second, 2, 0, busy));
    expect(reason(payer)).toEqual({ code: 'no_route', amount: 500_000n });
  });
});

describe('strategy outlets', () => {
  const three = [...roomy, outlet(3, 2_000_000n)];
  /** Fails the whole amount over so many ways, one after the other. */
  const refusedBy = (count: number, request: AmpRequest): PaymentUnderTest => {
    const payer = started(request, three);
    for (let n = 1; n <= count; n++) {
      answer(payer, n);
      const offer = take(payer);
      end(payer, offer, failed(request, offer, n, 0, busy));
    }
    return payer;
  };

  test('sends a failed piece whole over other routes, and each half once several channels did not carry it', () => {
    const request = ampRequest({ scheme: 'tree' });
    expect(amounts(refusedBy(2, request))).toEqual([1_000_000n]);
    expect(amounts(refusedBy(3, request))).toEqual([500_000n, 500_000n]);
  });

  test('cuts no small part of the amount for that', () => {
    const split = (amount: bigint, refusals: number) =>
      named('outlets').split(wish(), { amount: msat(amount), cause: 'failed', largest: undefined, refusals });
    expect(split(125_000n, 9)).toBeUndefined();
    expect(split(125_002n, 9)).toEqual([62_501n, 62_501n]);
    expect(split(1_000_000n, 2)).toBeUndefined();
  });
});

describe('strategy halving', () => {
  const cut = (changes: Partial<CutWish>, outlets: readonly Outlet[]) => named('halving').cut(wish(changes), outlets);

  test.each([
    ['the whole amount where one outlet carries it', withSlots(9, 1_000_000n), [1_000_000n]],
    ['halves where none carries all', withSlots(9, 700_000n, 600_000n), [500_000n, 500_000n]],
    [
      'halves of a half for which there is no room',
      withSlots(9, 600_000n, 300_000n, 300_000n),
      [500_000n, 250_000n, 250_000n],
    ],
    ['nothing where slots are too few', withSlots(1, 600_000n, 300_000n), undefined],
    ['nothing where the outlets carry less', withSlots(9, 500_000n, 499_999n), undefined],
  ])('begins with %s', (_, outlets, expected) => {
    expect(cut({}, outlets)).toEqual(expected);
  });

  test.each([
    ['tree', ampRequest({ scheme: 'tree', strategy: 'halving' })],
    ['mpp', ordinaryRequest({ strategy: 'halving' })],
    ['deployed', deployedRequest({ strategy: 'halving' })],
  ])('splits what fails on its way, and each half again, with scheme %s', (_, request) => {
    const payer = started(request);
    answerAll(payer);
    const whole = take(payer);
    expect(whole.amount).toBe(1_001_000n);
    end(payer, whole, failed(request, whole, 1, 0, busy));
    expect(amounts(payer)).toEqual([500_000n, 500_000n]);
    answerAll(payer);
    const [first, second] = [take(payer), take(payer)];
    end(payer, second, failed(request, second, 2, 0, busy));
    expect(amounts(payer)).toEqual([500_000n, 250_000n, 250_000n]);
    answerAll(payer);
    for (const offer of [first, take(payer), take(payer)])
      end(payer, offer, { kind: 'fulfilled', preimage: secretOf(1).preimage });
    expect(payer.result).toMatchObject({ event: 'payment_succeeded', amount: 1_000_000n, parts: 3 });
  });

  test('does not split what its destination refuses, nor what a channel of ours does not take', () => {
    const request = ampRequest({ scheme: 'tree', strategy: 'halving' });
    const payer = started(request);
    answerAll(payer);
    end(payer, take(payer), { kind: 'refused', why: 'unavailable' });
    expect(amounts(payer)).toEqual([1_000_000n]);
    answer(payer, 2);
    const offer = take(payer);
    end(payer, offer, failed(request, offer, 2, 1, unknown));
    expect(reason(payer)).toMatchObject({ code: 'refused_by_destination' });
  });

  test('sends whole over other routes what cannot be split further', () => {
    const request = ampRequest({ scheme: 'tree', strategy: 'halving', minShard: msat(600_000n) });
    const payer = started(request);
    answerAll(payer);
    const whole = take(payer);
    end(payer, whole, failed(request, whole, 1, 0, busy));
    expect(payer.query?.amount).toBe(1_000_000n);
  });
});

describe('a payment', () => {
  test('of an unknown strategy fails and names those that there are', () => {
    expect(reason(started(ampRequest({ strategy: 'thirds' })))).toEqual({
      code: 'bad_request',
      field: 'strategy',
      expected: `one of ${[...strategies.keys()].join(', ')}`,
    });
  });

  test('keeps its strategy over a restart, and one of earlier versions has strategy outlets', () => {
    const request = ampRequest({ scheme: 'tree', strategy: 'halving' });
    const payer = started(request);
    answerAll(payer);
    const whole = take(payer);
    payer.restart();
    end(payer, whole, failed(request, whole, 1, 0, busy));
    expect(amounts(payer)).toEqual([500_000n, 500_000n]);

    const before = started(ampRequest({ scheme: 'tree' }));
    expect([...before.store.keys()].filter((key) => key.startsWith('strategy'))).toEqual([]);
    answerAll(before);
    const offer = take(before);
    before.restart();
    end(before, offer, failed(ampRequest(), offer, 1, 0, busy));
    expect(amounts(before)).toEqual([1_000_000n]);
  });

  test('stops after a restart of a node that does not know its strategy any more, with no HTLC lost', () => {
    const request = ampRequest({ scheme: 'tree', strategy: 'own' });
    const payer = new PaymentUnderTest();
    payer.context = { ...payer.context, strategies: withStrategies([{ ...named('halving'), name: 'own' }]) };
    payer.start(request, roomy);
    answerAll(payer);
    const whole = take(payer);
    payer.context = { ...payer.context, strategies };
    payer.restart();
    expect(payer.payment).toEqual(restorePayment(payer.store));
    end(payer, whole, failed(request, whole, 1, 0, busy));
    expect(reason(payer)).toMatchObject({ code: 'bad_request', field: 'strategy' });
  });

  test('takes no part in spare shards, which are all equal', () => {
    const request = ampRequest({
      scheme: 'threshold',
      redundancy: 1,
      strategy: 'halving',
      maxOverpayment: msat(1_000_000n),
    });
    expect(reason(started(request))).toMatchObject({ code: 'bad_request', field: 'strategy' });
  });
});

describe('a strategy of a program', () => {
  const own = (changes: Partial<Strategy>): Strategy => ({ ...named('outlets'), name: 'own', ...changes });
  const begun = (strategy: Strategy, outlets = small): PaymentUnderTest => {
    const payer = new PaymentUnderTest();
    payer.context = { ...payer.context, strategies: withStrategies([strategy]) };
    return payer.start(ampRequest({ scheme: 'tree', strategy: 'own' }), outlets);
  };
  const thrower = (): never => {
    throw new TypeError('no such thing');
  };

  test.each<[string, () => unknown, string]>([
    ['throws', thrower, 'it threw no such thing'],
    ['gives less than the amount', () => [msat(1n)], 'its pieces come to 1 msat, not to 1000000 msat'],
    ['gives more than the amount', () => [msat(600_000n), msat(600_000n)], 'its pieces come to 1200000 msat'],
    ['gives a negative piece', () => [-1n, 1_000_001n], 'a piece of -1 msat'],
    ['gives nothing', () => [], '0 pieces'],
    ['gives more pieces than may be', () => Array.from({ length: 1000 }, () => 1000n), '1000 pieces'],
    ['gives pieces below the smallest', () => [999n, 999_001n], 'a piece of 999 msat'],
    ['gives numbers for amounts', () => [1_000_000], 'not a bigint'],
    ['gives a text', () => '1000000', 'strategy_failed'],
  ])('that %s costs the payment, with an error that says so', (_, cut, text) => {
    const failure = reason(begun(own({ cut: cut as Strategy['cut'] })));
    expect(failure).toMatchObject({ code: 'strategy_failed', strategy: 'own' });
    expect(JSON.stringify(failure)).toContain(text);
  });

  test.each<[string, () => unknown]>([
    ['throws', thrower],
    ['gives one piece', () => [msat(500_000n)]],
    ['gives too much', () => [msat(500_000n), msat(1n)]],
  ])('that %s in the middle of a payment ends it once what is under way is back', (_, split) => {
    const payer = begun(own({ split: split as Strategy['split'] }));
    answerAll(payer);
    const [first, second] = [take(payer), take(payer)];
    const request = ampRequest({ scheme: 'tree' });
    end(payer, first, failed(request, first, 1, 0, busy));
    expect(payer.payment).toMatchObject({ progress: { phase: 'stopping' } });
    expect(payer.result).toBeUndefined();
    end(payer, second, failed(request, second, 2, 0, busy));
    expect(reason(payer)).toMatchObject({ code: 'strategy_failed', strategy: 'own' });
  });

  test('can refuse, and its words are the failure', () => {
    const refused = begun(own({ cut: () => ({ field: 'amount', expected: 'a round sum' }) }));
    expect(reason(refused)).toEqual({ code: 'bad_request', field: 'amount', expected: 'a round sum' });
  });

  test.each(['', 'Upper', 'a'.repeat(33), 'outlets'])('cannot be called %j', (name) => {
    expect(() => withStrategies([own({ name })])).toThrow(RangeError);
  });
});

const spendables = fc.array(fc.record({ spendable: fc.nat(2000), slots: fc.nat(4) }), { maxLength: 5 });

test.each([...strategies.keys()])(
  'pieces of strategy %s keep all bounds and find slots and room in the outlets',
  (name) => {
    fc.assert(
      fc.property(
        fc.record({
          ...{ amount: fc.integer({ min: 1, max: 5000 }), maxFee: fc.nat(300), minShard: fc.nat(400) },
          ...{
            shards: fc.option(fc.integer({ min: 1, max: 8 }), { nil: undefined }),
            maxShards: fc.integer({ min: 8, max: 20 }),
          },
        }),
        spendables,
        ({ amount, maxFee, minShard, shards, maxShards }, given) => {
          const outlets = given.map(({ spendable, slots }, n) => ({ ...outlet(n, BigInt(spendable)), slots }));
          const bounds = { minShard: msat(BigInt(minShard)), maxFee: msat(BigInt(maxFee)), shards, maxShards };
          const pieces = firstPieces(named(name), wish({ amount: msat(BigInt(amount)), ...bounds }), outlets);
          if (pieces === undefined || 'code' in pieces) {
            expect(pieces?.code ?? 'bad_request').toBe('bad_request');
            return;
          }
          expect(pieces.reduce((sum, piece) => sum + piece, 0n)).toBe(BigInt(amount));
          expect(isPacked(pieces, given)).toBe(true);
        },
      ),
      { numRuns: 200 },
    );
  },
);

/** Whether some way of putting the pieces into the rooms keeps both their sizes and their slots. */
const isPacked = (
  pieces: readonly Msat[],
  rooms: readonly { readonly spendable: number; readonly slots: number }[],
): boolean => {
  const place = ([piece, ...others]: readonly number[], left: typeof rooms): boolean =>
    piece === undefined ||
    left.some(
      ({ spendable, slots }, i) =>
        slots > 0 &&
        spendable >= piece &&
        left.findIndex((one) => one.spendable === spendable && one.slots === slots) === i &&
        place(others, left.with(i, { spendable: spendable - piece, slots: slots - 1 })),
    );
  return place(
    pieces.map(Number).sort((a, b) => b - a),
    rooms,
  );
};

test.each([...strategies.keys()])(
  'splitting by strategy %s ends, loses nothing and keeps the smallest piece',
  (name) => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 100_000 }),
        fc.integer({ min: 0, max: 5000 }),
        fc.array(
          fc.record({
            cause: fc.constantFrom('failed' as const, 'no_route' as const),
            ...{ largest: fc.nat(100_000), refusals: fc.nat(5) },
          }),
          {
            ...{ minLength: 1, maxLength: 40 },
          },
        ),
        (amount, minShard, causes) => {
          const bounds = wish({ amount: msat(BigInt(amount)), minShard: msat(BigInt(minShard)), maxShards: 64 });
          const pieces = [bounds.amount];
          for (const [n, { cause, largest, refusals }] of causes.entries()) {
            const piece = pieces[n % pieces.length] ?? bounds.amount;
            const halves = splitPieces(named(name), bounds, {
              ...{ amount: piece, cause, largest: msat(BigInt(largest)), refusals },
            });
            if (halves === undefined) continue;
            if ('code' in halves) throw new Error(halves.code);
            pieces.splice(n % pieces.length, 1, ...halves);
          }
          expect(pieces.reduce((sum, piece) => sum + piece, 0n)).toBe(bounds.amount);
          if (pieces.length > 1) expect(pieces.every((piece) => piece >= bounds.minShard && piece > 0n)).toBe(true);
        },
      ),
      { numRuns: 200 },
    );
  },
);
