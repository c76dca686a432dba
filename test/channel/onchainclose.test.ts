/** On the way to the chain: when a channel goes there, with what, and what becomes of it if the chain changes its mind. */
import { describe, expect, test } from 'vitest';
import { signedLocalCommitment } from '../../channel/rules/commitmentupdates.ts';
import { describeSpend } from '../../node/channels/eventlog.ts';
import { text } from '../../wire/bytes.ts';
import { onStage } from './onstage.ts';
import { coreOf, eventsOf, features, give, settle } from './pair.ts';
import { close, fates, htlc, offer, playOut, published, reveal, whys } from './play.ts';
import {
  assemble,
  both,
  claimsOf,
  feesOf,
  formatNames,
  gained,
  mine,
  mineTo,
  reboot,
  tell,
  tip,
  unwind,
  type World,
} from './world.ts';

const world = onStage();

describe('a channel goes on chain in time', () => {
  test('for an HTLC that we offered: three blocks after its expiry', () => {
    const so = world();
    htlc(so, 'a', 30_000, 1);
    const expiry = tip(so) + 20;
    tell(so, 'a', { type: 'block', height: expiry + 2 });
    expect(so.pair.a.state.phase).toBe('open');
    tell(so, 'a', { type: 'block', height: expiry + 3 });
    expect(eventsOf(so.pair.a, 'failed')).toMatchObject([
      { fault: { code: 'htlc_deadline', id: 0n, expiry }, broadcast: true },
    ]);
    expect(so.pair.a.broadcasts.at(-1)?.why).toBe('commitment');
  });

  test('for an HTLC whose preimage we know: 18 blocks before its expiry; for others not at all', () => {
    const so = world();
    htlc(so, 'b', 30_000, 1, 40);
    htlc(so, 'b', 30_000, 2, 30);
    const expiry = tip(so) + 40;
    for (const side of [so.pair.a, so.pair.b]) give(so.pair, side, { type: 'disconnected' });
    reveal(so, 'a', 0n, 1);
    tell(so, 'a', { type: 'block', height: expiry - 19 });
    expect(so.pair.a.state.phase).toBe('open');
    tell(so, 'a', { type: 'block', height: expiry - 18 });
    expect(eventsOf(so.pair.a, 'failed')).toMatchObject([{ fault: { code: 'htlc_deadline', id: 0n, expiry } }]);
  });

  test('not for HTLCs that are over on both sides, nor for those that nobody signed', () => {
    const so = world();
    htlc(so, 'a', 30_000, 1);
    tell(so, 'b', { type: 'fail', id: 0n, reason: new Uint8Array(292) });
    settle(so.pair);
    offer(so, 'a', 30_000, 2);
    tell(so, 'a', { type: 'block', height: tip(so) + 100 });
    expect(so.pair.a.state.phase).toBe('open');
  });
});

