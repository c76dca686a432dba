/** What may be added to a channel, to the last millisatoshi: reserves, the commitment's cost, anchors and dust. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { inLocal, inRemote, specOf } from '../../channel/model/spec.ts';
import { localCommitment, remoteCommitment } from '../../channel/rules/commitmentupdates.ts';
import { feePerHtlc, spendable, spendableAtRest } from '../../channel/rules/limits.ts';
import { formats, openerCost } from '../../channel/tx/commitmentformats.ts';
import { msat } from '../../wire/units.ts';
import { propertyRuns } from '../support/runs.ts';
import {
  context,
  coreOf,
  eventsOf,
  give,
  hashOf,
  kinds,
  offerOf,
  type Pair,
  ready,
  roomyRequest,
  type Side,
  secretOf,
  settle,
} from './pair.ts';
import { summary } from './summary.ts';

const offer = (pair: Pair, side: Side, amount: bigint, n: number, at = context): string | undefined => {
  const before = eventsOf(side, 'offer_refused').length;
  give(pair, side, offerOf(amount, n), at);
  return eventsOf(side, 'offer_refused')[before]?.why.code;
};

describe.each(kinds)('with %s', (name, request) => {
  const format = formats[name];

  test('the funder may give all but its reserve, the cost at twice the feerate, and room for two HTLCs', () => {
    const pair = ready(request, roomyRequest);
    const most = 1_000_000n - 10_000n - openerCost(format, 2000, 2);
    expect(spendable(coreOf(pair.a), context)).toBe(most * 1000n);
    expect(offer(pair, pair.a, most * 1000n + 1n, 1)).toBe('insufficient_balance');
    expect(offer(pair, pair.a, most * 1000n, 2)).toBeUndefined();
  });

  test.each(['funder', 'fundee'] as const)(
    'the %s may give as many HTLCs as its balance and the fee of each allow',
    (role) => {
      const give5 = (more: bigint): readonly (string | undefined)[] => {
        const pair = ready({ ...request, push: msat(500_000_000n) }, roomyRequest);
        const side = role === 'funder' ? pair.a : pair.b;
        const core = coreOf(side);
        const fee = feePerHtlc(core);
        expect(fee > 0n).toBe(role === 'funder');
        const piece = (spendable(core, context) - 4n * fee) / 5n;
        return [1, 2, 3, 4, 5].map((n) => offer(pair, side, piece + more, n));
      };
      expect(give5(0n)).toEqual([undefined, undefined, undefined, undefined, undefined]);
      expect(give5(1n)).toEqual([undefined, undefined, undefined, undefined, 'insufficient_balance']);
    },
  );

  test('a channel could carry at rest what it could before anything was in flight, less what is claimed', () => {
    const pair = ready({ ...request, push: msat(500_000_000n) }, roomyRequest);
    const before = spendable(coreOf(pair.a), context);
    expect(spendableAtRest(coreOf(pair.a), context)).toBe(before);
    give(pair, pair.a, offerOf(100_000_000n, 1));
    give(pair, pair.a, offerOf(50_000_000n, 2));
    give(pair, pair.b, offerOf(30_000_000n, 3));
    settle(pair);
    expect(spendable(coreOf(pair.a), context)).toBeLessThan(before - 150_000_000n + 1n);
    expect(spendableAtRest(coreOf(pair.a), context)).toBe(before);
    give(pair, pair.b, { type: 'fulfill', id: 0n, preimage: secretOf(1) });
    expect(spendableAtRest(coreOf(pair.b), context)).toBe(490_000_000n + 100_000_000n);
    settle(pair);
    expect(spendableAtRest(coreOf(pair.a), context)).toBe(before - 100_000_000n);
  });

  test('the fundee may give all but its reserve', () => {
    const pair = ready({ ...request, push: msat(500_000_000n) }, roomyRequest);
    expect(offer(pair, pair.b, 490_000_001n, 1)).toBe('insufficient_balance');
    expect(offer(pair, pair.b, 490_000_000n, 2)).toBeUndefined();
  });

  test('a funder with just the cost above its reserve is offered only what has no output', () => {
    const push = (above: bigint) => msat(1_000_000_000n - (10_000n + above) * 1000n);
    const cost = openerCost(format, 1000, 1);
    const pair = ready({ ...request, push: push(cost) }, roomyRequest);
    expect(offer(pair, pair.b, 100_000_000n, 1)).toBeUndefined();
    settle(pair);
    expect(eventsOf(pair.a, 'received')).toHaveLength(1);

    const poor = ready({ ...request, push: push(cost - 1n) }, roomyRequest);
    expect(offer(poor, poor.b, 100_000_000n, 1)).toBe('peer_cannot_pay_fee');
    const dust = spendable(coreOf(poor.b), context);
    expect(dust / 1000n).toBe(format.htlcTransactionsPayFee ? 354n + 663n - 1n : 353n);
    expect(offer(poor, poor.b, dust + 1n, 2)).toBe('peer_cannot_pay_fee');
    expect(offer(poor, poor.b, dust, 3)).toBeUndefined();
    settle(poor);
    expect(eventsOf(poor.a, 'received')).toHaveLength(1);
  });

  test('an HTLC that the funder cannot afford with its anchors is a fault', () => {
    const pair = ready({ ...request, push: msat(500_000_000n) }, roomyRequest);
    const most = 500_000n - 10_000n - openerCost(format, 1000, 1);
    const message = (amount: bigint) =>
      ({
        name: 'update_add_htlc',
        channel_id: coreOf(pair.b).channelId,
        id: 0n,
        amount_msat: msat(amount),
        payment_hash: hashOf(1),
        cltv_expiry: 560,
        onion_routing_packet: new Uint8Array(1366),
      }) as const;
    const why = (amount: bigint) => {
      const asked = pair.b.asked.length;
      give(pair, pair.b, { type: 'message', message: message(amount) });
      return pair.b.asked.slice(asked).flatMap((effect) => (effect.do === 'disconnect' ? [effect.why] : []));
    };
    expect(why(most * 1000n)).toEqual([]);
    const again = ready({ ...request, push: msat(500_000_000n) }, roomyRequest);
    give(again, again.b, { type: 'message', message: message(most * 1000n + 1n) });
    expect(again.b.asked.at(-1)).toMatchObject({
      do: 'disconnect',
      why: expect.stringMatching(/^cannot_afford_htlc: id 0/),
    });
  });

  test('trimmed HTLCs may be offered up to 500,000 sat in all, and no more', () => {
    const pair = ready(request, roomyRequest);
    const each = format.htlcTransactionsPayFee ? 1_056_000n : 353_999n;
    const many = 500_000_000n / each;
    for (let n = 0; n < Number(many > 483n ? 483n : many); n++) expect(offer(pair, pair.a, each, n)).toBeUndefined();
    const next = offer(pair, pair.a, each, 500);
    // With anchors an HTLC is dust only below the dust limit: 483 of them stand for less than we risk.
    expect(next).toBe(format.htlcTransactionsPayFee ? 'dust_exposure' : 'too_many_htlcs');
  });

  test('the reserve is never spent, whatever sequence of offers, removals and feerates comes', () => {
    const side = fc.constantFrom('a' as const, 'b' as const);
    const move = fc.oneof(
      fc.record({ do: fc.constant('offer' as const), side, share: fc.integer({ min: 0, max: 100 }) }),
      fc.record({ do: fc.constant('end' as const), side, well: fc.boolean() }),
      fc.record({ do: fc.constant('estimate' as const), feerate: fc.integer({ min: 253, max: 20_000 }) }),
    );
    /** What both sides own in a commitment, above the reserve the other asks of them and the cost. */
    const spare = (s: Side) => {
      const core = coreOf(s);
      const { params, head } = core;
      return [
        { holder: 'local', spec: specOf(core, inLocal(head.local)), of: localCommitment(core) },
        { holder: 'remote', spec: specOf(core, inRemote(head.remote)), of: remoteCommitment(core, 'current') },
      ].flatMap(({ spec, of }) => {
        const cost = openerCost(format, spec.feerate, of?.htlcs.length ?? 0);
        const [us, them] = [spec.toUs / 1000n - params.remote.reserve, spec.toThem / 1000n - params.local.reserve];
        return params.role === 'funder' ? [us - cost, them] : [us, them - cost];
      });
    };
    fc.assert(
      fc.property(fc.bigInt(15_000n, 900_000n), fc.array(move, { maxLength: 30 }), (push, moves) => {
        const pair = ready({ ...request, push: msat(push * 1000n) }, roomyRequest);
        let n = 0;
        let at = context;
        for (const m of moves) {
          if (m.do === 'offer') {
            const most = summary(pair[m.side].state, at)?.spendable ?? 0n;
            const amount = (most * BigInt(m.share)) / 100n;
            if (amount > 0n)
              expect([m.side, amount, offer(pair, pair[m.side], amount, n++, at)]).toEqual([m.side, amount, undefined]);
          } else if (m.do === 'end') {
            const [htlc] = coreOf(pair[m.side]).incoming.values();
            const secret = [...Array(n).keys()].find((i) =>
              hashOf(i).every((byte, at) => byte === htlc?.paymentHash[at]),
            );
            if (htlc === undefined || secret === undefined) continue;
            const { id } = htlc;
            if (m.well) give(pair, pair[m.side], { type: 'fulfill', id, preimage: secretOf(secret) });
            else give(pair, pair[m.side], { type: 'fail', id, reason: new Uint8Array(3) });
          } else {
            const { feerate } = m;
            at = { ...context, feerate, neededFeerate: feerate, highestFeerate: Math.max(at.highestFeerate, feerate) };
            give(pair, pair.a, { type: 'update_fee' }, at);
          }
          settle(pair);
          for (const s of [pair.a, pair.b]) {
            expect(s.asked.some((effect) => effect.do === 'disconnect')).toBe(false);
            for (const left of spare(s)) expect(left).toBeGreaterThanOrEqual(0n);
          }
        }
      }),
      { numRuns: propertyRuns(12) },
    );
  });
});
