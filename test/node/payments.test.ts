/**
 * Our own payments over channels that answer as the test says: what a caller is told of one that was claimed in part, what a second
 * caller is told, and that no HTLC leaves with a hash that somebody else can open.
 */
import { describe, expect, test } from 'vitest';
import type { Outcome, PaymentRequest } from '../../amp/io.ts';
import { sessionKey } from '../../amp/onions.ts';
import { isOrdinary } from '../../amp/payment.ts';
import { finished } from '../../node/api/methods/payments/paymentrow.ts';
import { Channels } from '../../node/channels/channels.ts';
import {
  decodePaymentRecord,
  encodePaymentRecord,
  type PaymentRecord,
  resultOfInternalError,
  shortfall,
} from '../../node/pay/paymentrecord.ts';
import { createFailure } from '../../onion/failureonion.ts';
import { hopSecrets } from '../../onion/keys.ts';
import { hex } from '../../wire/bytes.ts';
import { msat } from '../../wire/units.ts';
import { ampRequest, nodeOf, ordinaryRequest } from '../amp/payer.ts';
import { bytes32, secretOf } from '../amp/receiver.ts';
import { collect } from '../support/counting.ts';
import { noteOf, openPayments, turn } from '../support/ownpayments.ts';

const { preimage } = secretOf(1);

const requests: readonly PaymentRequest[] = [
  ordinaryRequest(),
  ampRequest({ scheme: 'fixed' }),
  ampRequest({ scheme: 'dynamic' }),
];
const again = (request: PaymentRequest): PaymentRequest => ({ ...request, id: 'again', entropy: bytes32(43) });
const claimed: Outcome = { kind: 'fulfilled', preimage };
const lost: Outcome = { kind: 'refused', why: 'unavailable' };
const half = { status: 'complete', result: { delivered: 500_000n, sent: 500_000n, parts: 1, preimages: [preimage] } };

describe.each(requests.map((request) => [request.scheme, request] as const))('a payment of scheme %s', (_, request) => {
  const note = noteOf(request);
  /** Two parts under way, and what was told to who began it. */
  const underWay = async () => {
    const node = await openPayments();
    const told: unknown[] = [];
    void node.payments.startOnce(request, note).then((record) => told.push(record));
    await turn();
    await node.tick(1);
    expect(node.sent).toHaveLength(2);
    const outcome = async (n: number, what: Outcome) => {
      await node.payments.outcome(request.id, node.sent[n]?.attempt ?? -1, what);
      await turn();
    };
    return { ...node, told, outcome };
  };

  test('of which one part failed and one was claimed is complete, and is not paid a second time', async () => {
    const { payments, sent, told, outcome, disk } = await underWay();
    await outcome(0, claimed);
    await outcome(1, lost);
    expect(told).toMatchObject([half]);
    expect(shortfall(told[0] as PaymentRecord)).toContain('500000 of 1000000 msat');
    for (const one of [payments, (await openPayments(disk)).payments]) {
      expect(await one.startOnce(again(request), note)).toMatchObject({ id: request.id, ...half });
      expect(await collect(one.list(0n, note.paymentHash))).toMatchObject([half]);
    }
    expect(sent).toHaveLength(2);
  });

  test('is complete while its other part is held back: so it is listed, so it is told, and nobody waits for ever', async () => {
    const { payments, told, outcome, tick, disk, sent } = await underWay();
    await outcome(0, claimed);
    expect(await collect(payments.list())).toMatchObject([half]);
    expect(payments.pending()).toEqual([]);
    expect(await payments.startOnce(again(request), note)).toMatchObject(half);
    await tick(9);
    expect(told).toEqual([]);
    await tick(1);
    expect(told).toMatchObject([half]);

    const later = await openPayments(disk, sent);
    expect(await later.payments.startOnce(again(request), note)).toMatchObject(half);
    await later.payments.outcome(request.id, sent[1]?.attempt ?? -1, claimed);
    await turn();
    const whole = { status: 'complete', result: { delivered: 1_000_000n, parts: 2 } };
    expect(await later.payments.startOnce(again(request), note)).toMatchObject(whole);
    expect(later.sent).toHaveLength(2);
  });

  test('of which nothing was claimed may be begun anew, with hashes of its own where it is an AMP', async () => {
    const { payments, sent, told, outcome, tick } = await underWay();
    await outcome(0, { kind: 'refused', why: 'preimage_known' });
    await outcome(1, lost);
    expect(told).toMatchObject([{ status: 'failed' }]);
    void payments.startOnce(again(request), note);
    await turn();
    await tick(1);
    expect(sent).toHaveLength(4);
    const hashes = new Set(sent.map(({ paymentHash }) => hex(paymentHash)));
    expect(hashes.size).toBe(isOrdinary(request) ? 1 : 4);
  });
});

