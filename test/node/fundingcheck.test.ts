/** A look at the funding outputs of all channels of a graph: what is closed goes and stays gone, whatever happens meanwhile. */
import { describe, expect, test } from 'vitest';
import { ChainError } from '../../node/chain/errors.ts';
import { checkFundings } from '../../node/graph/fundingcheck.ts';
import type { Chain } from '../../node/ports/ports.ts';
import { gossipFilesInMemory } from '../../node/store/gossipfiles.ts';
import { scidOf } from '../../wire/units.ts';
import {
  announcedOf,
  announcement,
  chainWith,
  graphOn,
  reloaded,
  storedGossipOver,
  TIP,
  update,
} from '../support/graph.ts';

const open = scidOf(100, 1, 0);
const closed = scidOf(101, 1, 0);
const channels = [open, closed].map((scid) => announcedOf('a', 'b', scid));
/** The chain on which one of them is closed. */
const { chain: later } = chainWith([announcedOf('a', 'b', open)], () => TIP);

const height = () => TIP;

/** A stored graph of both channels. */
const stored = async (files?: Parameters<typeof storedGossipOver>[1]) => {
  const over = await storedGossipOver(channels, files);
  for (const scid of [open, closed]) {
    await over.take(announcement('a', 'b', scid));
    await over.take(update('a', 'b', scid));
  }
  await over.messages.flush();
  await over.store.commit([
    { key: 'chain/block/0000000200', value: new Uint8Array(32) },
    { key: 'graph/unsure', value: new Uint8Array() },
  ]);
  return over;
};

describe('a channel whose funding output is spent', () => {
  test('goes, and the others stay', async () => {
    const { graph, log, later: run } = await stored();
    expect(await checkFundings({ graph, chain: later, log, later: run, height })).toBe(1);
    expect([...graph.channels].map(({ scid }) => scid)).toEqual([open]);
  });

  test('is found once the chain answers that did not', async () => {
    const over = await stored();
    let asked = 0;
    const chain: Pick<Chain, 'unspent' | 'tip'> = {
      tip: later.tip,
      unspent: async (outpoint, priority) => {
        if (asked++ % 2 === 0) throw new ChainError({ code: 'unreachable', where: 'here', reason: 'nobody answers' });
        return later.unspent(outpoint, priority);
      },
    };
    const waits: number[] = [];
    const soon = (ms: number, run: () => void): void => {
      waits.push(ms);
      run();
    };
    expect(await checkFundings({ graph: over.graph, chain, log: over.log, later: soon, height })).toBe(1);
    expect(waits).toEqual([30_000, 30_000]);
  });

  test.each([
    ['reads its blocks anew', { hash: '', height: TIP - 1 }],
    ['says that it is behind', { hash: '', height: TIP, isBehind: true }],
  ])('is not missing while the chain %s: what it does not show yet is asked for again', async (_, behind) => {
    const over = await stored();
    const reading = { isDone: false };
    const chain: Pick<Chain, 'unspent' | 'tip'> = {
      tip: async () => (reading.isDone ? later.tip() : behind),
      unspent: async (outpoint) => (reading.isDone ? later.unspent(outpoint) : undefined),
    };
    const soon = (_ms: number, run: () => void): void => {
      expect(over.graph.size.channels).toBe(2);
      reading.isDone = true;
      run();
    };
    expect(await checkFundings({ graph: over.graph, chain, log: over.log, later: soon, height })).toBe(1);
    expect([...over.graph.channels].map(({ scid }) => scid)).toEqual([open]);
  });

  test('is gone for good before the store says that all were looked up', async () => {
    const { disk } = await stored();
    const { graph, messages, saved } = await graphOn(disk);
    expect(saved.isUnsure).toBe(true);
    await checkFundings({ graph, chain: later, log: (await stored()).log, later: () => undefined, height });
    await saved.sure(200);
    // A crash, before anything that waits is written: nothing does.
    const again = await graphOn(disk);
    expect([again.saved.isUnsure, again.graph.channel(closed)]).toEqual([false, undefined]);
    expect(messages.height).toBe(200);
  });

  test('is looked up again after a restart where the disk did not take that it is gone', async () => {
    const over = await stored();
    const kept = gossipFilesInMemory(over.disk.gossip);
    const full = async () => {
      throw new Error('no space');
    };
    const files = { ...kept, open: async () => ({ ...(await kept.open()), write: full }) };
    const { graph, saved } = await graphOn({ ...over.disk, files });
    await checkFundings({ graph, chain: later, log: over.log, later: () => undefined, height });
    await saved.sure(200);
    const again = await graphOn(over.disk);
    expect([again.saved.isUnsure, again.graph.channel(closed)?.scid]).toEqual([true, closed]);
  });
});

test('channels in a file that is older than a new store are looked up: its blocks begin today', async () => {
  const { disk } = await stored();
  const { store } = await storedGossipOver([]);
  expect((await graphOn({ store, gossip: disk.gossip })).saved.isUnsure).toBe(true);
  expect((await reloaded(disk)).size.channels).toBe(2);
});