describe('our commitment that is not confirmed', () => {
  test('is bumped by a child of its anchor, in time for its HTLCs', () => {
    const so = world();
    htlc(so, 'a', 30_000, 1, 30);
    htlc(so, 'b', 30_000, 2, 25);
    const height = tip(so);
    tell(so, 'a', { type: 'force_close' });
    const [bump] = claimsOf(so, 'a');
    if (bump?.kind !== 'bump') throw new Error('no anchor to bump with');
    const sooner = { from: height + 30 + 3 + 1, value: 30_000n };
    expect(bump).toMatchObject({
      value: 330n,
      deadline: height + 30 + 9,
      urgentHtlcs: sooner,
      parentFee: 1124n + 2n * 172n,
    });
    expect(bump.parent).toEqual(new Uint8Array(published(so.pair.a)));
    reveal(so, 'a', 0n, 2);
    const later = { from: height + 25 - 18 + 1, value: 30_000n };
    expect(claimsOf(so, 'a')).toMatchObject([{ kind: 'bump', deadline: height + 25 - 9, urgentHtlcs: later }]);
    reboot(so, 'a');
    expect(claimsOf(so, 'a')).toMatchObject([{ kind: 'bump', deadline: height + 25 - 9 }]);
    const child = assemble(so, 'a', bump);
    so.chain.send(bump.parent);
    so.chain.send(child);
    mine(so, [bump.parent, child]);
    expect(whys(so, 'a')).not.toContain('anchor');
    unwind(so, 1);
    expect(whys(so, 'a')).toEqual(['anchor']);
  });

  test("gives way to the peer's where that is in the mempool already, which is then pushed instead", () => {
    const so = world();
    const { a, b } = so.pair;
    htlc(so, 'a', 30_000, 1, 30);
    const rival = signedLocalCommitment(coreOf(b));
    tell(so, 'a', { type: 'force_close' });
    const { funding } = coreOf(a);
    expect(a.asked.at(-2)).toEqual({ do: 'watch_mempool', outpoint: funding });
    const [ours] = claimsOf(so, 'a');
    tell(so, 'a', { type: 'output_spent', outpoint: funding, tx: rival, height: undefined });
    const [bump] = claimsOf(so, 'a');
    if (bump?.kind !== 'bump') throw new Error('no anchor to bump with');
    expect(bump).toMatchObject({ parent: rival, parentFee: 1124n + 172n, deadline: tip(so) + 30 + 9 });
    so.chain.send(rival);
    so.chain.send(assemble(so, 'a', bump));
    // And back, should ours come in after all; somebody else's transactions say nothing.
    tell(so, 'a', { type: 'output_spent', outpoint: { ...funding, index: 7 }, tx: rival, height: undefined });
    expect(claimsOf(so, 'a')).toEqual([bump]);
    tell(so, 'a', { type: 'output_spent', outpoint: funding, tx: signedLocalCommitment(coreOf(a)), height: undefined });
    expect(claimsOf(so, 'a')).toEqual([ours]);
  });

  test('is in no hurry without HTLCs, and has no anchor in the other format', () => {
    for (const [format, claims] of [
      ['anchors_zero_fee_htlc_tx', [{ kind: 'bump', deadline: undefined }]],
      ['static_remotekey', []],
    ] as const) {
      const so = world(format);
      tell(so, 'a', { type: 'force_close' });
      expect(claimsOf(so, 'a')).toMatchObject(claims);
    }
  });
});

describe('a channel on chain', () => {
  const told = (so: World): readonly string[] =>
    so.pair.b.inbox.splice(0).map((message) => (message.name === 'error' ? text(message.data) : message.name));

  /** What the peer hears on a new connection, and then when it asks for the channel. */
  const heard = (so: World): readonly (readonly string[])[] => {
    so.pair.b.inbox = [];
    const { channelId: channel_id } = coreOf(so.pair.b);
    tell(so, 'a', { type: 'disconnected' });
    tell(so, 'a', { type: 'connected', features });
    const unasked = told(so);
    const point = coreOf(so.pair.a).params.remote.basepoints.payment;
    const position = { next_commitment_number: 1n, next_revocation_number: 0n };
    const secret = { your_last_per_commitment_secret: new Uint8Array(32), my_current_per_commitment_point: point };
    const message = { name: 'channel_reestablish', channel_id, ...position, ...secret } as const;
    tell(so, 'a', { type: 'message', message });
    return [unasked, told(so)];
  };

  test('says its error to a peer that asks for it, and nothing on a new connection, which could end at it', () => {
    const so = world();
    tell(so, 'a', { type: 'force_close' });
    mine(so, [published(so.pair.a)]);
    expect(heard(so)).toEqual([[], ['force_close']]);
    reboot(so, 'a');
    expect(heard(so)).toEqual([[], ['force_close']]);
  });

  test('after a mutual close has nothing to say on a new connection', () => {
    const so = world();
    tell(so, 'a', { type: 'close' });
    settle(so.pair);
    mine(so, [published(so.pair.a)]);
    expect(heard(so)[0]).toEqual([]);
  });
});

