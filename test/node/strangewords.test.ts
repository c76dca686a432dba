/** What a peer says may be as long as a message: a whole node hears it, tells it on, keeps it, and is there afterwards. */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { announcedAddresses, announcedNode } from '../../node/graph/announced.ts';
import { text, utf8, zeros } from '../../wire/bytes.ts';
import { sha256 } from '../../wire/crypto.ts';
import { encodeMessage, MAX_MESSAGE_BYTES, type MessageOf } from '../../wire/message.ts';
import { channelId, signature, txid } from '../../wire/units.ts';
import { type Ground, type LocalNode, newGround, startLocal } from '../support/inprocess.ts';
import { eventually, memoryLog } from '../support/peers.ts';
import { type Stranger, stranger } from '../support/stranger.ts';

let dir: string;
let ground: Ground;
let alice: LocalNode;
const log: string[] = [];
const start = () => startLocal({ dir: join(dir, 'alice'), ground, log: memoryLog(log) });
const meet = (n: number): Promise<Stranger> =>
  stranger(n, { id: alice.node.keys.nodeId, port: alice.node.peers.address?.port ?? 0 });
const restart = async (): Promise<void> => {
  await alice.stop();
  alice = await start();
};
/** Errors inside the node that its log tells of. */
const wrong = (): readonly string[] =>
  log.filter((line) => /inside the node|internal error|could not be written|cannot be written/.test(line));

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'ampere-words-'));
  ground = await newGround();
  alice = await start();
});
afterAll(async () => {
  await alice.stop();
  await rm(dir, { recursive: true, force: true });
});
afterEach(() => {
  log.length = 0;
});

const channelOf = async (who: Stranger, n: number) => {
  const accepted = await who.open();
  if (typeof accepted === 'string') throw new Error(accepted);
  const funding = { txid: txid(sha256(Uint8Array.of(9, n))), index: 0 };
  expect(await accepted.fund(funding)).toBe('signed');
  const opened = await eventually(() => who.heard.find(({ name }) => name === 'funding_signed'));
  if (!('channel_id' in opened)) throw new Error('no id');
  return opened.channel_id;
};

test('a channel_type as long as a message is refused in a message that is not', async () => {
  const who = await meet(1);
  const probe = await meet(2);
  const proposal = probe.proposal();
  who.peer.send({
    ...proposal,
    temporary_channel_id: channelId(zeros(32).fill(7)),
    channel_type: zeros(33_000).fill(1),
  });
  const said = await eventually(() => who.heard.find(({ name }) => name === 'error'));
  if (said.name !== 'error') throw new Error(said.name);
  expect(text(said.data)).toMatch(/^unacceptable_terms: field channel_type, got 0101/);
  expect(said.data.length).toBeLessThan(1000);
  expect((await alice.call('getinfo', {})).num_peers).toBe(2);
  expect(wrong()).toEqual([]);
  await who.leave();
  await probe.leave();
});

test.each([
  ['ASCII', (length: number) => zeros(length).fill(0x41)],
  ['bytes that are no text and grow when they are read', (length: number) => zeros(length).fill(0xff)],
  ['characters that move a cursor', (length: number) => zeros(length).fill(0x1b)],
])(
  'an error as long as a message, of %s, ends its channel and nothing else, and so after each restart',
  async (_, of) => {
    let who = await meet(3);
    const id = await channelOf(who, of(1)[0] ?? 0);
    for (const name of ['warning', 'error'] as const)
      who.peer.send({ name, channel_id: id, data: of(MAX_MESSAGE_BYTES - 2 - 32 - 2) });
    await eventually(() => log.some((line) => /channel failed/.test(line)));
    for (let i = 0; i < 2; i++) {
      await who.leave();
      await restart();
      who = await meet(3);
      const again = await eventually(() =>
        who.heard.find((m) => m.name === 'error' && m.channel_id.every((b, j) => b === id[j])),
      );
      expect(again).toMatchObject({ name: 'error' });
    }
    const { channels } = await alice.call('listpeerchannels', {});
    const shown = JSON.stringify(channels, (_, value) => (typeof value === 'bigint' ? `${value}` : value));
    expect(shown).not.toMatch(/\\u00/);
    expect(wrong()).toEqual([]);
    await who.leave();
  },
);

test('of a node that announces 300 addresses a few are dialled, and the backup of a channel with it is written', async () => {
  const who = await meet(4);
  await channelOf(who, 4);
  const host = Uint8Array.of(127, 0, 0, 1);
  const announcement: MessageOf<'node_announcement'> = {
    name: 'node_announcement',
    signature: signature(zeros(64)),
    features: zeros(0),
    timestamp: 1,
    node_id: who.id,
    rgb_color: zeros(3),
    alias: utf8('a\u001b[2J'.padEnd(32, '\0')),
    addresses: Array.from({ length: 300 }, (_, i) => ({ type: 'ipv4' as const, host, port: i + 1 })),
  };
  const node = announcedNode(announcement);
  expect(node.alias).toBe('a\\u{1b}[2J');
  alice.node.graph.setNode(node, encodeMessage(announcement));
  const dialled = announcedAddresses(alice.node.graph, who.id);
  expect(dialled.length).toBeGreaterThan(0);
  expect(dialled.length).toBeLessThan(20);
  alice.node.backups.refresh();
  await alice.node.backups.settled();
  expect(wrong()).toEqual([]);
  await who.leave();
});
