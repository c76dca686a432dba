/** Reconnects: each message of a dance lost in turn, the order of what is said again, lost memories and lies. */
import { describe, expect, test } from 'vitest';
import type { ChannelMessageOf } from '../../channel/model/io.ts';
import { wantsToSign } from '../../channel/phases/transition.ts';
import { perCommitmentSecret } from '../../channel/tx/secrets.ts';
import { zeros } from '../../wire/bytes.ts';
import { msat, type Point, point } from '../../wire/units.ts';
import {
  confirm,
  coreOf,
  cut,
  deliver,
  eventsOf,
  features,
  give,
  join,
  offerOf,
  openRequest,
  otherOf,
  type Pair,
  ready,
  restart,
  type Side,
  secretOf,
  settle,
  unconfirmed,
} from './pair.ts';
import { stateName, summary } from './summary.ts';

const names = (side: Side) => side.inbox.map(({ name }) => name);

/** Delivers messages one at a time, signing when idle, and cuts after the `n`-th delivery. */
const cutAfter = (pair: Pair, n: number): boolean => {
  for (let i = 0; i < n; i++) {
    const side = [pair.a, pair.b].find(({ inbox }) => inbox.length > 0);
    if (side !== undefined) deliver(pair, side);
    else {
      const signer = [pair.a, pair.b].find(({ state }) => wantsToSign(state));
      if (signer === undefined) return false;
      give(pair, signer, { type: 'sign' });
    }
  }
  cut(pair);
  return true;
};

const bothWays = (): Pair => {
  const pair = ready({ ...openRequest, push: msat(400_000_000n) });
  give(pair, pair.a, offerOf(5_000_000n, 1));
  give(pair, pair.b, offerOf(6_000_000n, 2));
  settle(pair);
  for (const side of [pair.a, pair.b]) side.events.length = 0;
  give(pair, pair.b, { type: 'fulfill', id: 0n, preimage: secretOf(1) });
  give(pair, pair.a, { type: 'fail', id: 0n, reason: Uint8Array.of(1) });
  give(pair, pair.a, { type: 'update_fee', feerate: 1500 });
  give(pair, pair.a, offerOf(7_000_000n, 3));
  give(pair, pair.b, offerOf(8_000_000n, 4));
  return pair;
};

describe.each([
  ['neither side', []],
  ['the funder', ['a']],
  ['the fundee', ['b']],
  ['both sides', ['a', 'b']],
] as const)('a dance cut anywhere, %s restarted', (_, restarted) => {
  test('reaches the same final state', () => {
    for (let n = 0; ; n++) {
      const pair = bothWays();
      if (!cutAfter(pair, n)) {
        expect(n).toBeGreaterThan(12);
        break;
      }
      for (const name of restarted) restart(pair, pair[name]);
      join(pair);
      settle(pair);
      // What was not signed before the cut is asked for again, as a node would.
      give(pair, pair.b, { type: 'fulfill', id: 0n, preimage: secretOf(1) });
      give(pair, pair.a, { type: 'fail', id: 0n, reason: Uint8Array.of(1) });
      settle(pair);
      const inFlight = (summary(pair.a.state)?.htlcs ?? []).reduce((sum, { amount }) => sum + amount, 0n);
      const { toUs, toThem } = summary(pair.a.state) ?? { toUs: 0n, toThem: 0n };
      expect(toUs + toThem + inFlight).toBe(1_000_000_000n);
      expect(summary(pair.b.state)).toMatchObject({ toUs: toThem, toThem: toUs });
      expect(eventsOf(pair.a, 'resolved').some(({ id }) => id === 0n)).toBe(true);
      expect([stateName(pair.a.state), stateName(pair.b.state)]).toEqual(['CHANNELD_NORMAL', 'CHANNELD_NORMAL']);
    }
  });
});

