/** keysend in both payment machines: one HTLC whose onion brings the preimage (record 5482373484), without an invoice. */
import { describe, expect, test } from 'vitest';
import type { Keysend } from '../../amp/io.ts';
import { finalPayload } from '../../amp/payload.ts';
import { readFinal } from '../../onion/payload.ts';
import { hex, unhex } from '../../wire/bytes.ts';
import { msat, paymentHash, preimage } from '../../wire/units.ts';
import { load } from '../onion/cases.ts';
import { answerAll, end, failed, started, take, unknown } from './byhand.ts';
import { ordinaryRequest } from './payer.ts';
import { bytes32, context, type Htlc, keyOf, peerOf, ReceiverUnderTest, secretOf } from './receiver.ts';

const WRONG = 'incorrect_or_unknown_payment_details';
const { preimage: secret, paymentHash: hash } = secretOf(1);
const extraTlvs = [{ type: 696_969n, value: unhex('c0ffee') }];

interface Wish {
  readonly id?: number;
  readonly amount?: bigint;
  readonly meant?: bigint;
  readonly total?: bigint;
  readonly expiry?: number;
  readonly keysend?: Keysend;
  readonly invoice?: Htlc['invoice'];
}
const htlc = ({ id = 0, amount = 1000n, meant = amount, total = meant, expiry = 522, ...wish }: Wish = {}): Htlc => ({
  ...{ key: keyOf(id), peer: peerOf(1), amount: msat(amount), expiry, paymentHash: hash },
  payload: {
    ...{ kind: 'ordinary', amount: msat(meant), expiry, paymentSecret: undefined, total: msat(total) },
    keysend: wish.keysend ?? { preimage: secret, extraTlvs },
  },
  invoice: wish.invoice,
});
const invoice: NonNullable<Htlc['invoice']> = {
  ...{ id: 'one', kind: 'ordinary', status: 'open', amount: msat(5000n), paymentSecret: bytes32(2), preimage: secret },
  minFinalCltv: 18,
};
const run = (...htlcs: readonly Htlc[]): ReceiverUnderTest => {
  const receiver = new ReceiverUnderTest();
  for (const one of htlcs) receiver.arrive(one);
  return receiver;
};

describe('a keysend that arrives', () => {
  test('is claimed at once with the preimage that it brings, and tells its further records', () => {
    const receiver = run(htlc());
    expect(receiver.answers.get('c/0')).toEqual({ fulfilled: secret });
    expect(receiver.paid).toEqual([
      {
        ...{ invoice: hex(hash), received: 1000n, at: context.now, set: hash, preimages: [secret] },
        keysend: { extraTlvs },
      },
    ]);
  });

  test('is taken with 22 blocks to its expiry, which is what Core Lightning and LDK give', () => {
    expect(run(htlc({ expiry: context.height + 22 })).resolution(0)).toBe('fulfilled');
    expect(run(htlc({ expiry: context.height + 21 })).resolution(0)).toBe(WRONG);
  });

  test.each<[string, Wish]>([
    ['whose preimage does not open its hash', { keysend: { preimage: preimage(bytes32(9)), extraTlvs: [] } }],
    ['with the hash of an open invoice, whose secret and amount it would go around', { invoice }],
    ['with the hash of a paid invoice', { invoice: { ...invoice, status: 'paid' } }],
    ['with the hash of an expired invoice', { invoice: { ...invoice, status: 'expired' } }],
    ['that says more HTLCs belong to it', { total: 2000n }],
    ['with more than twice of what its onion says', { amount: 2001n, meant: 1000n }],
  ])('is refused alone %s, and nothing is paid by it', (_, wish) => {
    const receiver = run(htlc(wish));
    expect(receiver.resolution(0)).toBe(WRONG);
    expect(receiver.paid).toEqual([]);
    expect(receiver.state.sets.size).toBe(0);
  });

  test('with less than its onion says is refused as final_incorrect_htlc_amount', () => {
    expect(run(htlc({ amount: 999n, meant: 1000n })).resolution(0)).toBe('final_incorrect_htlc_amount');
  });

  test('is refused by a node that takes no payments without an invoice', () => {
    const receiver = new ReceiverUnderTest();
    receiver.context = { ...context, spontaneous: false };
    receiver.arrive(htlc());
    expect(receiver.resolution(0)).toBe(WRONG);
  });

  test('a second time, while the first HTLC is on record, is refused, and the first stays claimed', () => {
    const receiver = run(htlc(), htlc({ id: 1 }));
    expect([receiver.resolution(0), receiver.resolution(1)]).toEqual(['fulfilled', WRONG]);
    expect(receiver.paid.length).toBe(1);
  });

  test('with a hash for which a part of an ordinary payment is held is refused, and the part stays held', () => {
    const part = htlc({ amount: 1000n, total: 5000n, expiry: 540, invoice });
    const held: Htlc = {
      ...part,
      payload: { kind: 'ordinary', amount: msat(1000n), expiry: 540, paymentSecret: bytes32(2), total: msat(5000n) },
    };
    const receiver = run(held, htlc({ id: 1 }));
    expect([receiver.resolution(0), receiver.resolution(1)]).toEqual(['held', WRONG]);
  });
});

test('the payload of the keysend vectors reads as an HTLC with its preimage, of which its amount is all', () => {
  const { vectors } = load<{ vectors: Record<string, string> }>('keysend');
  const read = readFinal(unhex(vectors['final_payload_amt1000_cltv800144_hex'] ?? ''));
  if ('refuse' in read) throw new Error('expected a payload');
  expect(finalPayload({ form: 'tlv', ...read.accept })).toEqual({
    accept: {
      ...{ kind: 'ordinary', amount: 1000n, expiry: 800_144, paymentSecret: undefined, total: 1000n },
      keysend: { preimage: unhex(vectors['preimage'] ?? ''), extraTlvs: [] },
    },
  });
  expect(hex(paymentHash(unhex(vectors['payment_hash'] ?? '')))).toBe(vectors['payment_hash']);
});

test('a keysend is sent with its preimage and further records, without payment_data, and in one HTLC however often it is tried', () => {
  const request = ordinaryRequest({ scheme: 'single', keysend: { preimage: secret, extraTlvs } });
  const payer = started(request);
  answerAll(payer);
  const offered = payer.events.flatMap((event) => (event.event === 'shard_offered' ? [readFinal(event.frame)] : []));
  expect(offered).toEqual([
    {
      accept: {
        ...{ amtToForward: 1_000_000n, outgoingCltvValue: expect.any(Number), keysend: secret, custom: extraTlvs },
        ...{ paymentData: undefined, paymentMetadata: undefined, amp: undefined },
      },
    },
  ]);
  const offer = take(payer);
  end(payer, offer, failed(request, offer, 1, 1, unknown));
  expect(payer.payment.kind).toBe('finished');
});
