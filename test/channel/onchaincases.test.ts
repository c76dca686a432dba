/** What is easily got wrong on chain, each case by itself. */
import { Transaction } from 'bitcoinjs-lib';
import { describe, expect, test } from 'vitest';
import { hex } from '../../wire/bytes.ts';
import { preimage, sat } from '../../wire/units.ts';
import { elsewhere, rawOf } from '../support/spend.ts';
import { onStage } from './onstage.ts';
import { coreOf, deliver, eventsOf, give, kept, secretOf } from './pair.ts';
import { advance, close, fates, goOnchain, htlc, offer, playOut, published, ready, reveal, whys } from './play.ts';
import {
  assemble,
  both,
  claimsOf,
  type FormatName,
  feesOf,
  formatNames,
  gained,
  mine,
  mineTo,
  reboot,
  tell,
  tip,
  txOf,
  unwind,
  type World,
} from './world.ts';

const world = onStage();

describe.each(formatNames)('%s: HTLCs that look the same', (format) => {
  test.each(both)('each have an output of their own, on the commitment of %s', (whose) => {
    const so = world(format);
    for (const blocks of [20, 20, 24]) htlc(so, 'a', 30_000, 1, blocks);
    for (let i = 0; i < 2; i++) htlc(so, 'b', 25_000, 2);
    close(so, whose);
    const outpoints = claimsOf(so, 'a').map(({ outpoint }) => `${hex(outpoint.txid)}:${outpoint.index}`);
    expect(new Set(outpoints).size).toBe(outpoints.length);
    expect(claimsOf(so, 'a').filter(({ why }) => why === 'htlc_timeout')).toHaveLength(3);
    playOut(so);
    expect([...fates(so.pair.a)].sort()).toEqual(['0 timed_out', '1 timed_out', '2 timed_out']);
    expect([...fates(so.pair.b)].sort()).toEqual(['0 timed_out', '1 timed_out']);
    const weight = format === 'static_remotekey' ? 724n : 1124n + 660n;
    expect(gained(so, 'a') + feesOf(so, 'a')).toBe(600_000n - weight - 5n * 172n);
  });

  test('are all fulfilled by the one preimage, and only what was not claimed comes back', () => {
    const so = world(format);
    for (let i = 0; i < 2; i++) htlc(so, 'a', 30_000, 1);
    close(so, 'b');
    reveal(so, 'b', 0n, 1);
    playOut(so);
    expect([...fates(so.pair.a)].sort()).toEqual(['0 fulfilled', '1 fulfilled']);
    expect(eventsOf(so.pair.b, 'settled')).toHaveLength(2);
    const weight = format === 'static_remotekey' ? 724n : 1124n + 660n;
    expect(gained(so, 'a') + feesOf(so, 'a')).toBe(600_000n - weight - 2n * 172n - 30_000n);
  });
});

describe('a preimage that is only in the mempool', () => {
  test('is saved before it is reported, and stays known', () => {
    const so = world();
    htlc(so, 'a', 30_000, 1);
    close(so, 'b');
    reveal(so, 'b', 0n, 1);
    const [claim] = claimsOf(so, 'b').filter(({ why }) => why === 'htlc_success');
    if (claim === undefined) throw new Error('nothing to claim');
    const tx = assemble(so, 'b', claim);
    const before = claimsOf(so, 'a');
    const stored: string[] = [];
    so.pair.a.check = ({ disk }) => stored.push(hex(disk.get('htlc/out/0') ?? new Uint8Array()));
    tell(so, 'a', { type: 'output_spent', outpoint: claim.outpoint, tx, height: undefined });
    expect(stored.at(-1)).toContain(hex(secretOf(1)));
    expect(eventsOf(so.pair.a, 'resolved')).toMatchObject([
      { id: 0n, result: { kind: 'fulfilled', preimage: secretOf(1) } },
    ]);
    expect(claimsOf(so, 'a')).toEqual(before);

    // Said again after a restart until it was taken note of, and never said to have failed, though the block never came.
    reboot(so, 'a');
    expect(fates(so.pair.a)).toEqual(['0 fulfilled', '0 fulfilled']);
    for (let i = 0; i < 40; i++) advance(so, { who: ['a'] });
    reboot(so, 'a');
    expect(fates(so.pair.a)).toEqual(['0 fulfilled', '0 fulfilled']);
  });
});

