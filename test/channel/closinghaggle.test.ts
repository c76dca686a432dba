/** Whatever a peer asks for when a channel is closed together: what we sign, and what it can cost us. */

import { Transaction } from 'bitcoinjs-lib';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { ChannelMessage, ChannelMessageOf, Context } from '../../channel/model/io.ts';
import type { CloseFeerates } from '../../channel/model/state.ts';
import { buildLegacyClosing, closingFee, closingWeight } from '../../channel/tx/closingtx.ts';
import { signFundingSpend } from '../../channel/tx/signing.ts';
import { equal } from '../../wire/bytes.ts';
import { msat, sat } from '../../wire/units.ts';
import { propertyRuns } from '../support/runs.ts';
import {
  context,
  coreOf,
  cut,
  eventsOf,
  features,
  give,
  openRequest,
  type Pair,
  ready,
  type Side,
  scriptOf,
} from './pair.ts';

type Who = 'a' | 'b';
const pushed = { ...openRequest, push: msat(400_000_500n) };
const balance = { a: 599_999_500n, b: 400_000_500n } as const;

/** closing_signed of `from` for a fee, as it would be signed by its rules. */
const words = (pair: Pair, from: Who, fee: bigint, range: readonly [bigint, bigint] | undefined): ChannelMessage => {
  const { params, funding, keys, channelId } = coreOf(pair[from]);
  const to = from === 'a' ? 'b' : 'a';
  const side = (who: Who) => ({
    funding: (who === from ? params.local : params.remote).basepoints.funding,
    balance: msat(balance[who]),
    script: scriptOf(who === 'a' ? 1 : 2),
  });
  const content = {
    funding,
    fundingAmount: params.capacity,
    local: side(from),
    remote: side(to),
    payer: from === 'a' ? 'local' : 'remote',
    fee: sat(fee),
  } as const;
  const signature = signFundingSpend(buildLegacyClosing(content, params.local.dustLimit), keys.funding);
  const fee_range = range && { min_fee_satoshis: sat(range[0]), max_fee_satoshis: sat(range[1]) };
  return {
    name: 'closing_signed',
    channel_id: channelId,
    fee_satoshis: sat(fee),
    signature,
    ...(fee_range && { fee_range }),
  };
};

/** Both in negotiation on a new connection; `who` is under test, the other one only said what brought it there. */
const meet = (pair: Pair, who: Who, feerates: CloseFeerates | undefined, at: Context): void => {
  give(pair, pair[who], { type: 'close', feerates }, at);
  const shutdown: ChannelMessage = {
    name: 'shutdown',
    channel_id: coreOf(pair[who]).channelId,
    scriptpubkey: scriptOf(who === 'a' ? 2 : 1),
  };
  give(pair, pair[who], { type: 'message', message: shutdown }, at);
};

const again = (pair: Pair, who: Who, at: Context): void => {
  cut(pair);
  for (const side of [pair.a, pair.b]) give(pair, side, { type: 'connected', features }, at);
  const mine = pair[who];
  const [hello] = mine.inbox;
  if (hello !== undefined) give(pair, mine, { type: 'message', message: hello }, at);
  meet(pair, who, undefined, at);
};

const signedBy = (pair: Pair, who: Who): readonly ChannelMessageOf<'closing_signed'>[] =>
  pair[who === 'a' ? 'b' : 'a'].inbox.filter((message) => message.name === 'closing_signed');

const outputOf = (tx: Uint8Array, script: Uint8Array): bigint =>
  Transaction.fromBuffer(tx).outs.reduce(
    (sum, out) => sum + (equal(new Uint8Array(out.script), script) ? out.value : 0n),
    0n,
  );
const agreedBy = (side: Side) => eventsOf(side, 'closing').map(({ tx }) => tx);

