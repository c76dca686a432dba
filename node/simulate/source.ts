/** The network that a simulation is asked for: made by a seed, or from a file. */
import { existsSync } from 'node:fs';
import { GraphFileError } from '../graph/gossmap.ts';
import { generated } from './generators.ts';
import { readGraphFile } from './graphfile.ts';
import type { SimGraph } from './network.ts';

export interface SourceGraph {
  readonly graph: SimGraph;
  /** What a file has that was left out, in lines for people. */
  readonly notes: readonly string[];
}

/** Reads or makes a network. Throws GeneratorError or GraphFileError. */
export const networkFrom = (text: string, seed: number): SourceGraph => {
  const made = generated(text, seed);
  if (made !== undefined) return { graph: made, notes: [] };
  if (!existsSync(text))
    throw new GraphFileError('file', 'a file that is there, or ring:N, small-world:N or preferential:N').of(text);
  const { graph, notes } = readGraphFile(text);
  const leftOut: readonly (readonly [count: number, what: string])[] = [
    [notes.loops, 'of a node with itself'],
    [notes.empty, 'without capacity'],
    [notes.repeated, 'that were there already'],
  ];
  const said = leftOut.filter(([count]) => count > 0).map(([count, what]) => `${count} ${what}`);
  return { graph, notes: said.length === 0 ? [] : [`${text}: channels left out: ${said.join(', ')}`] };
};