describe('after a mutual close', () => {
  const agreed = (): World => {
    const so = world();
    tell(so, 'a', { type: 'close' });
    settle(so.pair);
    return so;
  };
  test('what both signed is what is published when the peer fails the channel', () => {
    const so = agreed();
    const closing = published(so.pair.a);
    const { channelId: channel_id } = coreOf(so.pair.a);
    const before = so.pair.a.broadcasts.length;
    tell(so, 'a', { type: 'message', message: { name: 'error', channel_id, data: new Uint8Array() } });
    expect(so.pair.a.state.phase).toBe('failed');
    reboot(so, 'a');
    expect(whys(so, 'a')).not.toContain('anchor');
    const again = { do: 'broadcast', tx: closing, why: 'closing' };
    expect(so.pair.a.broadcasts.slice(before)).toEqual([again, again]);
  });

  test('a reorg brings it back, and nothing is claimed from it but a child while it waits', () => {
    const so = agreed();
    const closing = published(so.pair.a);
    mine(so, [closing]);
    for (const who of both) expect(eventsOf(so.pair[who], 'spent')).toMatchObject([{ by: 'mutual' }]);
    unwind(so, 1);
    for (const who of both) {
      expect(so.pair[who].state.phase).toBe('failed');
      expect(so.pair[who].broadcasts.at(-1)?.tx).toEqual(closing);
      expect(new Set(whys(so, who))).toEqual(new Set(['closing']));
    }
    mine(so, [closing]);
    mineTo(so, tip(so) + 98);
    for (const who of both) expect(so.pair[who].state.phase).toBe('onchain');
    mine(so);
    for (const who of both) expect(so.pair[who].state.phase).toBe('closed');
  });
});

/** `a` starts again from old records. */
const goBack = (so: World, records: ReadonlyMap<string, Uint8Array>): void => {
  const { disk } = so.pair.a;
  disk.clear();
  for (const [key, value] of records) disk.set(key, value);
  reboot(so, 'a');
};

describe.each(formatNames)('%s: a node that lost its last states', (format) => {
  /** `a` has come back with records from before the HTLC. The peer has proved it. */
  const lost = (): World => {
    const so = world(format);
    htlc(so, 'b', 30_000, 1);
    reveal(so, 'a', 0n, 1);
    settle(so.pair);
    const disk = new Map(so.pair.a.disk);
    htlc(so, 'a', 50_000, 2);
    htlc(so, 'b', 30_000, 3);
    reveal(so, 'b', 0n, 2);
    settle(so.pair);
    for (const who of both) tell(so, who, { type: 'disconnected' });
    goBack(so, disk);
    for (const who of both) tell(so, who, { type: 'connected', features });
    settle(so.pair);
    return so;
  };

  test('publishes nothing, shows the peer where it stands, and asks it to close', () => {
    const so = lost();
    expect(so.pair.a.state).toMatchObject({ phase: 'failed', outdated: true });
    expect(eventsOf(so.pair.a, 'failed')).toMatchObject([{ broadcast: false }]);
    const published = so.pair.a.broadcasts.length;
    reboot(so, 'a');
    tell(so, 'a', { type: 'block', height: tip(so) + 1 });
    tell(so, 'a', { type: 'force_close' });
    expect(so.pair.a.broadcasts).toHaveLength(published);
    expect(claimsOf(so, 'a')).toEqual([]);
    so.pair.b.inbox = [];
    give(so.pair, so.pair.a, { type: 'connected', features });
    expect(so.pair.b.inbox.map(({ name }) => name)).toEqual(['channel_reestablish', 'error']);
  });

  test('takes what is its own from the commitment that the peer then publishes', () => {
    const so = lost();
    expect(so.pair.b.state.phase).toBe('failed');
    mine(so, [published(so.pair.b)]);
    expect(eventsOf(so.pair.a, 'spent')).toMatchObject([{ by: 'unknown' }]);
    expect(whys(so, 'a')).toEqual(['to_remote']);
    playOut(so);
    const weight = format === 'static_remotekey' ? 724n : 1124n + 660n;
    expect(gained(so, 'a') + feesOf(so, 'a')).toBe(600_000n - weight - 172n + 30_000n - 50_000n);
  });

  test('takes HTLCs too, where it lost the last one only', () => {
    const so = world(format);
    htlc(so, 'b', 30_000, 1);
    htlc(so, 'a', 50_000, 2);
    const disk = new Map(so.pair.a.disk);
    htlc(so, 'a', 20_000, 3);
    goBack(so, disk);
    reveal(so, 'a', 0n, 1);
    close(so, 'b');
    expect(eventsOf(so.pair.a, 'spent')).toMatchObject([{ by: 'unknown' }]);
    expect([...whys(so, 'a')].sort()).toEqual(['htlc_success', 'htlc_timeout', 'to_remote']);
    playOut(so);
    expect(fates(so.pair.a)).toEqual(['0 timed_out']);
  });

  test('learns of the loss from the chain alone, and publishes nothing after a reorg takes the proof away', () => {
    const so = world(format);
    const disk = new Map(so.pair.a.disk);
    htlc(so, 'b', 30_000, 1);
    goBack(so, disk);
    const before = so.pair.a.broadcasts.length;
    close(so, 'b');
    expect(eventsOf(so.pair.a, 'spent')).toMatchObject([{ by: 'unknown' }]);
    unwind(so, 1);
    expect(so.pair.a.state).toMatchObject({ phase: 'failed', outdated: true });
    expect(so.pair.a.broadcasts).toHaveLength(before);
  });

  test('asks the peer to close again where a reorg takes that commitment out', () => {
    const so = lost();
    mine(so, [published(so.pair.b)]);
    const before = so.pair.a.broadcasts.length;
    unwind(so, 1);
    expect(so.pair.a.state).toMatchObject({ phase: 'failed', outdated: true });
    expect(so.pair.a.broadcasts).toHaveLength(before);
  });
});