test('an HTLC does not leave with a hash whose preimage a channel has seen, and the payment is given up', async () => {
  const { payments, known, sent } = await openPayments();
  const request = ordinaryRequest();
  known.add(hex(request.paymentHash));
  const record = await payments.startOnce(request, noteOf(request));
  expect(record).toMatchObject({ status: 'failed', result: { why: expect.stringContaining('already known') } });
  expect(sent).toEqual([]);
});

test('an invoice with the hash of one of our own is not paid', async () => {
  const { payments, ours, sent } = await openPayments();
  const request = ordinaryRequest();
  ours.add(hex(request.paymentHash));
  expect(await payments.startOnce(request, noteOf(request))).toBe('ours');
  expect([sent, await collect(payments.list())]).toEqual([[], []]);
});

test('a record of a version that called a payment failed which was claimed in part is read as complete', () => {
  const record: PaymentRecord = {
    ...{ id: 'x', createdIndex: 1n, createdAt: 1, destination: nodeOf(0), paymentHash: bytes32(1), amount: msat(9n) },
    ...{ scheme: 'mpp', label: undefined, bolt11: undefined, description: undefined, status: 'failed' },
    result: {
      at: 2,
      delivered: msat(4n),
      sent: msat(5n),
      parts: 1,
      preimages: [preimage],
      why: 'claimed only 4 msat of it',
    },
  };
  expect(decodePaymentRecord(encodePaymentRecord(record)).status).toBe('complete');
  const nothing = { ...record.result, at: 2, parts: 0, preimages: [], delivered: msat(0n), sent: msat(0n), why: 'no' };
  expect(decodePaymentRecord(encodePaymentRecord({ ...record, result: nothing })).status).toBe('failed');
});

test('a payment that is cut as a flow waits for its turn to look for it, and goes on with what it is then', async () => {
  const { payments, sent, clock, flowTurns } = await openPayments();
  flowTurns.forPayment(() => clock.pass(1_000));
  const request = ampRequest({ scheme: 'dynamic', strategy: 'flow' });
  const other = { ...request, id: 'unwanted', deadline: 1 };
  void payments.startOnce(request, noteOf(request));
  const ended = payments.start(other, { ...noteOf(other), paymentHash: bytes32(78) });
  await turn();
  expect(sent).toEqual([]);
  clock.pass(1_500);
  payments.tick();
  expect(await ended).toMatchObject({
    status: 'failed',
    result: { why: expect.stringContaining('time to retry was over') },
  });
  for (let n = 0; n < 15; n++) clock.pass(100);
  await turn();
  expect(new Set(sent.map(({ paymentHash }) => hex(paymentHash))).size).toBe(sent.length);
  expect(sent.length).toBeGreaterThan(0);
});

test('a request that no record can hold begins nothing', async () => {
  const { payments, disk } = await openPayments();
  const request = ordinaryRequest();
  const long = { ...noteOf(request), description: 'x'.repeat(65_536) };
  for (const [terms, note] of [
    [{ ...request, deadline: 2 ** 32 }, noteOf(request)],
    [{ ...request, finalCltv: 2 ** 32 }, noteOf(request)],
    [request, long],
  ] as const) {
    await expect(payments.startOnce(terms, note)).rejects.toThrow();
    expect([payments.pending(), await collect(payments.list()), disk.size]).toEqual([[], [], 0]);
  }
});