describe('an HTLC that only the next commitment of the peer has', () => {
  const half = (format: FormatName): World => {
    const so = world(format);
    offer(so, 'a', 30_000, 1);
    give(so.pair, so.pair.a, { type: 'sign' });
    return so;
  };
  test.each(formatNames)('%s: fails once another commitment is deep, six blocks with its own', (format) => {
    for (const whose of both) {
      const so = half(format);
      close(so, whose);
      for (let blocks = 1; blocks < 5; blocks++) mine(so);
      expect(fates(so.pair.a)).toEqual([]);
      mine(so);
      expect(fates(so.pair.a)).toEqual(['0 timed_out']);
    }
  });

  test.each(formatNames)('%s: comes back from that commitment after its expiry', (format) => {
    const so = half(format);
    while (deliver(so.pair, so.pair.b));
    close(so, 'b');
    expect(eventsOf(so.pair.a, 'spent')).toMatchObject([{ by: 'remote_next' }]);
    const { expiry } = [...coreOf(so.pair.a).outgoing.values()][0] ?? { expiry: 0 };
    expect(claimsOf(so, 'a').filter(({ why }) => why === 'htlc_timeout')).toMatchObject([{ from: expiry + 1 }]);
    while (tip(so) < expiry + 5) advance(so);
    expect(fates(so.pair.a)).toEqual([]);
    advance(so);
    expect(fates(so.pair.a)).toEqual(['0 timed_out']);
  });
});

describe('the failure that the peer sent for an HTLC before the close', () => {
  test('is reported instead of a timeout once the commitment without that HTLC is deep', () => {
    const so = world();
    const { a, b } = so.pair;
    htlc(so, 'a', 30_000, 1);
    tell(so, 'b', { type: 'fail', id: 0n, reason: new Uint8Array(292).fill(7) });
    give(so.pair, b, { type: 'sign' });
    while (deliver(so.pair, a));
    close(so, 'a');
    for (let i = 0; i < 5; i++) mine(so);
    expect(eventsOf(a, 'resolved')).toMatchObject([
      { result: { kind: 'failed', reason: new Uint8Array(292).fill(7) } },
    ]);
  });
});

describe('a preimage learnt after the channel failed', () => {
  test.each(formatNames)('%s: is saved and claims the HTLC on chain', (format) => {
    for (const when of ['unsigned', 'failed', 'onchain'] as const) {
      const so = world(format);
      htlc(so, 'b', 30_000, 1);
      if (when === 'unsigned') reveal(so, 'a', 0n, 1);
      tell(so, 'a', { type: 'force_close' });
      if (when === 'failed') reveal(so, 'a', 0n, 1);
      reboot(so, 'a');
      expect(eventsOf(so.pair.a, 'received')).toHaveLength(when === 'onchain' ? 2 : 1);
      mine(so, [published(so.pair.a)]);
      if (when === 'onchain') {
        expect(whys(so, 'a')).not.toContain('htlc_success');
        tell(so, 'a', { type: 'fulfill', id: 0n, preimage: preimage(new Uint8Array(32).fill(1)) });
        expect(whys(so, 'a')).not.toContain('htlc_success');
        reveal(so, 'a', 0n, 1);
      }
      expect(whys(so, 'a')).toContain('htlc_success');
      reboot(so, 'a');
      expect(whys(so, 'a')).toContain('htlc_success');
      expect(new Map(so.pair.a.disk)).toEqual(kept(so.pair.a));
      playOut(so);
      expect(fates(so.pair.b)).toEqual(['0 fulfilled']);
    }
  });

  test('is still asked for after a restart: HTLCs that wait for one are reported again as of a failed channel', () => {
    const so = world();
    htlc(so, 'b', 30_000, 1);
    htlc(so, 'b', 250, 2);
    goOnchain(so, 'a');
    for (let i = 0; i < 6; i++) mine(so);
    // The one without an output is over by now.
    expect(eventsOf(so.pair.a, 'settled')).toMatchObject([{ id: 1n }]);
    const from = so.pair.a.events.length;
    reboot(so, 'a');
    expect(so.pair.a.events.slice(from)).toMatchObject([{ event: 'received', id: 0n, givenUp: true }]);
  });

  test('claims nothing of an HTLC that was never irrevocably committed', () => {
    const so = world();
    offer(so, 'b', 30_000, 1);
    give(so.pair, so.pair.b, { type: 'sign' });
    while (deliver(so.pair, so.pair.a));
    close(so, 'a');
    reveal(so, 'a', 0n, 1);
    expect(whys(so, 'a')).toEqual(['to_local']);
    playOut(so);
    expect(eventsOf(so.pair.a, 'settled')).toEqual([]);
  });
});

