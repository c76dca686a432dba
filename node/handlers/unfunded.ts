/** What an operator is told of a channel whose funding transaction is not in the chain. */
import { DEEP } from '../../channel/fates.ts';
import type { Funded } from '../../channel/state.ts';
import type { Entry } from '../channels/entry.ts';
import { rivalOf } from '../channels/sightings.ts';
import type { Node } from '../node.ts';
import { displayedTxid } from '../wallet/send.ts';

/** Lines of `status` about the funding; none where nothing is wrong with it. */
export const fundingLines = ({ wallet, follower }: Node, entry: Entry, { core }: Funded): readonly string[] => {
  const rival = rivalOf(entry, wallet);
  if (rival === undefined) return [];
  const depth = follower.top.height - rival.height + 1;
  return [
    `the funding transaction ${displayedTxid(core.funding.txid)} lost its coins to ${displayedTxid(rival.txid)} in block ${rival.height}, ${depth} deep; the channel is forgotten once that is ${DEEP} deep`,
  ];
};
