/** `ampere new-protocol NAME`: a file with an EOB protocol of one's own, both ends of it, which runs as it is. */
import { writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { basename, resolve } from 'node:path';
import { Command } from 'commander';
import { reasonOf } from '../base/fileserror.ts';
import { packaged } from '../base/packaged.ts';
import type { Surroundings } from './surroundings.ts';
import { UsageError } from './words.ts';

const source = (
  name: string,
): string => `// ${name}: an EOB protocol. \`node ${name}.mjs\` shows it at work between three nodes on a chain of their own.
import { besideAmp, tree } from 'ampere/amp';
import { startNetwork } from 'ampere/node';
import { concat, sat, text, utf8 } from 'ampere/wire';

// Reading: what a hop makes of its blobs, 65 bytes each, with zeros behind what the sender wrote.
const read = (_frame, { blobs }) => ({ accept: text(concat(...blobs)).replace(/\\0+$/, '') });

const protocol = {
  name: '${name}',
  forward: read, // on the way; { refuse: { name: 'temporary_node_failure' } } instead of { accept } fails the HTLC
  final: besideAmp(tree, read), // at the payee of an AMP, behind the AMP's own blob
  // Sending: what a payment brings each hop of its route, undefined for nothing. Hops that read TLV alone have no blobs.
  compose: (_payment, _shard, route) =>
    route.map(({ tlvOnly }, i) => (tlvOnly ? undefined : utf8(\`hello, hop \${i + 1}\`))),
  mostBlobs: 5, // that \`compose\` adds to a route
};
const protocols = new Map([[14, protocol]]); // 14 and 15 are free for experiments

const { nodes, stop } = await startNetwork({
  nodes: {
    alice: { protocols },
    bob: { protocols, onForwardNote: ({ value }) => console.log('bob forwards an HTLC and reads:', value) },
    carol: { protocols, onFinalNote: ({ value }) => console.log('carol is paid and reads:', value) },
  },
  channels: [
    ['alice', 'bob', sat(1_000_000n)],
    ['bob', 'carol', sat(1_000_000n)],
  ],
});
const { id } = await nodes.carol.call('getinfo');
const { status } = await nodes.alice.call('keysend', { destination: id, amount_msat: 25_000_000n, scheme: 'tree' });
console.log('alice paid carol:', status);
await stop();
`;

/** Whether a program in this folder finds the package. */
const isFoundFrom = (folder: string): boolean => {
  try {
    createRequire(resolve(folder, 'program.mjs')).resolve('ampere/package.json');
    return true;
  } catch {
    return false;
  }
};

/** Writes the file into the folder and says how to run it. Throws UsageError for a name that is none, or a file that is there. */
export const newProtocol = async (name: string, folder: string, out: Surroundings['out']): Promise<void> => {
  if (!/^[a-z][a-z0-9-]{0,31}$/.test(name))
    throw new UsageError(
      'new-protocol: expected a name of up to 32 lower-case letters, digits or hyphens, a letter first',
    );
  const path = resolve(folder, `${name}.mjs`);
  try {
    await writeFile(path, source(name), { flag: 'wx' });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const why = code === 'EEXIST' ? 'it is there already' : reasonOf(error);
    throw new UsageError(`new-protocol: cannot write ${path}: ${why}`);
  }
  out(`Written: ${path}`);
  if (!isFoundFrom(folder)) out(`So that it finds ampere:  npm install --no-save '${packaged('')}'`);
  out(`To see it at work:  node ${basename(path)}`);
};

/** The command. */
export const newProtocolCommand = ({ out }: Pick<Surroundings, 'out'>): Command =>
  new Command('new-protocol')
    .description('Writes NAME.mjs: an EOB protocol of your own, sender and reader, that runs as it is.')
    .argument('<name>', 'of the protocol and of the file')
    .action((name: string) => newProtocol(name, process.cwd(), out));