/** Loses everything on the wire and shows what is said after the two channel_reestablish. */
const saidAgain = (pair: Pair, side: Side): readonly string[] => {
  cut(pair);
  join(pair);
  deliver(pair, otherOf(pair, side));
  deliver(pair, side);
  return names(otherOf(pair, side)).filter((name) => name !== 'channel_reestablish');
};

describe('the order of retransmitted messages', () => {
  test('a signature given before the revocation comes before it', () => {
    const pair = ready({ ...openRequest, push: msat(400_000_000n) });
    give(pair, pair.a, offerOf(5_000_000n, 1));
    give(pair, pair.b, offerOf(6_000_000n, 2));
    give(pair, pair.b, { type: 'sign' });
    give(pair, pair.a, { type: 'sign' });
    deliver(pair, pair.a);
    deliver(pair, pair.a);
    expect(saidAgain(pair, pair.a)).toEqual(['update_add_htlc', 'commitment_signed', 'revoke_and_ack']);
    settle(pair);
    expect(eventsOf(pair.b, 'received')).toHaveLength(1);
  });

  test('a signature given after the revocation comes after it', () => {
    const pair = ready({ ...openRequest, push: msat(400_000_000n) });
    give(pair, pair.b, offerOf(6_000_000n, 2));
    give(pair, pair.b, { type: 'sign' });
    deliver(pair, pair.a);
    deliver(pair, pair.a);
    give(pair, pair.a, { type: 'sign' });
    expect(saidAgain(pair, pair.a)).toEqual(['revoke_and_ack', 'commitment_signed']);
  });

  test('updates come in the order in which they were made, whatever their kind', () => {
    const pair = ready({ ...openRequest, push: msat(400_000_000n) });
    for (let n = 0; n < 2; n++) give(pair, pair.b, offerOf(6_000_000n, n));
    settle(pair);
    give(pair, pair.a, { type: 'update_fee', feerate: 1200 });
    give(pair, pair.a, { type: 'fail', id: 1n, reason: new Uint8Array() });
    give(pair, pair.a, offerOf(5_000_000n, 7));
    give(pair, pair.a, { type: 'fulfill', id: 0n, preimage: secretOf(0) });
    give(pair, pair.a, { type: 'sign' });
    restart(pair, pair.a);
    const wanted = ['update_fee', 'update_fail_htlc', 'update_add_htlc', 'update_fulfill_htlc', 'commitment_signed'];
    expect(saidAgain(pair, pair.a)).toEqual(wanted);
  });

  test('channel_ready is sent again until a commitment shows that the peer has it', () => {
    const pair = ready();
    expect(saidAgain(pair, pair.a)).toEqual(['channel_ready']);
    settle(pair);
    give(pair, pair.a, offerOf(5_000_000n, 1));
    settle(pair);
    expect(saidAgain(pair, pair.a)).toEqual([]);
  });

  test('a channel_ready that fell due while the peer was away is said on reconnect', () => {
    const pair = unconfirmed();
    cut(pair);
    confirm(pair);
    expect(names(pair.a)).toEqual([]);
    join(pair);
    settle(pair);
    expect(stateName(pair.a.state)).toBe('CHANNELD_NORMAL');
  });

  test('a channel_ready before channel_reestablish is taken, and what follows goes on from there', () => {
    const pair = unconfirmed();
    cut(pair);
    confirm(pair);
    join(pair);
    deliver(pair, pair.a);
    const ready = pair.b.inbox.pop();
    if (ready?.name !== 'channel_ready') throw new Error(`not channel_ready: ${ready?.name}`);
    give(pair, pair.b, { type: 'message', message: ready });
    expect(pair.b.asked.filter((effect) => effect.do === 'disconnect')).toEqual([]);
    expect(coreOf(pair.b).lockin.received).toBe(true);
    restart(pair, pair.b);
    cut(pair);
    join(pair);
    settle(pair);
    for (const side of [pair.a, pair.b]) expect(stateName(side.state)).toBe('CHANNELD_NORMAL');
  });

  test('a channel_ready before channel_reestablish with a point off the curve ends the connection and not the channel', () => {
    const pair = unconfirmed();
    cut(pair);
    join(pair);
    const bad = point(Uint8Array.of(2, ...new Array(32).fill(255)));
    const message = {
      name: 'channel_ready',
      channel_id: coreOf(pair.b).channelId,
      second_per_commitment_point: bad,
    } as const;
    give(pair, pair.b, { type: 'message', message });
    expect(pair.b.state.phase).toBe('open');
    expect(pair.b.asked.at(-1)).toMatchObject({ do: 'disconnect' });
  });
});

