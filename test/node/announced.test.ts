/** What a peer announces waits for its turn, and nothing else of the peer waits for it. */
import { expect, test } from 'vitest';
import { type DispatchParts, dispatch } from '../../node/core/dispatch.ts';
import type { Gossip, GossipMessage, GossipResult } from '../../node/graph/gossip.ts';
import type { GossipSync } from '../../node/graph/gossipsync.ts';
import type { Peer } from '../../node/peer/peer.ts';
import { decodeMessage, encodeMessage, type Message } from '../../wire/message.ts';
import { channelId, scidOf } from '../../wire/units.ts';
import { announcement, chainHash, idOf, NOW, nodeAnnouncement, update } from '../support/graph.ts';
import { memoryLog } from '../support/peers.ts';
import { until } from '../support/quiet.ts';

const scid = scidOf(100, 1, 0);

/** A dispatcher whose graph answers when the test says so. */
const office = () => {
  const taken: {
    readonly name: string;
    readonly source: string | undefined;
    readonly end: (verdict: GossipResult) => void;
  }[] = [];
  const said: string[] = [];
  const ended: string[] = [];
  const peer = {
    ...{ id: idOf('peer'), key: 'peer', direction: 'in', remote: { host: '192.0.2.7', port: 9735 } },
    send: (message: Message) => void said.push(message.name),
    answer: (message: Message) => void said.push(message.name),
    warn: (why: string) => void said.push(why),
    close: (why: string) => void ended.push(why),
  } as unknown as Peer;
  const parts = {
    ...{ log: memoryLog(), chainHash, now: () => NOW },
    gossip: {
      handle: ({ name }: GossipMessage, _raw: Uint8Array, _from: unknown, source: string | undefined) =>
        new Promise<GossipResult>((end) => void taken.push({ name, source, end })),
    } satisfies Partial<Gossip>,
    sync: { heard: () => false } satisfies Partial<GossipSync>,
    channels: { receive: () => undefined, channelsWith: () => [], byChannelId: () => undefined },
  } as unknown as DispatchParts;
  const hear = (raw: Uint8Array) => dispatch(parts, peer, decodeMessage(raw) as Message, raw);
  return { taken, said, ended, hear };
};

test('announcements are looked at one after the other, in their order, and counted for where a caller comes from', async () => {
  const { taken, hear } = office();
  for (const raw of [announcement('a', 'b', scid), update('a', 'b', scid), nodeAnnouncement('a')])
    expect(hear(raw)).toBeUndefined();
  for (const [at, name] of ['channel_announcement', 'channel_update', 'node_announcement'].entries()) {
    await until(() => taken.length === at + 1);
    expect(taken[at]).toMatchObject({ name, source: '192.0.2.7' });
    taken[at]?.end('new');
  }
});

test('messages of channels go on while an announcement waits for the chain', async () => {
  const { taken, said, hear } = office();
  hear(announcement('a', 'b', scid));
  await until(() => taken.length === 1);
  const shutdown = { channel_id: channelId(new Uint8Array(32).fill(1)), scriptpubkey: new Uint8Array() };
  await hear(encodeMessage({ name: 'shutdown', ...shutdown }));
  expect(said).toEqual(['error']);
});

test('whoever announces faster than it is looked at is not read from until half of that is looked at', async () => {
  const { taken, hear } = office();
  const raw = announcement('a', 'b', scid);
  const limit = 32 * 1024;
  const most = Math.ceil(limit / raw.length);
  for (let i = 1; i < most; i++) expect(hear(raw)).toBeUndefined();
  let over = false;
  const held = hear(raw)?.then(() => {
    over = true;
  });
  for (let i = 0; i < most; i++) {
    await until(() => taken.length === i + 1);
    expect(over).toBe((most - i) * raw.length <= limit / 2);
    taken[i]?.end('known');
  }
  await held;
  expect(over).toBe(true);
  expect(hear(raw)).toBeUndefined();
});

test('behind one that must not be announced nothing more is looked at', async () => {
  const { taken, ended, hear } = office();
  for (let i = 0; i < 5; i++) hear(announcement('a', 'b', scid));
  await until(() => taken.length === 1);
  taken[0]?.end('bad');
  await until(() => ended.length === 1);
  for (let turns = 0; turns < 50; turns++) await new Promise(setImmediate);
  expect(taken).toHaveLength(1);
  expect(ended).toEqual(['the peer passed on a channel_announcement that is not valid']);
});
