/**
 * What a block does to the graph (BOLT 7, "Pruning the Network View"). A channel whose funding output is spent stays for 72
 * blocks, but is not passed on: a splice or a reorganization may bring it back. A channel whose funding transaction is elsewhere in
 * the new branch after a reorganization, or missing, is removed.
 */

import { equal } from '../../wire/bytes.ts';
import type { Change } from '../../wire/change.ts';
import { type ShortChannelId, scidParts } from '../../wire/units.ts';
import type { Block, ChainEvent } from '../ports/ports.ts';
import type { Graph } from './graph.ts';
import type { GraphStore } from './persist.ts';

/** Blocks after which a spent channel is forgotten. */
const FORGET_AFTER = 72;

/** Channels of the graph whose funding output a block spends. */
const spentBy = (graph: Graph, block: Block): readonly ShortChannelId[] =>
  block.transactions.flatMap(({ tx }) => tx.ins.flatMap((input) => graph.fundedBy(input.hash, input.index) ?? []));

/** Channels whose short_channel_id names this block, but whose funding it does not contain: it was in a branch that a reorg removed. */
const missingFrom = (graph: Graph, { height, transactions }: Block): readonly ShortChannelId[] =>
  graph.between(height, height + 1).filter((scid) => {
    const funding = graph.channel(scid)?.funding.txid;
    const found = transactions[scidParts(scid).txIndex]?.txid;
    return funding === undefined || found === undefined || !equal(funding, found);
  });

/** Applies a block that was connected or disconnected to the graph, and returns the changes to store. */
export const applyChainEvent = (graph: Graph, saved: GraphStore, event: ChainEvent): readonly Change[] => {
  const changes: Change[] = [];
  const spent = (scid: ShortChannelId, height: number | undefined): void => {
    graph.setSpent(scid, height);
    changes.push(saved.spent(scid, height));
  };
  if (event.event === 'disconnected') {
    for (const [scid, at] of [...graph.spends]) if (at >= event.height) spent(scid, undefined);
    return changes;
  }
  const { block } = event;
  for (const scid of spentBy(graph, block)) spent(scid, block.height);
  const over = [...graph.spends].flatMap(([scid, at]) => (block.height - at >= FORGET_AFTER ? [scid] : []));
  for (const scid of [...over, ...missingFrom(graph, block)]) {
    graph.removeChannel(scid);
    changes.push(...saved.removed(scid));
  }
  saved.applied(block.height);
  return changes;
};