describe.each(formatNames)('%s: an old commitment of our own', (format) => {
  test('published by a copy of our node is not taken for a breach, and its delayed outputs are swept', () => {
    const so = world(format);
    htlc(so, 'b', 30_000, 1);
    const copy = so.pair.a.state;
    reveal(so, 'a', 0n, 1);
    settle(so.pair);
    const now = so.pair.a.state;
    so.pair.a.state = copy;
    tell(so, 'a', { type: 'force_close' });
    so.pair.a.state = now;
    mine(so, [published(so.pair.a)], ['a']);
    expect(eventsOf(so.pair.a, 'spent')).toMatchObject([{ by: 'local' }]);
    // Somebody must look for that copy.
    const { state } = so.pair.a;
    expect(state.phase === 'onchain' && describeSpend(state)).toMatchObject({ level: 'error' });
    expect(whys(so, 'a')).toEqual(['to_local']);
    const { why, from } = claimsOf(so, 'a')[0] ?? {};
    expect([why, from]).toEqual(['to_local', tip(so) + 12]);
  });
});

describe('an HTLC that an unreadable commitment may hold', () => {
  test('is unresolved while an output of its value is unspent and no preimage is seen', () => {
    const so = world();
    htlc(so, 'a', 50_000, 2);
    htlc(so, 'a', 40_000, 3);
    const disk = new Map(so.pair.a.disk);
    tell(so, 'b', { type: 'fail', id: 1n, reason: new Uint8Array(292) });
    settle(so.pair);
    for (const who of both) tell(so, who, { type: 'disconnected' });
    goBack(so, disk);
    for (const who of both) tell(so, who, { type: 'connected', features });
    settle(so.pair);
    close(so, 'b');
    expect(eventsOf(so.pair.a, 'spent')).toMatchObject([{ by: 'unknown' }]);
    mineTo(so, tip(so) + 40);
    // What it was told before it lost its memory is not in it any more.
    expect(fates(so.pair.a).slice(1)).toEqual(['1 timed_out']);
    reveal(so, 'b', 0n, 2);
    const [claim] = claimsOf(so, 'b').filter((one) => one.why === 'htlc_success');
    if (claim === undefined) throw new Error('nothing to claim');
    mine(so, [assemble(so, 'b', claim)]);
    expect(fates(so.pair.a).slice(1)).toEqual(['1 timed_out', '0 fulfilled']);
  });
});
