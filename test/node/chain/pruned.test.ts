/** Blocks that bitcoind has pruned, and those that it says it will not have again. */
import { describe, expect, test } from 'vitest';
import { isRetriable } from '../../../node/chain/errors.ts';
import { openRegtest } from '../../../node/regtest/chain/regtest.ts';
import { heldClock, until } from '../../support/quiet.ts';
import { no, ok, type Reply, standIn } from './standin.ts';

/** bitcoind's words for a block that it had. */
const pruned = no(-1, 'Block not available (pruned data)');
const peers = [
  { id: 3, servicesnames: ['NETWORK_LIMITED', 'WITNESS'] },
  { id: 7, servicesnames: ['NETWORK', 'WITNESS'] },
];

/** A bitcoind without the block, which a peer with this number gives. */
const without = async (giver: number | undefined, more: Record<string, () => Reply> = {}) => {
  const { tip } = (await openRegtest(heldClock())).ledger;
  const askedPeers: unknown[] = [];
  const { chain, clock, log } = await standIn({
    getblockheader: () => ok({ hash: tip.hash, height: 4321 }),
    getblock: () => (giver !== undefined && askedPeers.includes(giver) ? ok(tip.raw.toHex()) : pruned),
    getpeerinfo: () => ok(peers),
    getblockfrompeer: ([, id]) => {
      askedPeers.push(id);
      return ok({});
    },
    ...more,
  });
  const block = chain.block(tip.hash).finally(() => {
    over = true;
  });
  block.catch(() => undefined);
  let over = false;
  for (let i = 0; !over && i < 40; i++) {
    await until(() => over || clock.waiting > 0);
    clock.pass(2_000);
  }
  return { block, tip, askedPeers, log };
};

describe('a pruned block', () => {
  test('comes from a peer that has all blocks', async () => {
    const { block, tip, askedPeers, log } = await without(7);
    expect(await block).toMatchObject({ height: 4321, hash: tip.hash });
    expect(askedPeers).toEqual([7]);
    expect(log.lines).toEqual([
      'warn: bitcoind has pruned blocks that this node must read: asking its peers for them (getblockfrompeer)',
    ]);
  });

  test('comes from the next peer where one gives nothing', async () => {
    const { block, askedPeers } = await without(3);
    await block;
    expect(askedPeers).toEqual([7, 3]);
  });

  test.each([
    ['no peer has', {}],
    ['a bitcoind that cannot ask its peers has not', { getblockfrompeer: () => no(-32601, 'Method not found') }],
  ])('that %s is waited for, with its height and what can be done', async (_, more) => {
    const { block } = await without(undefined, more);
    const error: unknown = await block.catch((reason: unknown) => reason);
    expect(error).toMatchObject({ fault: { code: 'pruned', height: 4321 } });
    expect(String(error)).toMatch(/pruned block 4321.*addnode.*-prune=0 and -reindex/);
    expect(isRetriable(error)).toBe(true);
  });
});

describe('a block that is not in the chain', () => {
  const [below, ours, above] = ['aa', 'bb', 'cc'].map((byte) => byte.repeat(32));
  const headers: Record<string, unknown> = {
    [String(ours)]: { hash: ours, height: 10, previousblockhash: below },
    [String(above)]: { hash: above, height: 11, previousblockhash: ours },
  };
  const known = ([hash]: readonly unknown[]): Reply => {
    const header = headers[String(hash)];
    return header === undefined ? no(-5, 'Block not found') : ok(header);
  };
  const end = (hash: unknown, height: number, branchlen: number, status: string) => ({
    hash,
    height,
    branchlen,
    status,
  });

  test.each([
    ['is ruled out where its branch is invalid', [end(above, 11, 2, 'invalid')], true],
    ['is not where its branch is only not read yet', [end(above, 11, 2, 'headers-only')], false],
    ['is not where another branch is invalid', [end(below, 10, 1, 'invalid')], false],
    ['is not where only what stands on it is invalid', [end(above, 11, 1, 'invalid')], false],
  ])('%s', async (_, tips, expected) => {
    const { chain } = await standIn({ getblockheader: known, getchaintips: () => ok(tips) });
    expect(await chain.isInvalidated(String(ours))).toBe(expected);
  });

  test('is not where bitcoind cannot say so', async () => {
    const { chain } = await standIn({ getblockheader: known });
    expect(await chain.isInvalidated(String(ours))).toBe(false);
  });

  test('is not where bitcoind does not know it', async () => {
    const { chain } = await standIn({ getblockheader: known, getchaintips: () => ok([end(above, 11, 2, 'invalid')]) });
    expect(await chain.isInvalidated(String(below))).toBe(false);
  });
});
