/** A commitment remembered while it was valid is signed later as it could have been published then. */
import { Transaction } from 'bitcoinjs-lib';
import { expect, test } from 'vitest';
import { localCommitment, signedLocalCommitment } from '../../../channel/rules/commitmentupdates.ts';
import { htlcTransaction } from '../../../channel/tx/htlctx.ts';
import { toTransaction } from '../../../channel/tx/transaction.ts';
import { remember, remembered, rememberedNumbers, signedCommitment } from '../../../node/dev/commitments.ts';
import { memoryStore } from '../../../node/store/memory.ts';
import { equal, hex } from '../../../wire/bytes.ts';
import { coreOf, give, offerOf, type Pair, ready, type Side, secretOf, settle } from '../../channel/pair.ts';

/** Each side has offered two HTLCs, the lesser of them too small for an output. */
const busy = (): Pair => {
  const pair = ready();
  give(pair, pair.a, offerOf(300_000_000n, 1));
  settle(pair);
  give(pair, pair.b, { type: 'fulfill', id: 0n, preimage: secretOf(1) });
  settle(pair);
  for (const [side, n] of [
    [pair.a, 2],
    [pair.b, 4],
  ] as const) {
    give(pair, side, offerOf(20_000_000n, n));
    give(pair, side, offerOf(100_000n, n + 1));
  }
  settle(pair);
  return pair;
};
const fundedOf = ({ state }: Side) => {
  if (!('core' in state)) throw new Error('no funding');
  return state;
};

test('what was remembered is signed after it is revoked, also by a node that started again', async () => {
  const pair = busy();
  const disk = new Map<string, Uint8Array>();
  const then = signedLocalCommitment(coreOf(pair.a));
  const number = await remember(memoryStore(disk), 'a', fundedOf(pair.a));
  expect(number).toBe(coreOf(pair.a).head.local);

  give(pair, pair.b, { type: 'fulfill', id: 1n, preimage: secretOf(2) });
  settle(pair);
  expect(coreOf(pair.a).head.local).toBeGreaterThan(number);
  await remember(memoryStore(disk), 'a', fundedOf(pair.a));

  const store = memoryStore(disk);
  expect(await rememberedNumbers(store, 'a')).toEqual([number, coreOf(pair.a).head.local]);
  expect(await rememberedNumbers(store, 'b')).toEqual([]);
  const old = await remembered(store, 'a', number);
  if (old === undefined) throw new Error('forgotten');
  const signed = signedCommitment(old.core, []);
  expect(hex(signed.tx.toBuffer())).toBe(hex(then));
  expect(signed.number).toBe(number);
  expect(await remembered(store, 'a', number + 100)).toBeUndefined();
});

test('each HTLC with an output has its transaction, an incoming one as soon as its preimage is known', () => {
  const core = coreOf(busy().a);
  const commitment = localCommitment(core);
  const blind = signedCommitment(core, []);
  expect(blind.htlcs.map(({ way, tx }) => [way, tx !== undefined]).sort()).toEqual([
    ['in', false],
    ['out', true],
  ]);
  const { tx: parent, htlcs } = signedCommitment(core, [secretOf(9), secretOf(4)]);
  expect(htlcs.every(({ tx }) => tx !== undefined)).toBe(true);
  for (const [i, { tx, output, expiry, way }] of htlcs.entries()) {
    const expected = commitment.htlcs[i];
    if (tx === undefined || expected === undefined) throw new Error('missing');
    // Witnesses aside it is the transaction that the peer signed for.
    expect(tx.getId()).toBe(toTransaction(htlcTransaction(commitment, expected), []).getId());
    expect(Transaction.fromBuffer(tx.toBuffer()).ins.map(({ hash, index }) => [hex(hash), index])).toEqual([
      [hex(parent.getHash()), output],
    ]);
    expect(tx.locktime).toBe(way === 'out' ? expiry : 0);
    const preimage = tx.ins[0]?.witness[3];
    expect(preimage !== undefined && equal(preimage, way === 'in' ? secretOf(4) : new Uint8Array())).toBe(true);
  }
});
