/**
 * A public graph that a node can check: channels whose fundings stand on the chain, announced by nodes that exist on paper.
 * Everything about it follows from numbers, so whoever knows how many there are can speak for any of them.
 */
import { z } from 'zod';
import { fundingOutputScript } from '../../channel/tx/funding.ts';
import {
  type AnnouncedChannel,
  channelAnnouncementDigest,
  ourSide,
  signAnnouncement,
  signedChannelAnnouncement,
  signedChannelUpdate,
  unsignedNodeAnnouncement,
} from '../../node/graph/gossipsignatures.ts';
import { networkOf } from '../../node/ports/network.ts';
import type { RunningBitcoind } from '../../node/regtest/demo/bitcoind.ts';
import { addressOfScript } from '../../node/wallet/address.ts';
import { hex, zeros } from '../../wire/bytes.ts';
import { chainHashOf } from '../../wire/chains.ts';
import { pointOf, sign } from '../../wire/crypto.ts';
import { msat, type SecretKey, type ShortChannelId, scidOf } from '../../wire/units.ts';
import { keyOf } from './line.ts';

/** Channels to a node of it, about. */
const channelsPerNode = 5;
/** Satoshi in each, and how many one transaction funds. */
const capacity = 100_000n;
const together = 1000;
/** Confirmations after which a channel may be announced (BOLT 7). */
const announceDepth = 6;

export const nodesFor = (channels: number): number => Math.max(2, Math.floor(channels / channelsPerNode));
/** The key of a node. */
export const nodeKeyOf = (node: number): SecretKey => keyOf(`node ${node}`);

interface Ends {
  readonly nodes: readonly [SecretKey, SecretKey];
  readonly fundings: readonly [SecretKey, SecretKey];
}

/** Who has channel number `channel` of so many. */
export const endsOf = (channel: number, channels: number): Ends => {
  const count = nodesFor(channels);
  const one = channel % count;
  const other = (one + 1 + (Math.floor(channel / count) % (count - 1))) % count;
  return {
    nodes: [nodeKeyOf(one), nodeKeyOf(other)],
    fundings: [keyOf(`funding ${channel}, one end`), keyOf(`funding ${channel}, other end`)],
  };
};

const announcedOf = ({ nodes, fundings }: Ends, scid: ShortChannelId): AnnouncedChannel => ({
  chain: chainHashOf.regtest,
  scid,
  nodes: [pointOf(nodes[0]), pointOf(nodes[1])],
  fundingKeys: [pointOf(fundings[0]), pointOf(fundings[1])],
});

/** A channel's announcement with all four signatures. */
export const channelAnnouncementOf = (ends: Ends, scid: ShortChannelId): Uint8Array => {
  const channel = announcedOf(ends, scid);
  const digest = channelAnnouncementDigest(channel);
  const by = (i: 0 | 1) => ({ node: sign(digest, ends.nodes[i]), bitcoin: sign(digest, ends.fundings[i]) });
  return signedChannelAnnouncement(channel, by(0), by(1));
};

/** What one end of a channel asks for forwarding, as of a time in Unix seconds. */
export const updateOf = ({ nodes }: Ends, scid: ShortChannelId, end: 0 | 1, timestamp: number): Uint8Array => {
  const side = ourSide(pointOf(nodes[end]), pointOf(nodes[end === 0 ? 1 : 0]));
  return signedChannelUpdate(
    nodes[end],
    { chain: chainHashOf.regtest, scid, side, dontForward: false },
    {
      ...{ feeBase: msat(BigInt(timestamp % 1000)), feeProportional: 100, cltvExpiryDelta: 40 },
      ...{ htlcMinimum: msat(1n), htlcMaximum: msat(capacity * 1000n), disabled: false },
    },
    timestamp,
  );
};

/** What a node says of itself, with so many bytes of features to make it as fat as is wanted. */
export const nodeAnnouncementOf = (node: number, timestamp: number, features = 0): Uint8Array => {
  const key = nodeKeyOf(node);
  const said = { id: pointOf(key), alias: `node ${node}`, color: zeros(3), features: zeros(features), addresses: [] };
  return signAnnouncement('node_announcement', unsignedNodeAnnouncement(said, timestamp), key);
};

const blockShape = z.object({
  height: z.number(),
  tx: z.array(z.object({ vout: z.array(z.object({ n: z.number(), scriptPubKey: z.object({ hex: z.string() }) })) })),
});

/** Funds so many channels on the chain and buries them; their ids, in order. `miner` gets what blocks pay. */
export const fundGraph = async (
  chain: RunningBitcoind,
  miner: string,
  channels: number,
): Promise<readonly ShortChannelId[]> => {
  const scripts = Array.from({ length: channels }, (_, i) => {
    const { fundings } = endsOf(i, channels);
    return fundingOutputScript(pointOf(fundings[0]), pointOf(fundings[1]));
  });
  const amount = `0.${capacity.toString().padStart(8, '0')}`;
  for (let from = 0; from < channels; from += together) {
    const addresses = scripts
      .slice(from, from + together)
      .map((script) => addressOfScript(script, networkOf('regtest')));
    await chain.call('sendmany', '', Object.fromEntries(addresses.map((address) => [address, amount])));
  }
  const [hash] = await chain.mine(announceDepth, miner);
  const block = blockShape.parse(await chain.call('getblock', hash, 2));
  const places = new Map<string, ShortChannelId>();
  for (const [index, { vout }] of block.tx.entries())
    for (const { n, scriptPubKey } of vout) places.set(scriptPubKey.hex, scidOf(block.height, index, n));
  return scripts.map((script) => {
    const scid = places.get(hex(script));
    if (scid === undefined) throw new Error('a funding of the public graph is not in the block that was to have it');
    return scid;
  });
};

/** All that a node has to be told to know a graph, channel by channel. */
export function* told(scids: readonly ShortChannelId[], now: number): Generator<readonly Uint8Array[]> {
  for (const [i, scid] of scids.entries()) {
    const ends = endsOf(i, scids.length);
    yield [channelAnnouncementOf(ends, scid), updateOf(ends, scid, 0, now), updateOf(ends, scid, 1, now)];
  }
  for (let node = 0; node < nodesFor(scids.length); node++) yield [nodeAnnouncementOf(node, now)];
}
