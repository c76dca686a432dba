/** A node that asks peers for gossip, over a chain made up, and peers that keep what they are asked or answer as a node does. */
import { expect } from 'vitest';
import { GossipSync } from '../../node/graph/gossipsync.ts';
import { channelRangeReplies, shortChannelIdReplies } from '../../node/graph/queries.ts';
import { decodeMessage, type Message, type MessageOf } from '../../wire/message.ts';
import { type ShortChannelId, scidOf } from '../../wire/units.ts';
import { announcedOf, announcement, chainHash, gossipOver, idOf, nodeAnnouncement, update } from './graph.ts';
import { memoryLog } from './peers.ts';

export const ids = (count: number, from = 100): ShortChannelId[] =>
  Array.from({ length: count }, (_, i) => scidOf(from + i, 1, 0));

/** Somebody asking, over a graph of its own; everything is a large network to it unless told otherwise. */
export const asker = (known: readonly ShortChannelId[], small = -1) => {
  const over = gossipOver(known.map((scid) => announcedOf('a', 'b', scid)));
  const log = memoryLog();
  const state = { isSynced: true };
  const sync = new GossipSync({
    ...{ graph: over.graph, chainHash, log, small },
    now: () => over.clock.now,
    isSynced: () => state.isSynced,
    isTooYoung: (scid) => over.gossip.isTooYoung(scid),
  });
  /** A peer that keeps what it is asked; `answers` stands for its node. */
  const peer = (name: string, extended = true, isDialled = true) => {
    const asked: Message[] = [];
    const one = { id: idOf(name), extended, isDialled, send: (message: Message) => void asked.push(message) };
    sync.connected(one);
    return { ...one, asked, names: () => asked.map(({ name: of }) => of), last: () => asked.at(-1) };
  };
  const wait = (seconds: number): void => {
    over.clock.now += seconds;
    sync.tick();
  };
  return { ...over, sync, peer, wait, state, log };
};
export type Asker = ReturnType<typeof asker>;
export type Asked = ReturnType<Asker['peer']>;

export const reply = (more: Partial<MessageOf<'reply_channel_range'>> = {}): MessageOf<'reply_channel_range'> => ({
  name: 'reply_channel_range',
  ...{ chain_hash: chainHash, first_blocknum: 0, number_of_blocks: 0xffff_ffff, sync_complete: 1 },
  encoded_short_ids: [],
  ...more,
});

/** Lets a peer answer as a node with that graph does, until nothing more is asked; returns what it was sent. */
export const answerWith = async ({ sync, gossip }: Asker, peer: Asked, served: Asker): Promise<readonly string[]> => {
  const sent: string[] = [];
  const context = { graph: served.graph, chainHash, now: served.clock.now };
  for (let at = 0; at < peer.asked.length; at++) {
    const question = peer.asked[at];
    if (question?.name === 'query_channel_range')
      for (const one of channelRangeReplies(context, question)) {
        sent.push(one.name);
        expect(sync.rangeReply(peer.id, one)).toBeUndefined();
      }
    if (question?.name !== 'query_short_channel_ids') continue;
    for (const raw of shortChannelIdReplies(context, question)) {
      const message = decodeMessage(raw);
      sent.push(message.name);
      if (message.name === 'reply_short_channel_ids_end') await sync.idsEnd(peer.id, Promise.resolve());
      else if (message.name.endsWith('announcement') || message.name === 'channel_update') {
        sync.heard(peer.id, true);
        await gossip.handle(message as MessageOf<'channel_update'>, raw, peer.id);
      }
    }
  }
  peer.asked.length = 0;
  return sent;
};

/** A node that knows these channels, both policies of each, and both nodes. */
export const server = async (known: readonly ShortChannelId[], funded = known): Promise<Asker> => {
  const one = asker(funded);
  for (const scid of known)
    for (const raw of [announcement('a', 'b', scid), update('a', 'b', scid), update('b', 'a', scid)])
      await one.take(raw);
  for (const name of ['a', 'b']) await one.take(nodeAnnouncement(name));
  return one;
};
