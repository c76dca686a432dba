/** The receiving machine in a node: what its clock and its invoices bring to it, and that one invoice's hash opens nothing else. */
import { describe, expect, test } from 'vitest';
import { defaultLimits } from '../../amp/limits.ts';
import { schemeNames, schemes } from '../../amp/schemes.ts';
import { VersionedMap } from '../../amp/versions.ts';
import { delinvoice } from '../../node/api/methods/invoices/delinvoice.ts';
import { Listeners } from '../../node/base/listeners.ts';
import type { StepRecorder } from '../../node/base/recording.ts';
import { Invoices } from '../../node/pay/invoices.ts';
import { ReceiverHost } from '../../node/pay/receiver.ts';
import { Gate } from '../../node/store/gate.ts';
import { memoryStore } from '../../node/store/memory.ts';
import { msat, type PaymentHash, type Preimage, paymentHash } from '../../wire/units.ts';
import { bytes32, type Htlc, keyOf, peerOf, secretOf } from '../amp/receiver.ts';
import { amp, ampInvoice } from '../amp/sets.ts';
import { patient } from '../support/api.ts';
import { isGone } from '../support/garbage.ts';
import { heldClock, keptLog } from '../support/quiet.ts';

const fatal = (error: unknown): void => {
  throw error;
};
const turn = async (): Promise<void> => {
  for (let i = 0; i < 5; i++) await new Promise(setImmediate);
};

const opened = async (disk = new Map<string, Uint8Array>(), clock = heldClock(), recorder?: StepRecorder) => {
  const store = memoryStore(disk);
  const gate = new Gate(store, fatal);
  const now = (): number => Math.floor(clock.now() / 1000);
  const invoices = await Invoices.load(store, gate, now);
  const told: string[] = [];
  const receiver = await ReceiverHost.load({
    ...{ store, gate, clock, log: keptLog(), limitedLog: keptLog(), invoices, fatal, reported: new Listeners() },
    recorder,
    isOwnSecret: () => false,
    context: () => ({ now: now(), height: 500, schemes, spontaneous: true, minFinalCltv: 18, limits: defaultLimits }),
    fulfill: ({ id }, _preimage: Preimage) => void told.push(`${id} fulfilled`),
    fail: ({ id }, { name }) => void told.push(`${id} ${name}`),
  });
  receiver.start();
  const bill = (hash: PaymentHash, preimage: Preimage | undefined, secret: Uint8Array, expiresAt: number) =>
    invoices.add({
      ...{ label: `${expiresAt}`, kind: preimage === undefined ? 'eob_amp' : 'ordinary', bolt11: 'x', description: '' },
      ...{ amount: msat(1_000_000n), paymentHash: hash, paymentSecret: secret, preimage, minFinalCltv: 18, expiresAt },
    });
  const pass = async (seconds: number): Promise<void> => {
    for (let i = 0; i < seconds; i++) {
      clock.pass(1000);
      await turn();
    }
  };
  const arrive = async ({ invoice: _, ...htlc }: Htlc): Promise<void> => {
    receiver.htlc(htlc);
    await turn();
  };
  return { disk, clock, receiver, invoices, told, bill, pass, arrive };
};

const ordinary = (id: number, amount: bigint): Htlc => ({
  ...{ key: keyOf(id), peer: peerOf(1), amount: msat(amount), expiry: 540, paymentHash: secretOf(1).paymentHash },
  payload: { kind: 'ordinary', amount: msat(amount), expiry: 540, total: msat(1_000_000n), paymentSecret: bytes32(2) },
  invoice: undefined,
});
const WRONG = 'incorrect_or_unknown_payment_details';

describe('an incomplete set goes back when its invoice expires, not at its timeout or with the next share', () => {
  test('an ordinary payment, on the clock alone', async () => {
    const { told, bill, pass, arrive } = await opened();
    const { paymentHash: hash, preimage } = secretOf(1);
    await bill(hash, preimage, bytes32(2), 10);
    await arrive(ordinary(0, 400_000n));
    await pass(9);
    expect(told).toEqual([]);
    await pass(1);
    expect(told).toEqual([`0 ${WRONG}`]);
  });

  test('an ordinary payment whose invoice is deleted, at once, and what comes for it later', async () => {
    const { receiver, invoices, told, bill, arrive } = await opened();
    const { paymentHash: hash, preimage } = secretOf(1);
    await bill(hash, preimage, bytes32(2), 10);
    await arrive(ordinary(0, 400_000n));
    await delinvoice.handler({ invoices, receiver }, { label: '10', status: 'unpaid', desconly: false }, patient);
    await turn();
    expect(told).toEqual([`0 ${WRONG}`]);
    await arrive(ordinary(1, 600_000n));
    expect(told).toEqual([`0 ${WRONG}`, `1 ${WRONG}`]);
  });

  test.each(schemeNames)('an AMP of scheme %s, also after a restart', async (scheme) => {
    const first = await opened();
    const invoice = ampInvoice(1_000_000n);
    await first.bill(paymentHash(bytes32(9)), undefined, invoice.paymentSecret, 10);
    const [share] = amp({ scheme, parts: 2, amount: 500_000n, invoice });
    if (share === undefined) throw new Error('expected a share');
    await first.arrive(share);
    await first.pass(5);
    await first.receiver.stop();
    const { told, pass } = await opened(first.disk, first.clock);
    await pass(4);
    expect(told).toEqual([]);
    await pass(1);
    expect(told).toEqual([`0 ${WRONG}`]);
  });

  test('an incomplete set is claimed when its missing HTLCs come before the timeout', async () => {
    const { told, bill, pass, arrive } = await opened();
    const { paymentHash: hash, preimage } = secretOf(1);
    await bill(hash, preimage, bytes32(2), 10);
    await arrive(ordinary(0, 400_000n));
    await pass(9);
    await arrive(ordinary(1, 600_000n));
    expect(told).toEqual(['0 fulfilled', '1 fulfilled']);
  });
});

test('of payments that are over, what receives payments keeps nothing it began with', async () => {
  const begun: WeakRef<object>[] = [];
  const recorder: StepRecorder = {
    wrap: ({ state }, step) => {
      for (const value of Object.values(state as object))
        if (value instanceof VersionedMap) begun.push(new WeakRef(value));
      return step;
    },
  };
  const { receiver, told, bill, arrive } = await opened(undefined, undefined, recorder);
  const { paymentHash: hash, preimage } = secretOf(1);
  await bill(hash, preimage, bytes32(2), 10);
  await arrive(ordinary(0, 1_000_000n));
  receiver.resolved(keyOf(0));
  await turn();
  expect(told).toEqual(['0 fulfilled']);
  expect(receiver.sets()).toEqual([]);
  expect(begun.length).toBeGreaterThan(0);
  expect(await Promise.all(begun.map(isGone))).toEqual(begun.map(() => true));
});
