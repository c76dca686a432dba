/** `@NAME` on a command line: the node that is called, where it stands first; behind the method, the node's id. */
import { LabError } from './laberror.ts';
import { labFolder, openLab, readLab } from './labfile.ts';
import { nodeNamed } from './names.ts';

/** Commands that take names themselves. */
const ofNames = ['lab', 'faucet', 'mine', 'completion', 'help'];

const said = (word: string): string | undefined => /^(?:[a-z_]+=)?@([a-z][a-z0-9]{0,15})$/.exec(word)?.[1];

/** The name that stands first and says which node is called, with its @; undefined where none does. */
export const nodeCalled = (words: readonly string[]): string | undefined => {
  const first = words.find((word) => !word.startsWith('-'));
  return first?.startsWith('@') ? first : undefined;
};

/**
 * That the lab has no node of the first name behind the method that it does not know, for a call that was refused for what stands there;
 * undefined where there is no such name, or no lab.
 */
export const noSuchNode = async (
  words: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): Promise<string | undefined> => {
  const names = words.filter((word) => word !== nodeCalled(words)).flatMap((word) => said(word) ?? []);
  const lab = names.length === 0 ? undefined : await readLab(labFolder(env)).catch(() => undefined);
  const unknown = names.find((name) => lab?.nodes.every((one) => one.name !== name));
  if (lab === undefined || unknown === undefined) return undefined;
  try {
    return `behind the method the name of a node stands whole: @${nodeNamed(lab.nodes, unknown).name}`;
  } catch (error) {
    if (error instanceof LabError) return error.message;
    throw error;
  }
};

/**
 * The words with names of the lab's nodes replaced: `@alice listpays` is `--dir DIR --network regtest listpays`, and `keysend @bob` has
 * bob's node id, `connect @bob` his address, too. A word behind the method that names no node stays as it is. Throws LabError.
 */
export const withNodeNames = async (
  words: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): Promise<readonly string[]> => {
  if (!words.some((word) => said(word) !== undefined)) return words;
  const dir = labFolder(env);
  const at = words.findIndex((word) => !word.startsWith('-'));
  const first = nodeCalled(words) ?? '';
  const isCall = first !== '';
  const rest = isCall ? words.filter((_, i) => i !== at) : words;
  const command = rest.find((word) => !word.startsWith('-'));
  const lab = isCall ? await openLab(dir) : await readLab(dir);
  const named =
    lab === undefined || (command !== undefined && ofNames.includes(command))
      ? rest
      : rest.map((word) => {
          const name = said(word);
          const node = lab.nodes.find((one) => one.name === name);
          if (node?.id === undefined) return word;
          return word.replace(/@.*$/, command === 'connect' ? `${node.id}@${node.peer}` : node.id);
        });
  if (!isCall || lab === undefined) return named;
  const node = nodeNamed(lab.nodes, first);
  if (node.kind === 'lnd')
    throw new LabError(
      { code: 'unknown_node', name: node.name },
      `${node.name} is an lnd, which has calls of its own: lncli --lnddir=${node.dir} -n regtest --rpcserver=${node.rpc}`,
    );
  return ['--dir', node.dir, '--network', node.network, ...named];
};
