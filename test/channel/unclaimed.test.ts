/** HTLCs with an output that is not worth its claim count as those without one: they are lost as surely if the channel breaks. */
import { describe, expect, test } from 'vitest';
import { claimsOf as claimsOfOutputs } from '../../channel/claims/trackedoutputs.ts';
import { feeFault, isOverexposed, mayChangeFee } from '../../channel/rules/limits.ts';
import { claimFeerate, isUneconomical } from '../../channel/rules/unclaimed.ts';
import { msat } from '../../wire/units.ts';
import { onStage } from './onstage.ts';
import {
  anchorsRequest,
  context,
  coreOf,
  eventsOf,
  give,
  hashOf,
  offerOf,
  type Pair,
  ready,
  roomyRequest,
  secretOf,
  settle,
} from './pair.ts';
import { goOnchain } from './play.ts';
import { type FormatName, formatNames, tell, tip } from './world.ts';

const world = onStage();

describe('HTLCs counted as uneconomical are those that claims leave', () => {
  const holders = ['local', 'remote'] as const;
  test.each(formatNames.flatMap((format) => holders.map((holder) => [format, holder] as const)))(
    'of %s, in a commitment whose holder is %s to the payee',
    (format: FormatName, holder) => {
      // Around the least that is worth a claim at the lowest feerate; the fees of BOLT 3 leave out a signature's last bytes.
      for (const sat of [400n, 480n, 500n, 610n, 640n, 900n]) {
        if (format === 'static_remotekey' && sat < 1_100n && holder === 'local') continue;
        const so = world(format);
        const { pair } = so;
        tell(so, 'a', { ...offerOf(sat * 1000n, 1), expiry: tip(so) + 60 });
        settle(pair);
        goOnchain(so, holder === 'local' ? 'b' : 'a');
        tell(so, 'b', { type: 'fulfill', id: 0n, preimage: secretOf(1) });
        const { state } = pair.b;
        if (state.phase !== 'onchain') throw new Error('not on chain');
        const concerns = state.chainView.outputs;
        const output = concerns.some(({ htlc }) => htlc !== undefined);
        const claimed = claimsOfOutputs(concerns).some(({ why }) => why === 'htlc_success');
        const counted = isUneconomical({ format }, holder, 253, { way: 'in', amount: sat * 1000n });
        if (output) expect([sat, counted]).toEqual([sat, !claimed]);
      }
    },
  );
});

const offers = (pair: Pair, count: number, amount: bigint, at = context): string | undefined => {
  for (let n = 0; n < count; n++) give(pair, pair.a, offerOf(amount, n), at);
  return eventsOf(pair.a, 'offer_refused')[0]?.why.code;
};

describe('in a channel with anchors', () => {
  const cheap = { ...context, feerate: 1_000 };

  test('as many HTLCs below the price of a claim as stand for 500,000 sat are offered, and no more', () => {
    // At 1,000 sat per 1,000 weight a claim of our own commitment costs 1,150 sat.
    expect(offers(ready(anchorsRequest, roomyRequest), 351, 1_420_000n, cheap)).toBeUndefined();
    expect(offers(ready(anchorsRequest, roomyRequest), 353, 1_420_000n, cheap)).toBe('dust_exposure');
    expect(offers(ready(anchorsRequest, roomyRequest), 483, 1_490_000n, cheap)).toBeUndefined();
  });

  test('one received beyond that is to be failed back, and the channel stays open', () => {
    const pair = ready(anchorsRequest, roomyRequest);
    offers(pair, 352, 1_420_000n, cheap);
    settle(pair);
    const message = {
      name: 'update_add_htlc',
      channel_id: coreOf(pair.b).channelId,
      id: 352n,
      amount_msat: msat(1_420_000n),
      payment_hash: hashOf(352),
      cltv_expiry: 560,
      onion_routing_packet: new Uint8Array(1366),
    } as const;
    give(pair, pair.b, { type: 'message', message }, cheap);
    expect(pair.b.state.phase).toBe('open');
    const htlc = coreOf(pair.b).incoming.get(352n);
    expect(htlc && isOverexposed(coreOf(pair.b), htlc, cheap)).toBe(true);
  });

  test('a change of the feerate is not refused for them, by either side', () => {
    const pair = ready({ ...anchorsRequest, feerate: 253 }, roomyRequest);
    offers(pair, 400, 1_420_000n, { ...context, feerate: 253 });
    settle(pair);
    const dear = 2_500;
    expect(mayChangeFee(coreOf(pair.a), dear)).toBe(true);
    const bounds = { min: 253, max: 10_000, fees: { ...context, highestFeerate: dear } };
    expect(feeFault(coreOf(pair.b), dear, bounds)).toBeUndefined();
  });
});

test('without anchors an HTLC of our own commitment pays for its own claim, and one of the peer’s commitment does not', () => {
  const of = (holder: 'local' | 'remote', sat: bigint) =>
    isUneconomical({ format: 'static_remotekey' }, holder, 1_000, { way: 'in', amount: sat * 1000n });
  expect([of('local', 400n), of('remote', 952n), of('remote', 953n)]).toEqual([false, true, false]);
});

test.each([
  [253, 253, 253],
  [253, 2_000, 2_000],
  [1_000, 253, 1_000],
  [253, 90_000, 2_500],
])('a commitment at %i and an estimate of %i make claims of %i', (commitment, estimate, claim) => {
  expect(claimFeerate(commitment, estimate)).toBe(claim);
});
