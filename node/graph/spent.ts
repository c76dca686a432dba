/** Which announced channels a block ends. */
import type { ShortChannelId } from '../../wire/units.ts';
import type { Block } from '../ports.ts';
import type { Graph } from './graph.ts';

/** Channels of the graph whose funding output a block spends. */
export const spentChannels = (graph: Graph, block: Block): readonly ShortChannelId[] =>
  block.transactions.flatMap(({ tx }) => tx.ins.flatMap((input) => graph.fundedBy(input.hash, input.index) ?? []));
