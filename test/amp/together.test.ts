/**
 * Payer and payee over a network that fails, in any order of events, with restarts on both sides: payments are all or
 * nothing, cost no more than allowed, and never mix. The drivers check the machines' own promises at every step.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { InvoiceTerms, PaymentRequest } from '../../amp/io.ts';
import { isEob } from '../../amp/payment.ts';
import { schemeNames, schemes } from '../../amp/schemes.ts';
import { strategyNames } from '../../amp/strategies.ts';
import { hex, zeros } from '../../wire/bytes.ts';
import { sha256 } from '../../wire/crypto.ts';
import { msat } from '../../wire/units.ts';
import { propertyRuns } from '../support/runs.ts';
import { ampRequest, deployedRequest, ordinaryRequest } from './payer.ts';
import { secretOf } from './receiver.ts';
import { ampInvoice } from './sets.ts';
import { entropyOf, World } from './world.ts';

const runs = propertyRuns(6);

type Scheme = PaymentRequest['scheme'];
interface Wish {
  readonly scheme: Scheme;
  readonly amount: number;
  readonly shards: number | undefined;
  readonly invoiced: boolean;
  /** Spare shards, of the scheme that can have them. */
  readonly redundancy: number;
  readonly maxFee: number;
  readonly strategy: string | undefined;
}

const wish: fc.Arbitrary<Wish> = fc.record({
  scheme: fc.constantFrom<Scheme>(...schemeNames, 'deployed', 'mpp', 'single'),
  amount: fc.integer({ min: 1, max: 2_500_000 }),
  shards: fc.option(fc.integer({ min: 1, max: 5 }), { nil: undefined }),
  invoiced: fc.boolean(),
  redundancy: fc.nat(2),
  maxFee: fc.integer({ min: 0, max: 60_000 }),
  strategy: fc.constantFrom(undefined, ...strategyNames),
});

const invoiceOf = ({ scheme, amount, invoiced }: Wish, n: number): InvoiceTerms | undefined => {
  const invoice = ampInvoice(BigInt(amount), n);
  if (scheme === 'mpp' || scheme === 'single') return { ...invoice, kind: 'ordinary', preimage: secretOf(n).preimage };
  if (!invoiced) return undefined;
  return scheme === 'deployed' ? { ...invoice, kind: 'deployed_amp' } : invoice;
};

const requestOf = (one: Wish, n: number): PaymentRequest => {
  const { scheme, amount, maxFee, strategy } = one;
  const shards = one.shards ?? (strategy === 'equal' ? 3 : undefined);
  const invoice = invoiceOf(one, n);
  const hasSpare = schemes.get(scheme)?.needsAny === true && one.redundancy > 0;
  const terms = {
    ...{ id: `payment ${n}`, entropy: entropyOf(n), deadline: 1_000_200 },
    ...{ amount: msat(BigInt(amount)), maxFee: msat(BigInt(maxFee)) },
    shards: scheme === 'single' ? undefined : shards,
    strategy: hasSpare && strategy !== 'flow' ? undefined : strategy,
  };
  if (scheme === 'mpp' || scheme === 'single') {
    const paymentSecret = invoice?.paymentSecret ?? entropyOf(n);
    return ordinaryRequest({ ...terms, scheme, paymentSecret, paymentHash: secretOf(n).paymentHash });
  }
  if (scheme === 'deployed')
    return deployedRequest({ ...terms, paymentSecret: invoice?.paymentSecret ?? entropyOf(n) });
  const spare = { redundancy: one.redundancy, maxOverpayment: msat(BigInt(amount)) };
  return ampRequest({
    ...{ ...terms, scheme, paymentId: invoice?.paymentSecret.slice(0, 11) ?? zeros(11) },
    ...(hasSpare && spare),
  });
};

/** With few runs, chance alone might give none that can be paid. */
const payable: [Wish[], number[], { seed: number; trouble: number; crashes: number }] = [
  [
    {
      scheme: 'tree',
      amount: 1_000_000,
      shards: 3,
      invoiced: true,
      redundancy: 0,
      maxFee: 60_000,
      strategy: undefined,
    },
  ],
  new Array(8).fill(2_000_000),
  { seed: 1, trouble: 0, crashes: 0 },
];