describe('the end of a channel on chain', () => {
  test('waits for a hundred blocks and for every resolution to be acknowledged, and leaves no HTLC behind', () => {
    const so = world();
    htlc(so, 'a', 30_000, 1, 12);
    htlc(so, 'b', 250, 2, 12);
    goOnchain(so, 'a');
    for (let i = 0; i < 30; i++) mine(so, ready(so));
    const last = Math.max(...[...so.keepers.a.watches.values()].map(({ told }) => told?.height ?? 0));
    mineTo(so, last + 120);
    expect(so.pair.a.state.phase).toBe('onchain');
    expect(fates(so.pair.a)).toEqual(['0 timed_out']);
    tell(so, 'a', { type: 'acknowledge', id: 0n });
    expect(so.pair.a.state.phase).toBe('closed');
    expect([...so.pair.a.disk.keys()].filter((key) => /^(htlc|onion)/.test(key))).toEqual([]);
    expect(claimsOf(so, 'a')).toEqual([]);
    reboot(so, 'a');
    expect(so.pair.a.state.phase).toBe('closed');
  });
});

test('a reorg that takes the funding transaction too', () => {
  const so = world();
  const funding = txOf(so.chain.ledger.tip.transactions[1]?.tx.toBuffer() ?? new Uint8Array());
  htlc(so, 'a', 30_000, 1);
  goOnchain(so, 'a');
  unwind(so, 2);
  expect(so.pair.a.state.phase).toBe('failed');
  mine(so);
  mine(so, [new Uint8Array(funding.toBuffer())]);
  mine(so, [published(so.pair.a)]);
  playOut(so);
  expect(fates(so.pair.a)).toEqual(['0 timed_out']);
});

describe.each(both)('an HTLC that is hardly worth its claim, on the commitment of %s', (whose) => {
  const small = (): { readonly so: World; readonly expiry: number } => {
    const so = world('anchors_zero_fee_htlc_tx', { dust: sat(354n) });
    htlc(so, 'a', 400, 1, 12);
    const expiry = tip(so) + 12;
    close(so, whose);
    return { so, expiry };
  };

  test('is claimed back all the same soon after its expiry, and is unresolved until then', () => {
    const { so, expiry } = small();
    expect(whys(so, 'a')).toContain('htlc_timeout');
    mineTo(so, expiry + 11);
    expect(fates(so.pair.a)).toEqual([]);
    advance(so, { who: ['a'] });
    for (let blocks = 1; blocks < 5; blocks++) mine(so);
    expect(fates(so.pair.a)).toEqual([]);
    mine(so);
    expect(fates(so.pair.a)).toEqual(['0 timed_out']);
  });

  test('ends with the preimage where the peer shows that late', () => {
    const { so, expiry } = small();
    mineTo(so, expiry + 17);
    const [claim] = claimsOf(so, 'a').filter(({ why }) => why === 'htlc_timeout');
    if (claim === undefined) throw new Error('nothing is claimed');
    const { outpoint } = claim;
    const theirs = new Transaction();
    theirs.addInput(outpoint.txid, outpoint.index);
    theirs.addOutput(elsewhere, 0n);
    theirs.setWitness(0, [secretOf(1)]);
    tell(so, 'a', { type: 'output_spent', outpoint, tx: rawOf(theirs), height: tip(so) });
    expect(fates(so.pair.a)).toEqual(['0 fulfilled']);
  });

  test('fails back where nobody takes its output, before the upstream peer would close its channel', () => {
    const { so, expiry } = small();
    mineTo(so, expiry + 17);
    expect(fates(so.pair.a)).toEqual([]);
    mine(so);
    expect(fates(so.pair.a)).toEqual(['0 timed_out']);
    tell(so, 'a', { type: 'acknowledge', id: 0n });
    mineTo(so, expiry + 60);
    expect(whys(so, 'a')).toContain('htlc_timeout');
    reboot(so, 'a');
    expect(fates(so.pair.a)).toEqual(['0 timed_out']);
  });

  test('does not keep the channel from closing, in either direction', () => {
    const { so } = small();
    playOut(so);
    expect(fates(so.pair.a)).toEqual(['0 timed_out']);
  });
});
