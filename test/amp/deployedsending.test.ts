/** lnd's AMP at a payer: the computed values of its derivation, and which share and index each attempt gets. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { deployedChild, deployedSender, handOut, takeBack } from '../../amp/deployed.ts';
import { joined } from '../../amp/shares.ts';
import { type AmpRecord, readFinal, writeFinal } from '../../onion/payload.ts';
import { hex, unhex, xor, zeros } from '../../wire/bytes.ts';
import { msat } from '../../wire/units.ts';
import { answer, answerAll, busy, end, failed, small, started, take, unknown } from './byhand.ts';
import { deployedRequest, type PaymentUnderTest } from './payer.ts';
import { bytes32 } from './receiver.ts';

interface Child {
  readonly share: string;
  readonly child_index: number;
  readonly preimage: string;
  readonly payment_hash: string;
}
interface Vectors {
  readonly derivation: {
    readonly single_shard_share_equals_root: { readonly root: string; readonly children: readonly Child[] };
    readonly two_shards: { readonly root: string; readonly children: readonly Child[] };
    readonly split_split_cancel_merge_last: {
      readonly root: string;
      readonly steps: readonly {
        readonly sent_share?: string;
        readonly current_after: string;
        readonly child?: Child;
      }[];
      readonly final_children: readonly Child[];
    };
  };
  readonly record_encoding: {
    readonly root_share: string;
    readonly set_id: string;
    readonly records: readonly { readonly child_index: number; readonly record_hex: string }[];
  };
}
const file = new URL('../vectors/lnd-amp-derivation.json', import.meta.url);
const { derivation, record_encoding } = (JSON.parse(readFileSync(file, 'utf8')) as { readonly vectors: Vectors })
  .vectors;

describe('the vectors of lnd AMP', () => {
  const { single_shard_share_equals_root: one, two_shards: two, split_split_cancel_merge_last: merged } = derivation;

  test.each([
    ['one shard', one.root, one.children],
    ['two shards', two.root, two.children],
    ['two shards after one was taken back', merged.root, merged.final_children],
  ])('a child of %s follows from root, share and index', (_, root, children) => {
    expect(hex(joined(children.map(({ share }) => unhex(share))))).toBe(root);
    for (const { share, child_index, preimage, payment_hash } of children) {
      const made = deployedChild(unhex(root), unhex(share), child_index);
      expect([hex(made.preimage), hex(made.paymentHash)]).toEqual([preimage, payment_hash]);
    }
  });

  test('what is left is the root less all shares handed out, a share that comes back added again', () => {
    const root = unhex(merged.root);
    let sender = { ...deployedSender(bytes32(1)), root };
    const [first, second, , last] = merged.steps;
    const left = () => hex(xor(sender.root, sender.accumulated));
    const given = (share = '') => ({ index: 0, shares: [{ share: unhex(share), marker: 0 }] });
    // Shares are xored, so that handing one out and taking it back is the same sum.
    sender = takeBack(sender, given(first?.sent_share));
    expect(left()).toBe(first?.current_after);
    sender = takeBack(sender, given(second?.sent_share));
    expect(left()).toBe(second?.current_after);
    sender = takeBack(sender, given(first?.sent_share));
    expect(left()).toBe(merged.steps[2]?.current_after);
    const [shard, after] = handOut(sender, bytes32(1), 3, true);
    expect(hex(shard.shares[0]?.share ?? zeros(0))).toBe(last?.sent_share);
    expect(hex(xor(after.root, after.accumulated))).toBe(last?.current_after);
    expect(() => handOut(after, bytes32(1), 4, false)).toThrow(RangeError);
  });

  test.each(record_encoding.records)(
    'record 14 with index $child_index is written and read byte for byte',
    (record) => {
      const amp: AmpRecord = {
        share: unhex(record_encoding.root_share),
        setId: unhex(record_encoding.set_id),
        childIndex: record.child_index,
      };
      const stream = writeFinal({ amtToForward: msat(0n), outgoingCltvValue: 0, amp });
      expect(hex(stream)).toBe(`02000400${record.record_hex}`);
      expect(readFinal(stream)).toMatchObject({ accept: { amp } });
    },
  );
});

/** Records 8 and 14 of each HTLC offered so far, in order. */
const said = (payer: PaymentUnderTest) =>
  payer.events.flatMap((event) => {
    if (event.event !== 'shard_offered') return [];
    const read = readFinal(event.frame);
    if ('refuse' in read || read.accept.amp === undefined) throw new Error('no record 14');
    return [{ ...read.accept, amp: read.accept.amp, hash: hex(event.paymentHash) }];
  });