test('payments are all or nothing, within their fee limit, and never mixed', () => {
  let paid = 0;
  fc.assert(
    fc.property(
      fc.array(wish, { minLength: 1, maxLength: 2 }),
      fc.array(fc.integer({ min: 0, max: 2_000_000 }), { minLength: 8, maxLength: 8 }),
      fc.record({ seed: fc.nat(), trouble: fc.constantFrom(0, 5, 25), crashes: fc.constantFrom(0, 10) }),
      (wishes, balances, { seed, trouble, crashes }) => {
        const requests = wishes.map(requestOf);
        const world = new World(
          { seed, balances: balances.map(BigInt), requests, trouble, crashes },
          wishes.map(invoiceOf),
        ).run();
        for (const [i, request] of requests.entries()) {
          const result = world.payers[i]?.result;
          const claimed = world.claimed(i);
          const most = request.amount + (isEob(request) ? (request.maxOverpayment ?? 0n) : 0n);
          expect(claimed === 0n || (claimed >= request.amount && claimed <= most)).toBe(true);
          expect(result?.event).toBe(claimed > 0n ? 'payment_succeeded' : 'payment_failed');
          expect(result?.amount).toBe(claimed);
          expect((result?.amountSent ?? 0n) <= most + request.maxFee).toBe(true);
          const own = world.flights.filter(({ payer }) => payer === i);
          const done = own.filter(({ outcome }) => outcome?.kind === 'fulfilled');
          expect(result?.amountSent).toBe(done.reduce((sum, { offer }) => sum + offer.amount, 0n));
          expect(result?.parts).toBe(done.length);
          const proof = new Set(result?.preimages.map((preimage) => hex(sha256(preimage))));
          expect(proof).toEqual(new Set(done.map(({ offer }) => hex(offer.paymentHash))));
          const asked = wishes[i];
          const invoice = asked && invoiceOf(asked, i);
          const status = world.receiver.invoices.get(invoice?.id ?? '')?.status;
          if (invoice !== undefined)
            expect(status).toBe(claimed > 0n && invoice.kind !== 'deployed_amp' ? 'paid' : 'open');
          if (claimed > 0n) paid++;
        }
        expect(world.receiver.state.sets.size).toBe(0);
      },
    ),
    // A failure is told as it was found: making it smaller would take longer than all runs.
    { numRuns: runs, endOnFailure: true, examples: [payable] },
  );
  expect(paid).toBeGreaterThan(0);
});

const quiet = { seed: 1, trouble: 0, crashes: 0 };
const roomy = [700_000n, 700_000n, 700_000n, 2_000_000n, 2_000_000n, 2_000_000n, 0n, 0n];
/** Without what the payer cannot know: one way of three carries less than any part. */
const narrow = roomy.with(4, 100_000n);

describe.each(strategyNames)('strategy %s', (strategy) => {
  const given = (scheme: Scheme) => ({
    ...{ scheme, amount: 1_200_000, shards: strategy === 'equal' ? 4 : undefined, invoiced: true, redundancy: 0 },
    ...{ maxFee: 60_000, strategy },
  });
  const paidBy = (scheme: Scheme, balances: readonly bigint[]) => {
    const one = given(scheme);
    const world = new World({ ...quiet, balances, requests: [requestOf(one, 0)] }, [invoiceOf(one, 0)]).run();
    return world.payers[0]?.result;
  };

  test.each([...schemeNames, 'deployed', 'mpp'])('pays what no single way carries by scheme %s', (scheme) => {
    expect(paidBy(scheme, roomy)).toMatchObject({ event: 'payment_succeeded', amount: 1_200_000n });
  });

  test.each(['tree', 'deployed', 'mpp'])(
    'pays around a way that carries less than it seems to by scheme %s',
    (scheme) => {
      expect(paidBy(scheme, narrow)).toMatchObject({ event: 'payment_succeeded', amount: 1_200_000n });
    },
  );
});
