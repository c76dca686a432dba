/** Closing together and apart: shutdown, the fee, what is published, what the chain then says. */
import { Transaction } from 'bitcoinjs-lib';
import { describe, expect, test } from 'vitest';
import type { ChannelMessageOf, Input } from '../../channel/model/io.ts';
import { hex } from '../../wire/bytes.ts';
import { msat, sat } from '../../wire/units.ts';
import { closingSigned } from './closings.ts';
import {
  acceptRequest,
  coreOf,
  cut,
  deliver,
  eventsOf,
  give,
  join,
  offerOf,
  openRequest,
  type Pair,
  ready,
  restart,
  type Side,
  scriptOf,
  secretOf,
  settle,
  unconfirmed,
} from './pair.ts';
import { stateName, summary } from './summary.ts';

const pushed = { ...openRequest, push: msat(400_000_500n) };

const closings = (side: Side) => side.broadcasts.filter(({ why }) => why === 'closing').map(({ tx }) => hex(tx));
const outputs = (tx: Uint8Array) => Transaction.fromBuffer(tx).outs.map(({ value, script }) => [value, hex(script)]);
const last = (side: Side): Uint8Array => side.broadcasts.at(-1)?.tx ?? new Uint8Array();

const closeFor = (side: Side, tx: Uint8Array): Input => {
  expect(side.state.phase).not.toBe('closed');
  return { type: 'funding_spent', tx, height: 600 };
};

