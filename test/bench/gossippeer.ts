/** A peer in a process of its own that has the gossip of a large network: `gossippeer.js FILE`. Prints its id and port. */
import { readFile } from 'node:fs/promises';
import { announcedChannel, announcedNode, policyOf, sideOf } from '../../node/graph/announced.ts';
import { Graph } from '../../node/graph/graph.ts';
import { channelRangeReplies, shortChannelIdReplies } from '../../node/graph/queries.ts';
import type { Peer } from '../../node/peer/peer.ts';
import { hex, zeros } from '../../wire/bytes.ts';
import { chainHashOf } from '../../wire/chains.ts';
import { decodeMessage, encodeMessage, type Message } from '../../wire/message.ts';
import { sat, txid } from '../../wire/units.ts';
import { testPeers } from '../support/peers.ts';
import { messagesIn } from './publicgossip.ts';

/** Bytes after which it waits until they are taken: a list of all channels is more than may wait unsent. */
const SLICE = 16 * 1024;

const graph = new Graph();
const [, , file = ''] = process.argv;
for (const raw of messagesIn(await readFile(file))) {
  const m = decodeMessage(raw);
  if (m.name === 'channel_announcement') {
    const funding = { txid: txid(zeros(32)), vout: graph.size.channels };
    graph.addChannel(announcedChannel(m, { capacity: sat(100_000n), funding }), raw);
  } else if (m.name === 'channel_update') graph.setPolicy(m.short_channel_id, sideOf(m), policyOf(m, raw), raw);
  else if (m.name === 'node_announcement') graph.setNode(announcedNode(m), raw);
}

function* answers(message: Message): Generator<Uint8Array> {
  const context = { graph, chainHash: chainHashOf.regtest, now: Math.floor(Date.now() / 1000) };
  if (message.name === 'query_short_channel_ids') yield* shortChannelIdReplies(context, message);
  if (message.name === 'query_channel_range')
    for (const reply of channelRangeReplies(context, message)) yield encodeMessage(reply);
}

const answer = async (peer: Peer, message: Message): Promise<void> => {
  let unsent = 0;
  for (const raw of answers(message)) {
    peer.sendRaw(raw);
    unsent += raw.length;
    if (unsent < SLICE) continue;
    await peer.flushed();
    unsent = 0;
  }
};

const { id, port } = await testPeers(77, { handlers: { message: answer } });
console.log(JSON.stringify({ id: hex(id), port }));