test('an error inside the node ends the payment in which it happens, and no other', async () => {
  const node = await openPayments();
  const [bad, good] = [ordinaryRequest(), ordinaryRequest({ id: 'good', paymentHash: secretOf(7).paymentHash })];
  node.troubled.add(hex(bad.paymentHash));
  const told: PaymentRecord[] = [];
  for (const request of [bad, good])
    void node.payments.start(request, noteOf(request)).then((record) => told.push(record));
  await node.tick(2);
  expect(node.sent.map(({ paymentHash }) => hex(paymentHash))).toContain(hex(good.paymentHash));
  expect(node.payments.pending().map(({ id }) => id)).toEqual(['good']);
  expect(told).toMatchObject([{ id: bad.id, status: 'failed' }]);
  const later = await openPayments(node.disk, node.sent);
  await later.tick(2);
  expect(later.payments.pending().map(({ id }) => id)).toEqual(['good']);
});

test('a payment that cannot begin for an error inside the node has failed, and may be begun again', async () => {
  const node = await openPayments();
  const broken = {
    ...ordinaryRequest(),
    get destination(): never {
      throw new TypeError('a bug');
    },
  };
  await expect(node.payments.startOnce(broken, noteOf(ordinaryRequest()))).rejects.toThrow('a bug');
  expect(node.payments.pending()).toEqual([]);
  void node.payments.startOnce(ordinaryRequest(), noteOf(ordinaryRequest()));
  await turn();
  await node.tick(1);
  expect(node.sent).toHaveLength(2);
});

test('a caller whose payment meets an internal error with HTLCs in flight is told that it is under way, not that it failed', async () => {
  const node = await openPayments();
  const request = ordinaryRequest();
  const told: PaymentRecord[] = [];
  void node.payments.startOnce(request, noteOf(request)).then((record) => told.push(record as PaymentRecord));
  await turn();
  await node.tick(1);
  expect(node.sent).toHaveLength(2);
  node.trouble.steps = true;
  await node.tick(1);
  expect(told).toMatchObject([{ id: request.id, status: 'pending', result: undefined }]);
  const channels = new Channels(() => {
    throw new Error('no channel is looked at');
  });
  expect(() => finished({ channels, payments: node.payments }, told[0] as PaymentRecord)).toThrow(
    expect.objectContaining({ code: 200, message: expect.stringContaining('still under way') }),
  );
  expect(await node.payments.startOnce(again(request), noteOf(request))).toBe('under_way');

  node.trouble.steps = false;
  for (const { attempt } of node.sent) await node.payments.outcome(request.id, attempt, claimed);
  await turn();
  expect(await node.payments.byHash(request.paymentHash)).toMatchObject({ status: 'complete', result: { parts: 2 } });
});

test('a payment that has ended keeps its preimages, whatever goes wrong while its end is recorded', () => {
  const totals = { amount: msat(9n), amountSent: msat(10n), parts: 3, preimages: [preimage] };
  const result = resultOfInternalError(
    { kind: 'finished', result: { event: 'payment_succeeded', payment: 'x', ...totals } },
    undefined,
  );
  expect(result).toEqual({ delivered: 9n, sent: 10n, parts: 3, preimages: [preimage], why: undefined });
});

test('no payment goes on before the channels have said which of its HTLCs they have, ticks or not', async () => {
  const first = await openPayments();
  const request = ordinaryRequest();
  void first.payments.start(request, noteOf(request));
  await turn();
  expect(first.sent).toHaveLength(2);
  const [secret] = hopSecrets(sessionKey(request.entropy, 0), [nodeOf(0)]);
  const reason = createFailure(secret?.sharedSecret ?? bytes32(0), { name: 'temporary_node_failure' });
  await first.payments.outcome(request.id, 0, { kind: 'failed', reason });
  await turn();
  expect(first.payments.stateOf(request.id)).toMatchObject({ shards: [{ state: { kind: 'waiting' } }, {}] });

  const after = await openPayments(first.disk, first.sent.slice(1), false);
  await after.tick(3);
  expect(after.sent).toHaveLength(1);
  after.payments.resume();
  await turn();
  expect(after.sent).toHaveLength(2);
});
