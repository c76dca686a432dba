/** Dials to a peer that has moved: the one to where it was before is still under way when somebody names where it is now. */
import { afterEach, expect, test } from 'vitest';
import { type TestPeers, testPeers } from '../support/peers.ts';

const open: TestPeers[] = [];
const start = async (n: number): Promise<TestPeers> => {
  const node = await testPeers(n);
  open.push(node);
  return node;
};
afterEach(async () => {
  for (const node of open.splice(0)) await node.peers.stop();
});
const at = ({ port }: TestPeers) => ({ host: '127.0.0.1', port });

test('a peer is met at the address that is given, though a dial to where nobody is any more is under way', async () => {
  const [a, b, gone] = [await start(1), await start(2), await start(3)];
  await gone.peers.stop();
  const [former, now] = await Promise.allSettled([a.peers.connect(b.id, at(gone)), a.peers.connect(b.id, at(b))]);
  expect([former.status, now.status]).toEqual(['rejected', 'fulfilled']);
  expect(a.peers.get(b.id)).toBeDefined();
});
