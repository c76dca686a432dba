/** `ampere/amp`: a share scheme of one's own, tried by hand and then between two nodes. */
import { child, derive, type Scheme, SHARE_LENGTH } from 'ampere/amp';
import { startNetwork } from 'ampere/node';
import { equal, msat, type PaymentHash, sat, sha256, utf8, xor, zeros } from 'ampere/wire';
import { expect, test } from 'vitest';

/**
 * Each HTLC carries one share, and the base preimage (BP) is the xor of all. A share's marker is its child index. Nobody says how many
 * there will be: the set is complete once every HTLC that is held is the child of what all shares together give.
 */
const simple: Scheme = {
  name: 'simple',
  protocol: 15,
  fields: { setId: 'random', share: 'BP is the xor of all', marker: (marker) => `child ${marker}` },
  // What the node may do with it: see the comments of `Scheme`.
  fixesCount: true,
  lastEndsSplitting: false,
  furtherBlobs: false,
  needsAny: false,
  interpolates: false,
  markerIsIndex: true,
  leastMarker: 0,
  expectedCount: (expected) => expected,

  // The payee's side. `accumulated` is the xor of the shares held.
  verdict: ({ accumulated, held }) => {
    const preimages = [];
    for (const { paymentHash, shares } of held()) {
      const { preimage, paymentHash: expected } = child(accumulated, shares[0]?.marker ?? 0);
      if (!equal(paymentHash, expected)) return { kind: 'incomplete' };
      preimages.push(preimage);
    }
    return { kind: 'complete', preimages };
  },

  // The payer's side, pure too: every share is derived from 32 secret bytes, so that a restart makes the same ones again.
  begin: (entropy, size) => ({
    root: derive(entropy, 'root', 0),
    setId: derive(entropy, 'set', 0),
    ...{ size, made: 0, accumulated: zeros(SHARE_LENGTH), isComplete: false },
  }),
  nextShard: (sender, entropy) => {
    const { root, size, made: index, accumulated } = sender;
    if (index >= size) throw new RangeError('every share has been made');
    const isLast = index === size - 1;
    const share = isLast ? xor(root, accumulated) : derive(entropy, 'share', index);
    return [
      { index, shares: [{ share, marker: index }] },
      { ...sender, made: index + 1, accumulated: xor(accumulated, share), isComplete: isLast },
    ];
  },
  split: () => undefined,
};

test('three shares make a set complete, and two do not', () => {
  const entropy = sha256(utf8('32 secret bytes'));
  let sender = simple.begin(entropy, 3);
  const held: { paymentHash: PaymentHash; shares: { share: Uint8Array; marker: number }[] }[] = [];
  const kinds: string[] = [];
  for (let accumulated = zeros(SHARE_LENGTH), i = 0; i < 3; i++) {
    const [shard, next] = simple.nextShard(sender, entropy, i === 2);
    sender = next;
    const shares = [...shard.shares];
    held.push({ paymentHash: child(sender.root, shard.index).paymentHash, shares });
    for (const { share } of shares) accumulated = xor(accumulated, share);
    const known = { setId: sender.setId, expected: 0, count: i + 1, accumulated, polynomial: undefined };
    kinds.push(simple.verdict({ ...known, total: msat(0n), held: () => held }).kind);
  }
  expect(kinds).toEqual(['incomplete', 'incomplete', 'complete']);
});

test('two nodes that know the scheme pay each other by it', async () => {
  const { nodes, stop } = await startNetwork({
    nodes: { alice: { schemes: [simple] }, bob: { schemes: [simple] } },
    channels: [['alice', 'bob', sat(1_000_000n)]],
  });
  try {
    const { id } = await nodes.bob.call('getinfo');
    const paid = await nodes.alice.call('keysend', {
      ...{ destination: id, amount_msat: 30_000_000n, scheme: 'simple', shards: 3 },
    });
    expect(paid).toMatchObject({ status: 'complete', scheme: 'simple', parts: 3 });
  } finally {
    await stop();
  }
});
