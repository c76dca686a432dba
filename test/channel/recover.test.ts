/** A channel of which a backup kept what never changes: it asks the peer to close, and publishes nothing. */

import { Transaction } from 'bitcoinjs-lib';
import { describe, expect, test } from 'vitest';
import type { Claim } from '../../channel/model/claim.ts';
import { inRemote, specOf } from '../../channel/model/spec.ts';
import { recoverChannel } from '../../channel/phases/recover.ts';
import { signedLocalCommitment } from '../../channel/rules/commitmentupdates.ts';
import { text, zeros } from '../../wire/bytes.ts';
import { isPoint } from '../../wire/crypto.ts';
import { msat } from '../../wire/units.ts';
import {
  anchorsRequest,
  context,
  coreOf,
  cut,
  eventsOf,
  give,
  hashOf,
  join,
  kept,
  offerOf,
  openRequest,
  otherOf,
  type Pair,
  perform,
  ready,
  restart,
  type Side,
  secretOf,
  settle,
} from './pair.ts';

/** A channel with a past: payments either way, some still under way. */
const used = (anchors: boolean): Pair => {
  const pair = ready({ ...(anchors ? anchorsRequest : openRequest), push: msat(300_000_000n) });
  for (let n = 1; n <= 3; n++) {
    give(pair, pair.a, offerOf(10_000_000n, n));
    settle(pair);
    give(pair, pair.b, { type: 'fulfill', id: BigInt(n - 1), preimage: secretOf(n) });
    settle(pair);
  }
  give(pair, pair.b, offerOf(20_000_000n, 9));
  settle(pair);
  cut(pair);
  return pair;
};

/** One side loses all it had, and takes back what a backup kept. */
const lose = (pair: Pair, side: Side): void => {
  const { params, funding } = coreOf(side);
  side.disk.clear();
  side.events.length = 0;
  side.asked.length = 0;
  side.broadcasts.length = 0;
  perform(side, otherOf(pair, side), recoverChannel({ params, funding }));
};

/** A side's commitment as it stands, signed by both. */
const commitmentOf = (side: Side): Transaction => Transaction.fromBuffer(signedLocalCommitment(coreOf(side)));
const claimsOf = (side: Side): readonly Claim[] => {
  const said = side.asked.findLast((effect) => effect.do === 'claims');
  return said?.do === 'claims' ? said.claims : [];
};

describe.each([
  ['static_remotekey', false],
  ['anchors', true],
])('%s', (_, anchors) => {
  describe.each(['a', 'b'] as const)('%s, who lost everything', (who) => {
    const start = () => {
      const pair = used(anchors);
      const before = coreOf(pair[who]);
      lose(pair, pair[who]);
      return { pair, side: pair[who], other: otherOf(pair, pair[who]), before };
    };

    test('asks for its funding to be watched, keeps that, and publishes nothing, at no block and after no restart', () => {
      const { pair, side } = start();
      expect(side.state).toMatchObject({ phase: 'failed', outdated: true, agreed: undefined });
      expect(side.asked.map((effect) => effect.do)).toContain('watch_funding');
      expect(kept(side)).toEqual(side.disk);
      const before = side.state;
      restart(pair, side);
      expect(side.state).toEqual(before);
      for (const height of [501, 2600, 100_000]) give(pair, side, { type: 'block', height });
      give(pair, side, { type: 'force_close' });
      expect(side.state.phase).toBe('failed');
      expect(side.broadcasts).toEqual([]);
    });

    test('says to the peer that it expects commitment 0, then why; the peer publishes its commitment', () => {
      const { pair, side, other } = start();
      join(pair);
      const [reestablish, error] = other.inbox;
      expect(reestablish).toMatchObject({
        name: 'channel_reestablish',
        next_commitment_number: 0n,
        next_revocation_number: 0n,
        your_last_per_commitment_secret: zeros(32),
      });
      expect(reestablish?.name === 'channel_reestablish' && isPoint(reestablish.my_current_per_commitment_point)).toBe(
        true,
      );
      expect(error?.name === 'error' && text(error.data)).toBe('data_lost');
      const commitment = signedLocalCommitment(coreOf(other));
      settle(pair);
      expect(other.state.phase).toBe('failed');
      expect(other.broadcasts.at(-1)).toEqual({ do: 'broadcast', tx: commitment, why: 'commitment' });
      expect(side.state.phase).toBe('failed');
      expect(side.broadcasts).toEqual([]);
    });

    test('recognizes the commitment of the peer that spends the funding, and claims its balance from it', () => {
      const { pair, side, other, before } = start();
      const tx = commitmentOf(other);
      give(pair, side, { type: 'funding_spent', tx: tx.toBuffer(), height: 510 });
      expect(side.state).toMatchObject({ phase: 'onchain', by: 'unknown' });
      const [claim, ...more] = claimsOf(side);
      expect(more).toEqual([]);
      expect(claim).toMatchObject({ kind: 'sweep', why: 'to_remote' });
      // The opener pays for the commitment; the fundee's balance is there to the satoshi.
      const { toUs } = specOf(before, inRemote(before.head.remote));
      const spent = before.params.capacity - tx.outs.reduce((sum, { value }) => sum + value, 0n);
      const others = anchors ? 660n : 0n;
      expect(claim?.value).toBe(toUs / 1000n - (who === 'a' ? spent + others : 0n));
    });

    test('recognizes a commitment of its own that it published before, and claims its balance from that', () => {
      const { pair, side, before } = start();
      give(pair, side, { type: 'funding_spent', tx: signedLocalCommitment(before), height: 510 });
      expect(side.state).toMatchObject({ phase: 'onchain', by: 'local' });
      expect(claimsOf(side).map(({ why }) => why)).toContain('to_local');
    });

    test('goes back to where it was when a reorg undoes that, and still publishes nothing', () => {
      const { pair, side, other } = start();
      give(pair, side, { type: 'funding_spent', tx: commitmentOf(other).toBuffer(), height: 510 });
      give(pair, side, { type: 'funding_unspent' });
      expect(side.state).toMatchObject({ phase: 'failed', outdated: true, why: 'data_lost' });
      expect(side.broadcasts).toEqual([]);
    });
  });
});

describe.each([
  ['all zero, as ours is', zeros(32)],
  ['of some bytes, as others send it', new Uint8Array(32).fill(1)],
])('a channel_reestablish for commitment 0, its secret %s', (_, secret) => {
  test.each([0, 1, 2, 5])('has a channel closed that made %i payments', (payments) => {
    const pair = ready();
    for (let n = 1; n <= payments; n++) {
      give(pair, pair.a, { ...offerOf(1_000_000n, n), paymentHash: hashOf(n) });
      settle(pair);
      give(pair, pair.b, { type: 'fulfill', id: BigInt(n - 1), preimage: secretOf(n) });
      settle(pair);
    }
    cut(pair);
    join(pair);
    const point = coreOf(pair.b).head.remotePoint;
    give(
      pair,
      pair.a,
      {
        type: 'message',
        message: {
          name: 'channel_reestablish',
          channel_id: coreOf(pair.a).channelId,
          next_commitment_number: 0n,
          next_revocation_number: 0n,
          your_last_per_commitment_secret: secret,
          my_current_per_commitment_point: point,
        },
      },
      context,
    );
    expect(pair.a.state).toMatchObject({ phase: 'failed', outdated: false });
    expect(pair.a.broadcasts.at(-1)?.why).toBe('commitment');
    expect(eventsOf(pair.a, 'failed')).toMatchObject([{ broadcast: true }]);
  });
});
