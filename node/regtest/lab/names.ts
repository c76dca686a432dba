/** Nodes of a lab by name: a whole name, or the beginning of one where no other begins so. */
import { didYouMean } from '../../base/nearest.ts';
import { LabError } from './laberror.ts';

/** The node of this name; a leading @ is left out. Throws LabError `unknown_node` with the names there are. */
export const nodeNamed = <Node extends { readonly name: string }>(nodes: readonly Node[], given: string): Node => {
  const word = given.replace(/^@/, '');
  const names = nodes.map(({ name }) => name);
  const hits = nodes.filter(({ name }) => name === word);
  const found = hits.length > 0 || word === '' ? hits : nodes.filter(({ name }) => name.startsWith(word));
  const [node] = found;
  if (node !== undefined && found.length === 1) return node;
  const fault = { code: 'unknown_node', name: word } as const;
  if (found.length > 1)
    throw new LabError(fault, `${word} may be ${found.map(({ name }) => name).join(' or ')}: write more of the name`);
  throw new LabError(fault, `the lab has no node ${word}: it has ${names.join(', ')}${didYouMean(word, names)}`);
};
