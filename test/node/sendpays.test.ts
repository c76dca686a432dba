/** HTLCs of sendpay: which may be sent beside others of the same payment hash, what a restart makes of them, what is told of their end. */
import { describe, expect, test } from 'vitest';
import { erringOf, failureOf, failureWords, verdictOn } from '../../node/pay/sendpayfailure.ts';
import { decodeSendpay, encodeSendpay, type SendpayRecord } from '../../node/pay/sendpayrecord.ts';
import type { Sendpays } from '../../node/pay/sendpays.ts';
import type { Failure } from '../../onion/failuremessages.ts';
import { createFailure, wrapFailure } from '../../onion/failureonion.ts';
import { hex, zeros } from '../../wire/bytes.ts';
import { msat } from '../../wire/units.ts';
import { outlet, scid } from '../amp/byhand.ts';
import { nodeOf } from '../amp/payer.ts';
import { secretOf } from '../amp/receiver.ts';
import { collect } from '../support/counting.ts';
import { CARRIES, hash, htlcsOn, opened, part, preimage, request, us } from '../support/sendpays.ts';

const claimed = { kind: 'fulfilled', preimage } as const;
const refused = { kind: 'refused', why: 'unavailable' } as const;
type Answer = Awaited<ReturnType<Sendpays['begin']>>;
const said = (answer: Answer): string => ('refused' in answer ? answer.refused.code : answer.part.status);