describe('a cooperative close', () => {
  test.each(['a', 'b'] as const)('begun by %s ends in one transaction that both publish', (who) => {
    const pair = ready(pushed);
    give(pair, pair[who], { type: 'close' });
    expect(stateName(pair[who].state)).toBe('CHANNELD_SHUTTING_DOWN');
    settle(pair);
    expect(closings(pair.a)).toHaveLength(1);
    expect(closings(pair.a)).toEqual(closings(pair.b));
    for (const side of [pair.a, pair.b]) {
      expect(stateName(side.state)).toBe('CLOSINGD_COMPLETE');
      expect(eventsOf(side, 'closing')).toHaveLength(1);
      expect(eventsOf(side, 'shutting_down').map(({ by }) => by)).toEqual([side === pair[who] ? 'us' : 'peer']);
    }
    const [small = [0n], large = [0n]] = outputs(last(pair.a));
    expect(small).toEqual([400_000n, hex(scriptOf(2))]);
    expect(large[1]).toBe(hex(scriptOf(1)));
    const fee = 1_000_000n - 400_000n - BigInt(large[0] ?? 0n);
    expect(fee > 600n && fee < 800n).toBe(true);
  });

  test('waits for HTLCs in flight, refuses new ones, and takes neither more nor less than the last', () => {
    const pair = ready(pushed);
    give(pair, pair.a, offerOf(50_000_000n, 1));
    settle(pair);
    give(pair, pair.a, { type: 'close' });
    settle(pair);
    give(pair, pair.a, offerOf(1_000_000n, 2));
    give(pair, pair.b, offerOf(1_000_000n, 3));
    for (const side of [pair.a, pair.b])
      expect(eventsOf(side, 'offer_refused').map(({ why }) => why.code)).toEqual(['shutting_down']);
    expect(closings(pair.a)).toEqual([]);
    give(pair, pair.b, { type: 'fulfill', id: 0n, preimage: secretOf(1) });
    settle(pair);
    expect(closings(pair.a)).toHaveLength(1);
    expect(outputs(last(pair.b)).map(([value]) => value)).toContain(450_000n);
  });

  test('says shutdown only after what it proposed before is signed', () => {
    const pair = ready(pushed);
    give(pair, pair.a, offerOf(50_000_000n, 1));
    give(pair, pair.a, { type: 'close' });
    expect(pair.b.inbox.map(({ name }) => name)).toEqual(['update_add_htlc']);
    give(pair, pair.a, { type: 'sign' });
    expect(pair.b.inbox.map(({ name }) => name)).toEqual(['update_add_htlc', 'commitment_signed', 'shutdown']);
  });

  test('leaves out an output below the dust limit, whoever lacks it', () => {
    const pair = ready({ ...openRequest, push: msat(300_000n) });
    give(pair, pair.b, { type: 'close' });
    settle(pair);
    expect(outputs(last(pair.a)).map(([, script]) => script)).toEqual([hex(scriptOf(1))]);
  });

  test('works before channel_ready', () => {
    const pair = unconfirmed();
    give(pair, pair.b, { type: 'close' });
    settle(pair);
    expect(closings(pair.a)).toHaveLength(1);
  });

  test('pays to the script asked for, but to the one bound upfront if there is one', () => {
    const script = Uint8Array.of(0x51, 32, ...new Array(32).fill(6));
    const free = ready(pushed);
    give(free, free.a, { type: 'close', script });
    settle(free);
    expect(outputs(last(free.a)).map(([, to]) => to)).toContain(hex(script));

    const bound = ready({ ...pushed, upfront: true });
    give(bound, bound.a, { type: 'close', script });
    expect(eventsOf(bound.a, 'close_refused').map(({ why }) => why)).toEqual([
      { code: 'script_bound', script: scriptOf(1) },
    ]);
    give(bound, bound.a, { type: 'close' });
    settle(bound);
    expect(outputs(last(bound.a)).map(([, to]) => to)).toContain(hex(scriptOf(1)));
  });

  test('refuses another script than the one bound upfront', () => {
    const pair = ready({ ...pushed, upfront: true });
    const message = { name: 'shutdown', channel_id: coreOf(pair.b).channelId, scriptpubkey: scriptOf(9) } as const;
    give(pair, pair.b, { type: 'message', message });
    expect(pair.b.asked.at(-1)).toEqual({ do: 'disconnect', why: 'shutdown_script_changed' });
    cut(pair);
    join(pair);
    give(pair, pair.a, { type: 'close' });
    settle(pair);
    expect(outputs(last(pair.b)).map(([, to]) => to)).toContain(hex(scriptOf(1)));
  });

  test.each(['a', 'b'] as const)('is negotiated anew after a reconnect, %s restarted', (who) => {
    for (let n = 0; n < 7; n++) {
      const pair = ready(pushed);
      give(pair, pair.a, { type: 'close' });
      for (let i = 0; i < n; i++) if (!deliver(pair, pair.b)) deliver(pair, pair.a);
      cut(pair);
      restart(pair, pair[who]);
      join(pair);
      settle(pair);
      for (const side of [pair.a, pair.b]) expect(stateName(side.state)).toBe('CLOSINGD_COMPLETE');
      expect(closings(pair.a).at(-1)).toBe(closings(pair.b).at(-1));
    }
  });

  test('is over when its transaction is deep', () => {
    const pair = ready(pushed);
    give(pair, pair.a, { type: 'close' });
    settle(pair);
    give(pair, pair.a, closeFor(pair.a, last(pair.a)));
    expect(eventsOf(pair.a, 'spent')).toMatchObject([{ by: 'mutual', height: 600 }]);
    expect(stateName(pair.a.state)).toBe('ONCHAIN');
    restart(pair, pair.a);
    give(pair, pair.a, { type: 'block', height: 699 });
    // Until the chain says so again, a reorg may have undone it.
    expect(stateName(pair.a.state)).toBe('ONCHAIN');
    give(pair, pair.a, closeFor(pair.a, last(pair.a)));
    give(pair, pair.a, { type: 'block', height: 698 });
    expect(stateName(pair.a.state)).toBe('ONCHAIN');
    give(pair, pair.a, { type: 'block', height: 699 });
    expect(stateName(pair.a.state)).toBe('CLOSED');
    expect(eventsOf(pair.a, 'closed')).toHaveLength(1);
    restart(pair, pair.a);
    expect(stateName(pair.a.state)).toBe('CLOSED');
  });
});