test('a disconnect reverses uncommitted updates: our offer is refused, ids are used again, removals are sent again', () => {
  const pair = ready({ ...openRequest, push: msat(400_000_000n) });
  give(pair, pair.b, offerOf(6_000_000n, 2));
  settle(pair);
  give(pair, pair.a, offerOf(5_000_000n, 1));
  give(pair, pair.a, { type: 'fulfill', id: 0n, preimage: secretOf(2) });
  deliver(pair, pair.b);
  cut(pair);
  expect(eventsOf(pair.a, 'offer_refused').map(({ why }) => why.code)).toEqual(['disconnected']);
  join(pair);
  settle(pair);
  expect(eventsOf(pair.b, 'resolved')).toHaveLength(1);
  give(pair, pair.a, offerOf(5_000_000n, 3));
  settle(pair);
  expect(eventsOf(pair.b, 'received').map(({ id }) => id)).toEqual([0n]);
});

test('a preimage received before a disconnect is known after a restart, and reported once more', () => {
  const pair = ready();
  give(pair, pair.a, offerOf(5_000_000n, 1));
  settle(pair);
  give(pair, pair.b, { type: 'fulfill', id: 0n, preimage: secretOf(1) });
  deliver(pair, pair.a);
  expect(eventsOf(pair.a, 'resolved')).toHaveLength(1);
  cut(pair);
  restart(pair, pair.a);
  expect(eventsOf(pair.a, 'resolved').map(({ result }) => result)).toEqual([
    { kind: 'fulfilled', preimage: secretOf(1) },
    { kind: 'fulfilled', preimage: secretOf(1) },
  ]);
  join(pair);
  settle(pair);
  expect(eventsOf(pair.a, 'resolved')).toHaveLength(2);
});

test('a removal decided while the peer was offline is sent on reconnect', () => {
  const pair = ready();
  give(pair, pair.a, offerOf(5_000_000n, 1));
  settle(pair);
  cut(pair);
  give(pair, pair.b, { type: 'fulfill', id: 0n, preimage: secretOf(1) });
  expect(names(pair.a)).toEqual([]);
  join(pair);
  settle(pair);
  expect(eventsOf(pair.a, 'resolved')).toHaveLength(1);
  expect(eventsOf(pair.b, 'settled')).toHaveLength(1);
});

