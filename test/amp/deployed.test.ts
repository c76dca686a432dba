/** lnd's AMP at a payee: when a set of record 14 is claimed, what fails one HTLC of it, and what fails all. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { listSets } from '../../amp/receiving.ts';
import { msat, paymentHash } from '../../wire/units.ts';
import { propertyRuns } from '../support/runs.ts';
import { changed, deployed, deployedInvoice } from './deployedsets.ts';
import {
  at,
  bytes32,
  type Htlc,
  keyOf,
  ReceiverUnderTest,
  resolutions,
  run,
  settled,
  WRONG,
  whys,
} from './receiver.ts';
import { amp, ampInvoice } from './sets.ts';

const timesOut = 'mpp_timeout';

describe('a set of record 14', () => {
  test.each([1, 2, 16, 255])('of %i HTLCs is held until they come to its total, and then claimed whole', (parts) => {
    const htlcs = deployed({ parts });
    const receiver = run(htlcs.slice(0, -1), (one) => {
      one.checked = parts < 50;
    });
    expect(resolutions(receiver, parts)).toEqual(Array(parts).fill('held'));
    receiver.arrive(at(htlcs, parts - 1));
    expect(resolutions(receiver, parts)).toEqual(settled(parts));
  });

  test('is taken where its HTLCs come to more than its total', () => {
    const htlcs = deployed({ parts: 3 }).map((htlc) => changed(htlc, { total: msat(2500n) }));
    expect(resolutions(run(htlcs), 3)).toEqual(settled(3));
  });

  test('counts what its payer meant each HTLC to bring, so that no forwarder can end it early by paying more', () => {
    const [first, second] = deployed({ parts: 2 });
    const receiver = run([{ ...at([first as Htlc], 0), amount: msat(2000n) }]);
    expect(receiver.resolution(0)).toBe('held');
    receiver.arrive(second as Htlc);
    expect(resolutions(receiver, 2)).toEqual(settled(2));
  });

  test('fails whole where a share is not the one its hashes were made of', () => {
    const htlcs = deployed({ parts: 3 });
    const receiver = run([at(htlcs, 0), changed(htlcs[1], { share: bytes32(999) }), at(htlcs, 2)]);
    expect(resolutions(receiver, 3)).toEqual([WRONG, WRONG, WRONG]);
    expect(whys(receiver)).toEqual(['wrong_hash']);
  });

  test('fails whole where an index is not the one its hash was made of', () => {
    const htlcs = deployed({ parts: 2 });
    expect(resolutions(run([at(htlcs, 0), changed(htlcs[1], { childIndex: 1 })]), 2)).toEqual([WRONG, WRONG]);
  });

  test('fails whole where two HTLCs of it announce different totals', () => {
    const htlcs = deployed({ parts: 3 });
    const receiver = run([at(htlcs, 0), changed(htlcs[1], { total: msat(3001n) })]);
    expect(resolutions(receiver, 2)).toEqual([WRONG, WRONG]);
    receiver.arrive(at(htlcs, 2));
    expect(receiver.resolution(2)).toBe(WRONG);
    expect(whys(receiver)).toEqual(['total_mismatch', 'total_mismatch', 'already_failed']);
  });

  test('is held for two minutes and then fails with mpp_timeout', () => {
    const receiver = run(deployed({ parts: 3 }).slice(0, 2));
    receiver.tick(120);
    expect(resolutions(receiver, 2)).toEqual(['held', 'held']);
    receiver.tick(1);
    expect(resolutions(receiver, 2)).toEqual([timesOut, timesOut]);
  });

  test('without an invoice is listed once it is settled, as one in frames is, until its HTLCs are gone', () => {
    for (const [scheme, htlcs] of [
      ['deployed', deployed({ parts: 2 })],
      ['tree', amp({ scheme: 'tree', parts: 2 })],
    ] as const) {
      const receiver = run(htlcs);
      expect(listSets(receiver.state)).toMatchObject([{ scheme, phase: 'settled', invoice: undefined, total: 2000n }]);
      receiver.resolve();
      expect(listSets(receiver.state)).toEqual([]);
    }
  });

  test('that has failed takes no late HTLC, and another set of the same invoice is untouched', () => {
    const invoice = deployedInvoice(2000n);
    const [a, b] = deployed({ parts: 2, invoice });
    const others = deployed({ parts: 2, invoice, seed: 2, firstKey: 10 });
    const receiver = run([a as Htlc]);
    receiver.tick(100);
    receiver.arrive(at(others, 0));
    receiver.tick(21);
    receiver.resolve();
    receiver.arrive(b as Htlc);
    expect(receiver.resolution(1)).toBe(WRONG);
    expect(receiver.resolution(10)).toBe('held');
    receiver.arrive(at(others, 1));
    expect(receiver.resolution(11)).toBe('fulfilled');
  });

  test('that is settled takes no further HTLC, and its set_id is never used again', () => {
    const htlcs = deployed({ parts: 2 });
    const receiver = run(htlcs);
    receiver.arrive({ ...at(htlcs, 0), key: keyOf(5), paymentHash: paymentHash(bytes32(9)) });
    receiver.resolve();
    receiver.arrive({ ...at(htlcs, 1), key: keyOf(6) });
    expect([receiver.resolution(5), receiver.resolution(6)]).toEqual([WRONG, WRONG]);
    expect(whys(receiver)).toEqual(['already_settled', 'already_settled']);
  });

  test('is no set of an AMP in blobs that has the same set_id', () => {
    const [one, two] = deployed({ parts: 2 });
    const blobs = amp({ scheme: 'fixed', parts: 2, firstKey: 10 });
    const setId = (blobs[0]?.payload.kind === 'eob' && blobs[0].payload.blobs[0]?.setId) || bytes32(0);
    const receiver = run([changed(one, { setId }), ...blobs]);
    expect([receiver.resolution(10), receiver.resolution(11), receiver.resolution(0)]).toEqual([
      'fulfilled',
      'fulfilled',
      'held',
    ]);
    receiver.arrive(changed(two, { setId }));
    expect(resolutions(receiver, 2)).toEqual(settled(2));
  });
});

describe('an HTLC with record 14', () => {
  const alone = (change: Parameters<typeof changed>[1], invoice = deployedInvoice(2000n)) => {
    const htlcs = deployed({ parts: 2, invoice });
    const receiver = run([at(htlcs, 0), { ...changed(htlcs[1], change), key: keyOf(7) }]);
    receiver.arrive(at(htlcs, 1));
    return { why: whys(receiver), resolutions: [receiver.resolution(7), ...resolutions(receiver, 2)] };
  };

  test.each([
    ['without payment_data', { paymentSecret: undefined, total: undefined }, 'no_payment_secret'],
    ['whose set_id is zero', { setId: new Uint8Array(32) }, 'bad_set_id'],
    ['of a total of nothing', { total: msat(0n) }, 'below_amount_asked'],
    ['of less than the invoice asks', { total: msat(1999n) }, 'below_amount_asked'],
    ['of more than twice of what the invoice asks', { total: msat(4001n) }, 'above_twice_amount_asked'],
    ['under the set_id of another payment', { paymentSecret: bytes32(77) }, 'set_mismatch'],
  ] as const)('%s is refused by itself, and the set stands', (_, change, why) => {
    expect(alone(change)).toEqual({ why: [why], resolutions: [WRONG, 'fulfilled', 'fulfilled'] });
  });

  test('with a payment hash that its set has is refused by itself', () => {
    const htlcs = deployed({ parts: 2 });
    const receiver = run([at(htlcs, 0), { ...at(htlcs, 0), key: keyOf(7) }, at(htlcs, 1)]);
    expect([receiver.resolution(7), ...resolutions(receiver, 2)]).toEqual([WRONG, 'fulfilled', 'fulfilled']);
  });

  test.each([
    ['an ordinary invoice', { ...ampInvoice(2000n), kind: 'ordinary' as const }],
    ['an invoice for AMP in blobs', ampInvoice(2000n)],
    ['an expired invoice', { ...deployedInvoice(2000n), status: 'expired' as const }],
  ])('is no payment of %s', (_, invoice) => {
    const receiver = run(deployed({ parts: 1, amount: 2000n, invoice }));
    expect(whys(receiver)).toEqual(['no_open_invoice']);
  });

  test('without an invoice is refused where nothing is taken without', () => {
    const receiver = run(deployed({ parts: 2 }), (one) => {
      one.context = { ...one.context, spontaneous: false };
    });
    expect(whys(receiver)).toEqual(['spontaneous_refused', 'spontaneous_refused']);
  });
});

test('an ordinary payment of an invoice for lnd AMP is refused', () => {
  const invoice = deployedInvoice(1000n);
  const [htlc] = deployed({ parts: 1, invoice });
  const { payload } = at([htlc as Htlc], 0);
  if (payload.kind !== 'deployed') throw new Error('no record 14');
  const { amount, expiry, paymentSecret, total } = payload;
  const receiver = run([{ ...(htlc as Htlc), payload: { kind: 'ordinary', amount, expiry, paymentSecret, total } }]);
  expect(whys(receiver)).toEqual(['no_open_invoice']);
});

test('an invoice is paid by any number of sets, also by two at a time, each with a payment of its own', () => {
  const invoice = deployedInvoice(undefined);
  const [first, second] = [
    deployed({ parts: 2, invoice }),
    deployed({ parts: 3, invoice, seed: 2, firstKey: 10, amount: 2000n }),
  ];
  const receiver = run([at(first, 0), at(second, 0), at(second, 1), at(first, 1), at(second, 2)]);
  expect(receiver.paid.map(({ received }) => received)).toEqual([2000n, 6000n]);
  expect(new Set(receiver.paid.map(({ set }) => set.join())).size).toBe(2);
  expect(receiver.invoices.get(invoice.id)?.status).toBe('open');
});

test('an invoice that expires fails what is held for it', () => {
  const invoice = deployedInvoice(2000n);
  const receiver = run(deployed({ parts: 2, invoice }).slice(0, 1));
  receiver.invoices.set(invoice.id, { ...invoice, status: 'expired' });
  receiver.tick(1);
  expect(whys(receiver)).toEqual(['no_open_invoice']);
});

test('sets of record 14 are claimed whole or not at all, in any order, with HTLCs spoilt and the process ending at any moment', () => {
  const damage = fc.constantFrom('none', 'none', 'none', 'none', 'missing', 'share', 'index', 'total', 'hash');
  fc.assert(
    fc.property(
      fc.array(fc.record({ damage: fc.array(damage, { minLength: 1, maxLength: 6 }), invoiced: fc.boolean() }), {
        minLength: 1,
        maxLength: 3,
      }),
      fc.array(fc.nat(1000), { minLength: 1, maxLength: 20 }),
      fc.array(fc.option(fc.nat(6), { nil: undefined }), { minLength: 1, maxLength: 10 }),
      (plans, order, crashes) => {
        const one = deployedInvoice(undefined);
        const sets = plans.map(({ damage, invoiced }, n) =>
          deployed({ parts: damage.length, seed: n, firstKey: n * 100, ...(invoiced && { invoice: one }) }).flatMap(
            (htlc, i): Htlc[] => {
              switch (damage[i]) {
                case 'missing':
                  return [];
                case 'share':
                  return [changed(htlc, { share: bytes32(998) })];
                case 'index':
                  return [changed(htlc, { childIndex: i + 5 })];
                case 'total':
                  return [changed(htlc, { total: msat(1000n * BigInt(damage.length) + 1n) })];
                case 'hash':
                  return [{ ...htlc, paymentHash: paymentHash(bytes32(997)) }];
                default:
                  return [htlc];
              }
            },
          ),
        );
        const all = sets
          .flat()
          .map((htlc, i) => ({ htlc, place: order[i % order.length] ?? 0 }))
          .sort((a, b) => a.place - b.place);
        const receiver = new ReceiverUnderTest();
        for (const [i, { htlc }] of all.entries()) {
          const lost = crashes[i % crashes.length];
          receiver.arrive(htlc, lost ?? 0);
          if (lost !== undefined) receiver.restart();
        }
        receiver.tick(121);
        expect(receiver.answers.size).toBe(all.length);
        let paid = 0;
        for (const [n, { damage, invoiced }] of plans.entries()) {
          const claimed = (sets[n] ?? []).filter(
            ({ key }) => receiver.resolution(Number(key.id)) === 'fulfilled',
          ).length;
          const sound = damage.every((what) => what === 'none');
          expect(claimed).toBe(sound ? damage.length : 0);
          if (sound && invoiced) paid++;
        }
        expect(receiver.paid).toHaveLength(paid);
        receiver.resolve();
        expect(receiver.state.sets.size).toBe(0);
        expect(receiver.state.owners.size).toBe(0);
      },
    ),
    { numRuns: propertyRuns(15) },
  );
});