/** Both sides in negotiation, the funder's first closing_signed on its way to the fundee. */
const negotiating = (): Pair => {
  const pair = ready(pushed);
  give(pair, pair.b, { type: 'close' });
  deliver(pair, pair.a);
  deliver(pair, pair.b);
  return pair;
};
const fail = (): never => {
  throw new Error('nothing sent');
};
const closingOf = (side: Side): ChannelMessageOf<'closing_signed'> => {
  const message = side.inbox.shift();
  return message?.name === 'closing_signed' ? message : fail();
};

describe('the fee of a close', () => {
  test('lies in the range that the funder was told', () => {
    const pair = ready(pushed);
    give(pair, pair.a, { type: 'close', feerates: { min: 2000, max: 2000 } });
    settle(pair);
    const paid = outputs(last(pair.a)).reduce((sum, [value]) => sum - BigInt(value ?? 0n), 1_000_000n);
    expect(paid > 1300n && paid < 1500n).toBe(true);
  });

  test('is the funder’s where the fundee gives no range, and agreed by approach where neither does', () => {
    const pair = negotiating();
    const { fee_range: _, ...plain } = closingOf(pair.b);
    give(pair, pair.b, { type: 'message', message: plain });
    expect(closings(pair.b)).toHaveLength(1);
    const { fee_range: __, ...reply } = closingOf(pair.a);
    give(pair, pair.a, { type: 'message', message: reply });
    expect(closings(pair.a)).toEqual(closings(pair.b));
  });

  /** The funder has said its fee to `b`, which may now answer anything. */
  const proposed = (feerates = { min: 253, max: 300 }): Pair => {
    const pair = ready(pushed);
    give(pair, pair.a, { type: 'close', feerates });
    deliver(pair, pair.b);
    deliver(pair, pair.a);
    return pair;
  };

  test('is met halfway where an old peer asks for more, within our range only, and must come closer each time', () => {
    const pair = proposed({ min: 253, max: 20_000 });
    const first = closingOf(pair.b).fee_satoshis;
    give(pair, pair.a, { type: 'message', message: closingSigned(pair, 20_000n) });
    const second = closingOf(pair.b).fee_satoshis;
    expect(second).toBe((first + 13_520n) / 2n);
    give(pair, pair.a, { type: 'message', message: closingSigned(pair, 17_000n) });
    expect(closingOf(pair.b).fee_satoshis).toBe((second + 13_520n) / 2n);
    give(pair, pair.a, { type: 'message', message: closingSigned(pair, 17_000n) });
    expect(pair.a.asked.at(-1)).toMatchObject({ do: 'disconnect', why: 'closing_fee_no_progress: fee 17000' });
    expect(stateName(pair.a.state)).toBe('CLOSINGD_SIGEXCHANGE');
  });

  test('stays what the caller allows, whatever an old peer asks for and however slowly it comes closer', () => {
    const pair = proposed();
    const first = closingOf(pair.b).fee_satoshis;
    for (let fee = 550_000n; fee >= 549_976n; fee--)
      give(pair, pair.a, { type: 'message', message: closingSigned(pair, fee) });
    expect(closings(pair.a)).toEqual([]);
    for (let i = 0; i < 24; i++) expect(closingOf(pair.b).fee_satoshis).toBe(first);
    const why = `closing_fee_refused: fee 549976, min 171, max ${first}`;
    expect(pair.a.asked.at(-1)).toEqual({ do: 'disconnect', why });
    expect(stateName(pair.a.state)).toBe('CLOSINGD_SIGEXCHANGE');
  });

  test('is taken where an old peer asks what we would pay', () => {
    const pair = proposed();
    give(pair, pair.a, { type: 'message', message: closingSigned(pair, 180n) });
    expect(closings(pair.a)).toHaveLength(1);
    expect(pair.b.inbox.at(-1)).toMatchObject({ name: 'closing_signed', fee_satoshis: 180n });
  });

  const range = (min: bigint, max: bigint) => ({
    fee_range: { min_fee_satoshis: sat(min), max_fee_satoshis: sat(max) },
  });
  test('outside both ranges fails the channel', () => {
    const pair = proposed();
    give(pair, pair.a, { type: 'message', message: { ...closingSigned(pair, 10_000n), ...range(1n, 20_000n) } });
    expect(eventsOf(pair.a, 'failed')).toMatchObject([{ fault: { code: 'closing_fee_out_of_range' } }]);
  });

  test('with ranges apart is warned about', () => {
    const pair = proposed();
    give(pair, pair.a, { type: 'message', message: { ...closingSigned(pair, 10_000n), ...range(9_000n, 20_000n) } });
    expect(pair.a.asked.at(-1)).toMatchObject({ do: 'disconnect', why: 'closing_ranges_disjoint' });
  });

  test('must be one the funder can pay', () => {
    const pair = proposed();
    give(pair, pair.a, { type: 'message', message: closingSigned(pair, 600_000n) });
    expect(eventsOf(pair.a, 'failed')).toMatchObject([{ fault: { code: 'invalid_closing_signature' } }]);
  });

  test('must be signed', () => {
    const pair = negotiating();
    const message = closingOf(pair.b);
    give(pair, pair.b, { type: 'message', message: { ...message, fee_satoshis: sat(message.fee_satoshis + 1n) } });
    expect(eventsOf(pair.b, 'failed')).toMatchObject([{ fault: { code: 'invalid_closing_signature' } }]);
  });
});