test('one HTLC carries the root as its share', () => {
  const payer = started(deployedRequest());
  answerAll(payer);
  const [only] = said(payer);
  expect(payer.payment).toMatchObject({ progress: { sender: { root: only?.amp.share } } });
});

test('all HTLCs carry one set_id, secret and total, their shares give the root, and their hashes are its children', () => {
  const payer = started(deployedRequest({ metadata: bytes32(9) }), small);
  answerAll(payer);
  const all = said(payer);
  expect(all).toHaveLength(2);
  const root = joined(all.map(({ amp }) => amp.share));
  expect(payer.payment).toMatchObject({ progress: { sender: { root } } });
  for (const { amp, hash, paymentData, paymentMetadata } of all) {
    expect(paymentData).toEqual({ paymentSecret: bytes32(2), totalMsat: 1_000_000n });
    expect(paymentMetadata).toEqual(bytes32(9));
    expect(hex(amp.setId)).toBe(hex(all[0]?.amp.setId ?? zeros(0)));
    expect(hex(deployedChild(root, amp.share, amp.childIndex).paymentHash)).toBe(hash);
  }
});

test('a failed HTLC is tried again with another index, share and hash, and the shares of those under way still give the root', () => {
  const request = deployedRequest();
  const payer = started(request, small);
  answerAll(payer);
  const first = take(payer);
  end(payer, first, failed(request, first, 1, 0, busy));
  answer(payer, 2);
  const [failedOne, other, again] = said(payer);
  expect(again?.amp.childIndex).not.toBe(failedOne?.amp.childIndex);
  expect(again?.hash).not.toBe(failedOne?.hash);
  const root = joined([other?.amp.share ?? zeros(32), again?.amp.share ?? zeros(32)]);
  expect(payer.payment).toMatchObject({ progress: { sender: { root } } });
});

test('a restart before an attempt changes nothing of what it carries', () => {
  const offers = [false, true].map((restarts) => {
    const payer = started(deployedRequest(), small);
    answer(payer, 1);
    if (restarts) payer.restart();
    answerAll(payer);
    if (restarts) answerAll(payer);
    return said(payer).map(({ amp }) => [hex(amp.share), hex(amp.setId), amp.childIndex]);
  });
  expect(offers[1]).toEqual(offers[0]);
});

test('a failed HTLC for which there is no route any more is cut, and all parts together give the root', () => {
  const request = deployedRequest({ amount: msat(400_000n) });
  const payer = started(request);
  answer(payer, 1);
  const first = take(payer);
  end(payer, first, failed(request, first, 1, 0, busy));
  const { query } = payer;
  payer.query = undefined;
  payer.step({ type: 'route', query: query?.query ?? 0, route: undefined });
  answerAll(payer);
  const [, ...pieces] = said(payer);
  expect(pieces).toHaveLength(2);
  expect(pieces.reduce((sum, { amtToForward }) => sum + amtToForward, 0n)).toBe(400_000n);
  expect(payer.payment).toMatchObject({ progress: { sender: { root: joined(pieces.map(({ amp }) => amp.share)) } } });
});

test('a payment that the destination refuses ends, with the failure by its name', () => {
  const request = deployedRequest();
  const payer = started(request);
  answer(payer, 1);
  const first = take(payer);
  end(payer, first, failed(request, first, 1, 1, unknown));
  expect(payer.result).toMatchObject({ event: 'payment_failed', reason: { code: 'refused_by_destination' } });
});
