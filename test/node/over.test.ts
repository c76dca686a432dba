/** A whole node whose channel is over: it holds and reads nothing of it any more, and has not forgotten that there was one. */
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { becomes, type LocalPair, startPair, type Who } from '../support/pair.ts';

const pairs: LocalPair[] = [];
afterEach(async () => {
  for (const pair of pairs.splice(0)) await pair.stop();
});
const both = ['alice', 'bob'] as const satisfies readonly Who[];

test('a closed channel leaves memory when it is buried for good, and is not taken back from a backup', async () => {
  const pair = await startPair();
  pairs.push(pair);
  await pair.endow('alice', 1_010_000n);
  const id = await pair.open(1_000_000n);
  const file = join(pair.nodes.alice.node.config.networkDir, 'old.backup');
  await pair.nodes.alice.call('backup', { file });
  await pair.nodes.alice.call('close', { id });
  await pair.mine(99);
  for (const who of both) await pair.reaches(who, id, 'ONCHAIN');
  await pair.mine();
  const held = (who: Who): number => pair.nodes[who].node.channels.entries.size;
  for (const who of both) await becomes('the channel is gone', () => held(who) === 0);

  for (const who of both) await pair.restart(who);
  for (const who of both) expect(held(who)).toBe(0);
  const { stubs } = await pair.nodes.alice.call('recover', { file });
  expect(stubs).toEqual([]);
  expect(held('alice')).toBe(0);
});