describe.each(['a', 'b'] as const)('a peer that haggles, with us as %s (a is the funder)', (who) => {
  const rate = fc.integer({ min: 253, max: 20_000 });
  const amount = fc.oneof(
    fc.bigInt(0n, 3_000n),
    fc.bigInt(0n, 599_000n),
    fc.constantFrom(0n, 8n, 170n, 171n, 676n, 1_352n),
  );
  const word = fc.record({
    fee: amount,
    range: fc.option(
      fc.tuple(amount, amount).map(([x, y]) => (x < y ? ([x, y] as const) : ([y, x] as const))),
      { nil: undefined },
    ),
    reconnect: fc.boolean(),
    rate,
    relay: rate,
  });
  const asked = fc.option(
    fc.tuple(rate, rate).map(([x, y]) => ({ min: Math.min(x, y), max: Math.max(x, y) })),
    { nil: undefined },
  );

  test(`a closing peer gets no signature for a fee outside our range or below the relay minimum, with us as ${who}`, () => {
    fc.assert(
      fc.property(asked, rate, rate, fc.array(word, { maxLength: 8 }), (feerates, estimate, relay, said) => {
        const pair = ready(pushed);
        const scripts = [scriptOf(1), scriptOf(2)] as const;
        let at: Context = { ...context, feerate: estimate, relayFeerate: relay };
        /** The highest and the lowest that can be right for the world as it was when something was signed. */
        const check = (before: number): void => {
          const best = Math.max(at.feerate, at.relayFeerate);
          const most = feerates?.max ?? (who === 'a' ? Math.max(2 * best, 2_530) : Number.POSITIVE_INFINITY);
          for (const { fee_satoshis: fee } of signedBy(pair, who).slice(before)) {
            if (most !== Number.POSITIVE_INFINITY) expect(fee).toBeLessThanOrEqual(closingFee(most, ...scripts));
            expect(fee).toBeGreaterThanOrEqual(closingFee(Math.max(at.relayFeerate, feerates?.min ?? 0), ...scripts));
          }
        };
        meet(pair, who, feerates, at);
        check(0);
        for (const { fee, range, reconnect, ...rates } of said) {
          if (pair[who].state.phase !== 'negotiating') break;
          const before = signedBy(pair, who).length;
          if (reconnect) {
            at = { ...context, feerate: rates.rate, relayFeerate: rates.relay };
            again(pair, who, at);
          }
          if (fee <= balance.a / 1000n)
            give(pair, pair[who], { type: 'message', message: words(pair, who === 'a' ? 'b' : 'a', fee, range) }, at);
          check(reconnect ? 0 : before);
        }
        for (const tx of agreedBy(pair[who])) {
          const own = outputOf(tx, scripts[who === 'a' ? 0 : 1]);
          const most = feerates?.max ?? Math.max(2 * 20_000, 2_530);
          expect(own).toBeGreaterThanOrEqual(balance[who] / 1000n - (who === 'a' ? closingFee(most, ...scripts) : 0n));
        }
      }),
      { numRuns: propertyRuns(40) },
    );
  });

  test(`a closing peer that asks for nearly the whole balance, then a satoshi less each time, gets no signature, with us as ${who}`, () => {
    const pair = ready(pushed);
    meet(pair, who, undefined, context);
    const most = who === 'a' ? 2_530 : 1_000_000;
    const peer = who === 'a' ? 'b' : 'a';
    for (let i = 0n; i < 20n; i++) {
      const message = words(pair, peer, who === 'a' ? 590_000n - i : i, undefined);
      give(pair, pair[who], { type: 'message', message });
      if (coreOf(pair[who]).link.status !== 'online') again(pair, who, context);
    }
    expect(agreedBy(pair[who])).toEqual([]);
    const fees = signedBy(pair, who).map(({ fee_satoshis }) => fee_satoshis);
    for (const fee of fees) expect(fee >= 171n && fee <= closingFee(most, scriptOf(1), scriptOf(2))).toBe(true);
    expect(pair[who].state.phase).toBe('negotiating');
  });

  test(`a closing peer gets no more than the caller of close allows now, whatever was allowed before, with us as ${who}`, () => {
    const pair = ready(pushed);
    meet(pair, who, { min: 253, max: 20_000 }, context);
    const peer = who === 'a' ? 'b' : 'a';
    // As fundee we have said nothing yet.
    if (who === 'b') give(pair, pair.b, { type: 'message', message: words(pair, peer, 20_000n, undefined) });
    expect(signedBy(pair, who)).toHaveLength(1);
    give(pair, pair[who], { type: 'close', feerates: { min: 253, max: 300 } });
    expect(pair[who].asked.at(-1)).toEqual({ do: 'disconnect', why: 'closing_fees_changed' });
    again(pair, who, context);
    give(pair, pair[who], { type: 'message', message: words(pair, peer, 2_000n, [171n, 30_000n]) });
    for (const { fee_satoshis, fee_range } of signedBy(pair, who)) {
      expect(fee_satoshis).toBeLessThanOrEqual(203n);
      expect(fee_range?.max_fee_satoshis).toBeLessThanOrEqual(203n);
    }
    expect(agreedBy(pair[who])).toEqual([]);
  });

  test(`a closing fee that was relayed an hour ago is offered again, with us as ${who}`, () => {
    const full: Context = { ...context, relayFeerate: 5_000 };
    const pair = ready(pushed);
    meet(pair, who, undefined, full);
    const message = words(pair, who === 'a' ? 'b' : 'a', 200n, [171n, 200_000n]);
    give(pair, pair[who], { type: 'message', message }, full);
    const least = (5_000n * closingWeight(scriptOf(1), scriptOf(2))) / 1_000n;
    const [first] = signedBy(pair, who);
    expect(first?.fee_satoshis).toBe(least);
    expect(agreedBy(pair[who])).toEqual([]);
  });
});

test.each([
  ['three times our most', { min: 253, max: 20_000 }, 3n],
  ['eight times our most', { min: 253, max: 20_000 }, 8n],
  ['five times the only fee that our caller allows', { min: 1_000, max: 1_000 }, 5n],
])(
  'a fundee that wants %s and comes down a tenth at a time, as lnd does, is agreed with within our range',
  (_, feerates, times) => {
    const pair = ready(pushed);
    meet(pair, 'a', feerates, context);
    const most = closingFee(feerates.max, scriptOf(1), scriptOf(2));
    const said = () => signedBy(pair, 'a').at(-1)?.fee_satoshis ?? 0n;
    // It takes what is within 30 % of what it asked for last.
    for (let wanted = times * most; said() * 10n < wanted * 7n; wanted = (wanted * 9n) / 10n)
      give(pair, pair.a, { type: 'message', message: words(pair, 'b', wanted, undefined) });
    give(pair, pair.a, { type: 'message', message: words(pair, 'b', said(), undefined) });
    expect(agreedBy(pair.a)).toHaveLength(1);
    expect(said()).toBeLessThanOrEqual(most);
    expect(pair.a.asked.some((effect) => effect.do === 'disconnect')).toBe(false);
  },
);