describe('an HTLC of sendpay', () => {
  test('is on record before it is offered, and its result is durable', async () => {
    const { sendpays, disk, gate, sent } = await opened();
    expect(said(await sendpays.begin(request({ label: 'tea' })))).toBe('pending');
    await gate.allSaved();
    expect((await opened(disk, [sent[0]?.origin ?? zeros(0)])).sendpays.pending()).toMatchObject([
      { paymentHash: hash, amountSent: 1_010n, amount: 1_000n, groupid: 1n, partid: 0n, label: 'tea' },
    ]);
    sendpays.outcome(1n, claimed);
    await gate.allSaved();
    const again = (await opened(disk)).sendpays;
    expect(again.pending()).toEqual([]);
    expect(await collect(again.list())).toMatchObject([{ createdIndex: 1n, result: { kind: 'complete', preimage } }]);
  });

  test('has failed after a restart if no channel has it, and is under way if one does', async () => {
    const { sendpays, disk, gate, sent } = await opened();
    await sendpays.begin(part(1n, 400n));
    await sendpays.begin(part(2n, 600n));
    await gate.allSaved();
    const again = await opened(disk, [sent[1]?.origin ?? zeros(0)]);
    again.sendpays.resume();
    expect(again.sendpays.pending()).toMatchObject([{ partid: 2n }]);
    const [lost] = await collect(again.sendpays.list());
    expect(lost).toMatchObject({ partid: 1n, result: { kind: 'failed', failure: { kind: 'routing', index: 0 } } });
  });

  test('is on record wherever a channel has it, at whatever write the node was stopped, and ends once', async () => {
    const { sendpays, gate, snapshots } = await opened();
    await sendpays.begin(part(1n, 400n));
    await sendpays.begin(part(2n, 600n));
    await gate.allSaved();
    expect(snapshots).toHaveLength(5);
    for (const disk of snapshots) {
      const out = htlcsOn(disk);
      const again = await opened(new Map(disk), out);
      again.sendpays.resume();
      expect(again.sendpays.pending()).toHaveLength(out.length);
      for (const { createdIndex } of again.sendpays.pending()) again.sendpays.outcome(createdIndex, claimed);
      const kinds = (await collect(again.sendpays.list())).map(({ result }) => result?.kind);
      expect(kinds.filter((kind) => kind === 'complete')).toHaveLength(out.length);
      expect(kinds).not.toContain(undefined);
    }
  });

  test('whose result comes again, as after a restart, keeps the first', async () => {
    const { sendpays } = await opened();
    await sendpays.begin(request());
    sendpays.outcome(1n, claimed);
    sendpays.outcome(1n, refused);
    sendpays.outcome(77n, refused);
    expect(await collect(sendpays.list())).toMatchObject([{ result: { kind: 'complete' } }]);
  });

  test('keeps no secret of its onion once it has ended', async () => {
    const { sendpays, disk, gate } = await opened();
    await sendpays.begin(request());
    sendpays.outcome(1n, refused);
    await gate.allSaved();
    const kept = [...disk.values()].map(hex).join();
    expect(kept).not.toContain(hex(secretOf(20).preimage));
  });

  test('that its channel refuses is answered as failed', async () => {
    const { sendpays, told } = await opened();
    told.isRefusing = true;
    const answer = await sendpays.begin(request());
    expect(said(answer)).toBe('failed');
    expect(await collect(sendpays.list())).toMatchObject([{ result: { failure: { index: 0, code: 0x1007 } } }]);
  });

  test('is told to who waits for it once its end is durable', async () => {
    const { sendpays } = await opened();
    const answer = await sendpays.begin(request());
    if (!('part' in answer)) throw new Error('it was refused');
    let isOver = false;
    const waiting = sendpays.whenOver(answer.part, new AbortController().signal).then(() => {
      isOver = true;
    });
    expect([sendpays.waiting, isOver]).toEqual([1, false]);
    sendpays.outcome(1n, claimed);
    await waiting;
    expect(sendpays.waiting).toBe(0);
  });

  test.each([
    ['to a node that no usable channel leads to', { node: nodeOf(5) }, 'unknown_next_peer', 0x400a],
    ['by a channel that is not there', { scid: scid(99) }, 'unknown_next_peer', 0x400a],
    ['of more than its channel carries', { amount: msat(CARRIES + 1n) }, 'temporary_channel_failure', 0x1007],
  ])('%s is not sent, and nothing is on record', async (_, first, __, code) => {
    const { sendpays, sent } = await opened();
    const answer = await sendpays.begin(request({ first: { ...request().first, ...first } }));
    expect(answer).toMatchObject({ refused: { code: 'unsendable', failure: { index: 0, code } } });
    expect([sent, await collect(sendpays.list())]).toEqual([[], []]);
  });

  test('without a channel named leaves by one that carries it', async () => {
    const { sendpays, outlets, sent } = await opened();
    outlets.unshift({ ...outlet(0, 5n), scid: scid(3) });
    expect(said(await sendpays.begin(request({ first: { ...request().first, scid: undefined } })))).toBe('pending');
    expect(sent).toHaveLength(1);
  });

  test.each(['isOwn', 'isKnown'] as const)(
    'whose preimage is known here (%s) is sent to this node alone',
    async (why) => {
      const { sendpays, told, sent } = await opened();
      told[why] = true;
      expect(said(await sendpays.begin(request()))).toBe('own_hash');
      expect(said(await sendpays.begin(request({ destination: undefined })))).toBe('own_hash');
      expect(sent).toEqual([]);
      expect(said(await sendpays.begin(request({ destination: us })))).toBe('pending');
    },
  );
});

