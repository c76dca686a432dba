/** Channels that are opened in a run, beside those it began with: what a caller of the nodes' API would ask for, and what came of it. */

import { outpointKey } from '../../node/chain/watchrules.ts';
import { coreOf } from '../../node/channels/entry.ts';
import { CHANNELS } from '../../node/channels/onchain.ts';
import { openChannelTo } from '../../node/channels/opening.ts';
import { hex } from '../../wire/bytes.ts';
import { msat, sat } from '../../wire/units.ts';
import type { Setup } from './setup.ts';
import type { World } from './world.ts';

export interface OpenMove {
  readonly do: 'open';
  /** The funder. */
  readonly link: number;
  readonly side: 0 | 1;
  /** Satoshi. */
  readonly amount: number;
}

/** An opening that was asked for. */
export interface Asked {
  readonly place: number;
  /** Which process of the node was asked. */
  readonly life: number;
  /** It was answered, with a channel or without. */
  answered: boolean;
}

/** Asks for a channel, if both nodes are there and connected. */
export const openChannel = async (world: World, { link, side, amount }: OpenMove): Promise<void> => {
  const [place, other] = [link + side, link + 1 - side];
  const [node, peerNode] = [world.node(place), world.node(other)];
  const peer = peerNode && node?.peers.get(peerNode.keys.nodeId);
  if (node === undefined || peer === undefined) return;
  const asked: Asked = { place, life: world.site(place).lives, answered: false };
  world.openings.push(asked);
  const answer = (): void => {
    asked.answered = true;
  };
  void openChannelTo(node.opening, {
    peer,
    amount: sat(BigInt(amount)),
    push: msat(0n),
    announce: true,
    fundingFeerate: node.feerate(),
    minDepth: 0,
    closeTo: undefined,
    channelType: undefined,
    useReserve: false,
  }).then(answer, answer);
  await world.drain();
};

type Fundings = Setup['fundings'];

/** All funding outputs, those of channels opened in the run among them. */
export const fundingsOf = (world: World, { fundings }: Setup): Fundings => {
  if (world.openings.length === 0) return fundings;
  const all = new Map(fundings);
  for (const { place, disk } of world.sites)
    for (const key of new Set(
      [...disk.durable.keys()].filter((one) => one.startsWith(CHANNELS)).map((one) => one.split('/')[1] ?? ''),
    )) {
      const state = world.channel(place, key);
      const core = state && coreOf(state);
      if (core === undefined) continue;
      const right = world.sites[place + 1]?.node?.keys.nodeId;
      const link = right !== undefined && hex(right) === hex(core.params.peer) ? place : place - 1;
      const funder = core.params.role === 'funder' ? place : 2 * link + 1 - place;
      const outpoint = outpointKey(core.funding.txid, core.funding.index);
      if (!all.has(outpoint)) all.set(outpoint, { link, funder });
    }
  return all;
};

/** Openings that nobody ever answered, though who was asked lives on. */
export const unanswered = (world: World): readonly string[] =>
  world.openings
    .filter(
      ({ place, life, answered }) => !answered && !world.isUnresponsive(place) && world.site(place).lives === life,
    )
    .map(({ place }) => `an opening that ${world.site(place).name} was asked for was never answered`);