describe('a unilateral close', () => {
  test('publishes our commitment, tells the peer, and is recognized on both sides', () => {
    const pair = ready(pushed);
    give(pair, pair.a, offerOf(50_000_000n, 1));
    settle(pair);
    give(pair, pair.a, { type: 'force_close' });
    expect(stateName(pair.a.state)).toBe('AWAITING_UNILATERAL');
    const tx = last(pair.a);
    expect(outputs(tx)).toHaveLength(3);
    deliver(pair, pair.b);
    expect(eventsOf(pair.b, 'failed')).toMatchObject([{ fault: { code: 'peer_error' }, broadcast: true }]);
    give(pair, pair.a, closeFor(pair.a, tx));
    give(pair, pair.b, closeFor(pair.b, tx));
    expect(eventsOf(pair.a, 'spent')).toMatchObject([{ by: 'local' }]);
    expect(eventsOf(pair.b, 'spent')).toMatchObject([{ by: 'remote' }]);
  });

  test('with an old commitment is recognized as such, and with the next one too', () => {
    const pair = ready(pushed);
    give(pair, pair.a, { type: 'force_close' });
    const old = last(pair.a);
    const again = ready(pushed);
    give(again, again.a, offerOf(50_000_000n, 1));
    settle(again);
    give(again, again.b, closeFor(again.b, old));
    expect(eventsOf(again.b, 'spent')).toMatchObject([{ by: 'revoked' }]);

    const half = ready(pushed);
    give(half, half.b, offerOf(50_000_000n, 1));
    give(half, half.b, { type: 'sign' });
    deliver(half, half.a);
    deliver(half, half.a);
    give(half, half.a, { type: 'force_close' });
    give(half, half.b, closeFor(half.b, last(half.a)));
    expect(eventsOf(half.b, 'spent')).toMatchObject([{ by: 'remote_next' }]);
  });

  test('is published again with each block and after a restart', () => {
    const pair = ready(pushed);
    give(pair, pair.a, { type: 'force_close' });
    give(pair, pair.a, { type: 'block', height: 501 });
    restart(pair, pair.a);
    const commitments = pair.a.broadcasts.filter(({ why }) => why === 'commitment').map(({ tx }) => hex(tx));
    expect(commitments).toHaveLength(3);
    expect(new Set(commitments).size).toBe(1);
  });
});

test('a fundee with a larger dust limit and a funder with a smaller one still agree', () => {
  const pair = ready({ ...openRequest, push: msat(450_000n) }, acceptRequest);
  give(pair, pair.a, { type: 'close' });
  settle(pair);
  expect(closings(pair.a)).toHaveLength(1);
  expect(closings(pair.a)).toEqual(closings(pair.b));
  expect(summary(pair.b.state)?.toUs).toBe(450_000n);
});