describe('a second HTLC of sendpay for the same payment hash', () => {
  type Row = readonly [string, ReturnType<typeof request>, ReturnType<typeof request>, string];
  const rows: readonly Row[] = [
    ['of another group is refused while the first is under way', request(), request(), 'other_group'],
    ['that repeats one under way is that one', request({ groupid: 1n }), request({ groupid: 1n }), 'pending'],
    ['is refused with another amount', part(1n, 400n), part(1n, 500n), 'differs'],
    ['is refused to somebody else', part(1n, 400n), part(1n, 400n, { destination: nodeOf(2) }), 'differs'],
    ['is sent as another part', part(1n, 400n), part(2n, 600n), 'pending'],
    ['is refused as a part of a whole', request({ groupid: 1n }), part(2n, 600n), 'parallel'],
    ['is refused as a whole beside a part', part(2n, 600n), request({ groupid: 1n }), 'parallel'],
    ['is refused with another total', part(1n, 400n), part(2n, 600n, { total: msat(2_000n) }), 'total_changed'],
    ['is refused where the first is all of it', part(1n, 1_000n), part(2n, 1n), 'total_reached'],
    ['is refused where both are more than the total', part(1n, 600n), part(2n, 401n), 'total_exceeded'],
  ];
  test.each(rows)('%s', async (_, first, second, expected) => {
    const { sendpays, sent } = await opened();
    // Both at once: they see each other all the same.
    const [one, other] = await Promise.all([sendpays.begin(first), sendpays.begin(second)]);
    expect([said(one), said(other)]).toEqual(['pending', expected]);
    expect(sent).toHaveLength(expected === 'pending' && second.partid !== first.partid ? 2 : 1);
  });

  const paidRows: readonly (readonly [string, ReturnType<typeof request>, string])[] = [
    [
      'is the one that was paid, where it says the same',
      request({ first: { ...request().first, scid: scid(1) } }),
      'complete',
    ],
    ['is refused with another amount', request({ amount: msat(2_000n), total: msat(2_000n) }), 'differs'],
    ['is refused to somebody else', request({ destination: nodeOf(2) }), 'differs'],
    ['is refused as another part', part(3n, 10n), 'other_part_complete'],
  ];
  test.each(paidRows)('once that is paid %s', async (_, second, expected) => {
    const { sendpays, disk, gate } = await opened();
    await sendpays.begin(request());
    sendpays.outcome(1n, claimed);
    await gate.allSaved();
    for (const node of [sendpays, (await opened(disk)).sendpays]) expect(said(await node.begin(second))).toBe(expected);
  });

  test('once the first has failed is sent in a new group, and refused as the same part again', async () => {
    const { sendpays } = await opened();
    await sendpays.begin(part(1n, 400n));
    sendpays.outcome(1n, refused);
    expect(said(await sendpays.begin(part(1n, 400n)))).toBe('part_used');
    const answer = await sendpays.begin(part(1n, 400n, { groupid: undefined }));
    expect(answer).toMatchObject({ part: { status: 'pending', groupid: 2n } });
  });

  const payment = (status: 'pending' | 'complete' | 'failed') => ({
    ...{ id: 'p', createdIndex: 1n, createdAt: 1, destination: nodeOf(1), paymentHash: hash, amount: msat(1_000n) },
    ...{ scheme: 'single', label: undefined, bolt11: undefined, description: undefined, status },
    result:
      status === 'pending'
        ? undefined
        : { at: 2, delivered: msat(1_000n), sent: msat(1_001n), parts: 1, preimages: [preimage], why: undefined },
  });
  test.each([
    ['pending', 'other_group'],
    ['complete', 'complete'],
    ['failed', 'pending'],
  ] as const)('counts a payment of pay that is %s', async (status, expected) => {
    const { sendpays, told } = await opened();
    told.paid = payment(status);
    expect(said(await sendpays.begin(request()))).toBe(expected);
  });

  test('waits for pay to look for earlier payments of it', async () => {
    const { sendpays, beingChecked } = await opened();
    beingChecked.add(hex(hash));
    expect(said(await sendpays.begin(request()))).toBe('pay_begins');
  });

  test('is told to pay: under way, then paid with what the parts brought', async () => {
    const { sendpays } = await opened();
    expect(await sendpays.paidByParts(hash, nodeOf(1))).toBeUndefined();
    await sendpays.begin(part(1n, 400n));
    await sendpays.begin(part(2n, 600n));
    expect(await sendpays.paidByParts(hash, nodeOf(1))).toBe('under_way');
    for (const n of [1n, 2n]) sendpays.outcome(n, claimed);
    expect(await sendpays.paidByParts(hash, nodeOf(1))).toMatchObject({
      ...{ status: 'complete', amount: 1_000n, destination: nodeOf(1) },
      result: { delivered: 1_000n, sent: 2_020n, parts: 2, preimages: [preimage] },
    });
  });
});

