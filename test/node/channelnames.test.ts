/** How logs name channels: by ids that calls take and peers know, all of a channel's life. */
import { afterEach, expect, test } from 'vitest';
import { namingLog } from '../../node/channels/naming.ts';
import { type LocalPair, startPair } from '../support/pair.ts';
import { memoryLog } from '../support/peers.ts';

const pairs: LocalPair[] = [];
afterEach(async () => {
  for (const pair of pairs.splice(0)) await pair.stop();
});

test('a channel is named by its channel_id until it has a short_channel_id, and then by that, in every line', async () => {
  const pair = await startPair();
  pairs.push(pair);
  const { alice, bob } = pair.nodes;
  await pair.endow('alice', 1_010_000n);
  const id = await pair.open(1_000_000n);
  await pair.endow('alice', 100_000n);
  const scid = (await pair.channel('alice', id))?.short_channel_id ?? '';
  const keys = [alice, bob].flatMap(({ node }) => [...node.channels.entries.keys()]);
  expect(keys).toHaveLength(2);
  // Given up, so that the lines of parts that know a channel by its key are among them: of its claims on chain, and of its end.
  for (const key of alice.node.channels.entries.keys()) alice.node.channels.push(key, { type: 'force_close' });
  await pair.mine(150);
  const lines = [...pair.logs.alice, ...pair.logs.bob];
  expect(lines.some((line) => line.startsWith('claiming an output on chain'))).toBe(true);
  for (const one of keys) expect(lines.filter((line) => line.includes(one.slice(0, 12)))).toEqual([]);
  expect(lines.filter((line) => line.includes(`"channel":"${scid}"`)).length).toBeGreaterThan(3);
  expect(lines.some((line) => line.includes(`"channel":"${id}"`))).toBe(true);
});

test('a line about a channel that is gone names none', () => {
  const lines: string[] = [];
  const log = namingLog(memoryLog(lines), (key) => (key === 'inside' ? '103x1x0' : undefined));
  log.info({ channel: 'inside', htlc: '1' }, 'known');
  log.warn({ channel: 'other', htlc: '2' }, 'gone');
  log.child({ channel: 'inside' }).debug({ channel: 'other' }, 'of a child');
  expect(lines.join()).toContain('103x1x0');
  expect(lines.join()).not.toMatch(/inside|other/);
});
