/** Which announced channels a block ends. */
import type { Change } from '../../wire/change.ts';
import type { Block } from '../ports.ts';
import type { Graph } from './graph.ts';
import { removed } from './persist.ts';

/** Forgets the channels whose funding output a block spends, and says what to keep of that. */
export const forgetSpent = (graph: Graph, block: Block): readonly Change[] =>
  block.transactions
    .flatMap(({ tx }) => tx.ins.flatMap((input) => graph.fundedBy(input.hash, input.index) ?? []))
    .flatMap((scid) => removed(scid, graph.removeChannel(scid)));