describe('a failure of an HTLC of sendpay', () => {
  const secrets = request().sharedSecrets;
  const [near = zeros(32), far = zeros(32)] = secrets;
  /** As it comes back from a hop of the route, counted from 0. */
  const from = (hop: 0 | 1, failure: Failure) => {
    const reason = hop === 0 ? createFailure(near, failure) : wrapFailure(near, createFailure(far, failure));
    return failureOf({ sharedSecrets: secrets }, { kind: 'failed', reason });
  };
  const route = request();
  const unknown: Failure = { name: 'incorrect_or_unknown_payment_details', htlc_msat: msat(5n), height: 9 };
  const busy: Failure = { name: 'temporary_channel_failure', channel_update: zeros(0) };

  test('of the destination for good is 203, and names the last channel', () => {
    const failure = from(1, unknown);
    expect(failure).toMatchObject({ kind: 'routing', index: 2, code: 0x400f });
    expect(verdictOn(route, failure)).toBe('destination');
    expect(erringOf(us, route, { index: 2, code: 0x400f })).toMatchObject({ node: nodeOf(1), channel: scid(7) });
  });

  test('on the way is 204, and names the channel behind the node that reported it', () => {
    const failure = from(0, busy);
    expect(failure).toMatchObject({ kind: 'routing', index: 1, code: 0x1007 });
    expect(verdictOn(route, failure)).toBe('route');
    const { node, channel, direction } = erringOf(us, route, { index: 1, code: 0x1007 });
    expect([node, channel]).toEqual([nodeOf(0), scid(7)]);
    expect(direction).toBe(hex(nodeOf(0)) < hex(nodeOf(1)) ? 0 : 1);
    expect(failureWords(us, route, failure)).toContain('WIRE_TEMPORARY_CHANNEL_FAILURE');
  });

  test('of the destination for a time is 204', () => {
    expect(verdictOn(route, from(1, { name: 'temporary_node_failure' }))).toBe('route');
  });

  test('that says a node could not read its onion is 202, and names that node in place of the one before it', () => {
    const malformed = failureOf(route, { kind: 'malformed', failureCode: 0xc005 });
    const later = from(0, { name: 'invalid_onion_key', sha256_of_onion: zeros(32) });
    for (const failure of [malformed, later]) expect(verdictOn(route, failure)).toBe('unreadable');
    expect(erringOf(us, route, { index: 1, code: 0xc005 }).node).toEqual(nodeOf(1));
  });

  test('that was damaged, or for which there are no secrets, is 202 with what came back', () => {
    const reason = createFailure(near, busy);
    const damaged = failureOf(route, { kind: 'failed', reason: reason.fill(7, 0, 9) });
    const closed = failureOf({ sharedSecrets: [] }, { kind: 'failed', reason });
    for (const failure of [damaged, closed]) {
      expect(failure).toEqual({ kind: 'unreadable', reason });
      expect(verdictOn(route, failure)).toBe('unreadable');
    }
  });

  test('that arose here names this node and the first channel', () => {
    const failure = failureOf(route, { kind: 'timed_out' });
    expect([verdictOn(route, failure), erringOf(us, route, { index: 0, code: 0x4008 })]).toMatchObject([
      'route',
      { node: us, channel: outlet(0, 1n).scid },
    ]);
  });

  test('of a route that only the caller knows names no node', () => {
    const failure = from(0, busy);
    expect(erringOf(us, { route: [] }, { index: 1, code: 0x1007 }).node).toBeUndefined();
    expect(verdictOn({ route: [] }, failure)).toBe('route');
  });
});

test('every record of sendpay is read as it was written', async () => {
  const { sendpays } = await opened();
  await sendpays.begin(request({ label: 'a', bolt11: 'b', description: 'c' }));
  await sendpays.begin(request({ paymentHash: secretOf(3).preimage as never, destination: undefined, route: [] }));
  sendpays.outcome(2n, { kind: 'failed', reason: zeros(292) });
  const records: readonly SendpayRecord[] = await collect(sendpays.list());
  expect(records.map((record) => decodeSendpay(encodeSendpay(record)))).toEqual(records);
});
