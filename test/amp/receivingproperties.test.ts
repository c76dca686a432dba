/**
 * Whatever arrives, in whatever order, with restarts and lost effects between: a set is claimed whole or not at all, every
 * HTLC ends exactly once, and payments never mix. The driver round-trips the state through its records at every step.
 */

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { schemeNames } from '../../amp/schemes.ts';
import { msat, paymentHash } from '../../wire/units.ts';
import { propertyRuns } from '../support/runs.ts';
import { bytes32, type Htlc, keyOf, ReceiverUnderTest, WRONG } from './receiver.ts';
import { amp, ampInvoice, schemeNamed, withBlobs } from './sets.ts';

const runs = propertyRuns(15);

type Damage = 'none' | 'missing' | 'wrong share' | 'wrong hash' | 'other count' | 'below onion';

interface Plan {
  readonly scheme: string;
  readonly damage: readonly Damage[];
  readonly extraShares: number;
  /** Asked by an invoice: undefined for none. */
  readonly asked: 'none' | 'enough' | 'too much';
  readonly repeats: number;
}

const plan: fc.Arbitrary<Plan> = fc.record({
  scheme: fc.constantFrom(...schemeNames),
  damage: fc.array(
    fc.oneof(
      { weight: 12, arbitrary: fc.constant<Damage>('none') },
      {
        weight: 1,
        arbitrary: fc.constantFrom<Damage>('missing', 'wrong share', 'wrong hash', 'other count', 'below onion'),
      },
    ),
    { minLength: 1, maxLength: 6 },
  ),
  extraShares: fc.nat(3),
  asked: fc.constantFrom('none', 'enough', 'too much'),
  repeats: fc.nat(2),
});

const damaged = (htlc: Htlc, damage: Damage): Htlc => {
  switch (damage) {
    case 'wrong share':
      return withBlobs(htlc, () => ({ share: bytes32(999) }));
    case 'wrong hash':
      return { ...htlc, paymentHash: paymentHash(bytes32(998)) };
    case 'other count':
      return withBlobs(htlc, () => ({ marker: 77 }));
    case 'below onion':
      return { ...htlc, amount: msat(1n) };
    default:
      return htlc;
  }
};

/** The HTLCs of a plan, and their repetitions under other keys. */
const htlcsOf = ({ scheme, damage, extraShares, asked, repeats }: Plan, n: number): readonly Htlc[] => {
  const parts = damage.length;
  const invoice = ampInvoice(BigInt(parts) * 1000n + (asked === 'too much' ? 1n : 0n), n);
  const made = amp({
    ...{ scheme, parts, seed: n + 1, firstKey: n * 100 },
    shares: parts + (schemeNamed(scheme).furtherBlobs ? extraShares : 0),
    ...(asked === 'none' ? {} : { invoice }),
  });
  const sent = made.flatMap((htlc, i) => (damage[i] === 'missing' ? [] : [damaged(htlc, damage[i] ?? 'none')]));
  const again = sent.slice(0, repeats).map((htlc, i) => ({ ...htlc, key: keyOf(n * 100 + 50 + i) }));
  return [...sent, ...again];
};

const isWhole = ({ damage, asked }: Plan): boolean => damage.every((d) => d === 'none') && asked !== 'too much';

const shuffled = <T>(items: readonly T[], order: readonly number[]): readonly T[] =>
  items
    .map((item, i) => ({ item, at: order[i % Math.max(1, order.length)] ?? 0, i }))
    .sort((a, b) => a.at - b.at || a.i - b.i)
    .map(({ item }) => item);

test('sets are claimed whole or not at all, whatever arrives and whenever the process ends', () => {
  fc.assert(
    fc.property(
      fc.array(plan, { minLength: 1, maxLength: 3 }),
      fc.array(fc.nat(1000), { minLength: 1, maxLength: 40 }),
      fc.array(fc.record({ restart: fc.boolean(), lose: fc.nat(6) }), { minLength: 1, maxLength: 10 }),
      (plans, order, crashes) => {
        const receiver = new ReceiverUnderTest();
        const all = shuffled(plans.flatMap(htlcsOf), order);
        for (const [i, htlc] of all.entries()) {
          const crash = crashes[i % crashes.length] ?? { restart: false, lose: 0 };
          receiver.arrive(htlc, crash.restart ? crash.lose : 0);
          if (crash.restart) receiver.restart();
        }
        const early = new Map(receiver.answers);
        receiver.tick(61);

        expect(receiver.answers.size).toBe(all.length);
        for (const [n, one] of plans.entries()) {
          const [first] = htlcsOf(one, n);
          const keys = htlcsOf(one, n).map(({ key }) => Number(key.id));
          const hashes = new Set(keys.filter((id) => receiver.resolution(id) === 'fulfilled').map((id) => id % 50));
          // All or none; which of two HTLCs with the same hash came first does not matter.
          const claimed = hashes.size;
          expect(claimed).toBe(isWhole(one) ? one.damage.length : 0);
          if (claimed > 0) for (const id of keys) expect(early.has(`c/${id}`)).toBe(true);
          const paid = receiver.paid.filter(({ invoice }) => invoice === first?.invoice?.id);
          expect(paid).toHaveLength(claimed > 0 && one.asked !== 'none' ? 1 : 0);
        }
        receiver.resolve();
        expect(receiver.state.sets.size).toBe(0);
        expect(receiver.state.owners.size).toBe(0);
      },
    ),
    { numRuns: runs },
  );
});

test('an HTLC that is delivered again after a crash is answered as if no step had been lost', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...schemeNames),
      fc.integer({ min: 1, max: 6 }),
      fc.array(fc.nat(20), { maxLength: 12 }),
      (scheme, parts, losses) => {
        const receiver = new ReceiverUnderTest();
        const invoice = ampInvoice(BigInt(parts) * 1000n);
        for (const [i, htlc] of amp({ scheme, parts, invoice }).entries()) {
          receiver.arrive(htlc, losses[i] ?? 0);
          receiver.restart();
        }
        expect([...receiver.answers.values()].every((answer) => 'fulfilled' in answer)).toBe(true);
        expect(receiver.answers.size).toBe(parts);
        expect(receiver.paid).toHaveLength(1);
      },
    ),
    { numRuns: runs },
  );
});

test('of a threshold set exactly as many are claimed as are needed, those that came first, whatever the order and the restarts', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 5 }),
      fc.integer({ min: 0, max: 4 }),
      fc.array(fc.nat(1000), { minLength: 1, maxLength: 12 }),
      fc.array(fc.option(fc.nat(5), { nil: undefined }), { minLength: 1, maxLength: 10 }),
      fc.boolean(),
      (needed, redundancy, order, crashes, invoiced) => {
        const parts = needed + redundancy;
        const invoice = invoiced ? ampInvoice(BigInt(needed) * 1000n) : undefined;
        const sent = shuffled(amp({ scheme: 'threshold', parts, shares: needed, ...(invoice && { invoice }) }), order);
        const receiver = new ReceiverUnderTest();
        for (const [i, htlc] of sent.entries()) {
          const lost = crashes[i % crashes.length];
          receiver.arrive(htlc, lost ?? 0);
          if (lost !== undefined) receiver.restart();
        }
        const resolutions = sent.map(({ key }) => receiver.resolution(Number(key.id)));
        expect(resolutions).toEqual(sent.map((_, i) => (i < needed ? 'fulfilled' : WRONG)));
        expect(receiver.paid.map(({ received }) => received)).toEqual(invoiced ? [BigInt(needed) * 1000n] : []);
      },
    ),
    { numRuns: runs },
  );
});