describe('a channel_reestablish with impossible numbers', () => {
  /** Three commitments old on both sides; `b` is asked to believe `change`. */
  const tell = (change: (honest: ChannelMessageOf<'channel_reestablish'>, b: Side) => object): Side => {
    const pair = ready();
    for (let n = 0; n < 3; n++) {
      give(pair, pair.a, offerOf(5_000_000n, n));
      settle(pair);
    }
    cut(pair);
    join(pair);
    const honest = pair.b.inbox[0];
    if (honest?.name !== 'channel_reestablish') throw new Error('no channel_reestablish');
    give(pair, pair.b, { type: 'message', message: { ...honest, ...change(honest, pair.b) } });
    return pair.b;
  };
  const secret = (side: Side, number: number) => perCommitmentSecret(coreOf(side).keys.perCommitmentSeed, number);
  const ahead = 9n;

  test('that proves the peer ahead of us: we never publish our commitment and ask the peer to publish its own', () => {
    const b = tell((_, side) => ({
      next_revocation_number: ahead,
      your_last_per_commitment_secret: secret(side, Number(ahead) - 1),
    }));
    expect(b.state).toMatchObject({ phase: 'failed', outdated: true });
    expect(b.broadcasts).toEqual([]);
    expect(eventsOf(b, 'failed')).toMatchObject([{ fault: { code: 'we_are_behind' }, broadcast: false }]);
  });

  const lies: readonly (readonly [string, string, Parameters<typeof tell>[0]])[] = [
    ['ahead without proof', 'reestablish_wrong_secret', () => ({ next_revocation_number: ahead })],
    [
      'a wrong secret for what it should know',
      'reestablish_wrong_secret',
      () => ({ your_last_per_commitment_secret: zeros(32) }),
    ],
    ['no commitment at all', 'reestablish_zero', () => ({ next_commitment_number: 0n })],
    ['a commitment we never signed', 'reestablish_impossible', () => ({ next_commitment_number: 50n })],
    ['an old commitment', 'peer_is_behind', () => ({ next_commitment_number: 1n })],
    [
      'an old revocation',
      'peer_is_behind',
      (_, side) => ({ next_revocation_number: 1n, your_last_per_commitment_secret: secret(side, 0) }),
    ],
    ['numbers beyond 48 bits', 'reestablish_impossible', () => ({ next_commitment_number: 1n << 63n })],
  ];
  test.each(lies)('%s: the channel fails and our commitment is published', (_, code, change) => {
    const b = tell(change);
    expect(eventsOf(b, 'failed')).toMatchObject([{ fault: { code }, broadcast: true }]);
    expect(b.broadcasts.map(({ why }) => why)).toEqual(['commitment']);
  });
});

describe('a channel_reestablish of a peer that has no revocation of ours yet', () => {
  const heard = (change: Partial<ChannelMessageOf<'channel_reestablish'>>): Side => {
    const pair = ready();
    cut(pair);
    join(pair);
    const honest = pair.b.inbox[0];
    if (honest?.name !== 'channel_reestablish') throw new Error('no channel_reestablish');
    expect(honest).toMatchObject({ next_revocation_number: 0n, your_last_per_commitment_secret: zeros(32) });
    give(pair, pair.b, { type: 'message', message: { ...honest, ...change } });
    return pair.b;
  };
  const junk = new Uint8Array(32).fill(1);

  test('has zeros for a secret', () => {
    expect(heard({}).state).toMatchObject({ phase: 'open', core: { link: { status: 'online' } } });
  });
  test('with another secret fails the channel', () => {
    const b = heard({ your_last_per_commitment_secret: junk });
    expect(eventsOf(b, 'failed')).toMatchObject([{ fault: { code: 'reestablish_wrong_secret', next: 0 } }]);
  });
  test('may have anything for a secret where it asks to be closed', () => {
    const b = heard({ your_last_per_commitment_secret: junk, next_commitment_number: 0n });
    expect(eventsOf(b, 'failed')).toMatchObject([{ fault: { code: 'reestablish_zero' }, broadcast: true }]);
  });
  test('may name a point that is none: nothing is made of it', () => {
    const point = { my_current_per_commitment_point: Uint8Array.of(2, ...new Array(32).fill(255)) as Point };
    expect(heard(point).state).toMatchObject({ phase: 'open', core: { link: { status: 'online' } } });
  });
});

test('a failed channel repeats its error on each reconnect and sends nothing else', () => {
  const pair = ready();
  give(pair, pair.a, { type: 'force_close' });
  cut(pair);
  give(pair, pair.a, { type: 'connected', features });
  expect(names(pair.b)).toEqual(['error']);
  const before = pair.a.state;
  give(pair, pair.a, offerOf(1000n, 1));
  expect(pair.a.state).toBe(before);
});
