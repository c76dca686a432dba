/** A network that was started for something else, kept as a lab. */
import type { Network } from '../demo/network.ts';
import type { Printer } from '../demo/print.ts';
import { chainIn } from './labchain.ts';
import { LabError } from './laberror.ts';
import { type LabFile, readLab, writeLab } from './labfile.ts';
import { noteProcess } from './processes.ts';
import { planOfShape } from './shapes.ts';
import { labUp } from './up.ts';

/** Throws LabError `other_lab` where there is a lab in this folder already. */
export const refuseOther = async (dir: string): Promise<void> => {
  if ((await readLab(dir)) === undefined) return;
  throw new LabError(
    { code: 'other_lab', dir },
    `there is a lab in ${dir} already: remove it by \`ampere lab reset\`, or have a second one with AMPERE_LAB=DIR`,
  );
};

const labOf = async <Name extends string>({ bitcoind, found, nodes, names }: Network<Name>): Promise<LabFile> => {
  const { shape, channels } = planOfShape('diamond', names.length);
  const kept = names.map(async (name): Promise<LabFile['nodes'][number]> => {
    const node = nodes[name];
    const { api } = await node.call('getinfo');
    return {
      ...{ name, kind: 'ampere', dir: node.dir, network: 'regtest', socket: node.socket, flags: ['--dev'] },
      ...{ api: `127.0.0.1:${api?.port ?? 0}`, peer: `127.0.0.1:${node.port}` },
    };
  });
  return {
    ...{ version: 1, created_at: Math.floor(Date.now() / 1000), shape, nodes: await Promise.all(kept) },
    chain: { ...chainIn(bitcoind.dir, bitcoind.port, found), cookie: bitcoind.cookieFile },
    channels: channels.map((channel) => ({ ...channel })),
  };
};

/**
 * Lets go of a network whose nodes are named as those of a diamond, and gives it channels again: a lab that runs on, in the network's
 * folder. Throws LabError and what `labUp` throws, with everything still running.
 */
export const keepAsLab = async <Name extends string>(network: Network<Name>, printer: Printer): Promise<LabFile> => {
  const { dir, bitcoind, nodes, names } = network;
  const lab = await labOf(network);
  await writeLab(dir, lab);
  for (const name of names) await noteProcess(nodes[name].dir, nodes[name].pid);
  await noteProcess(bitcoind.dir, bitcoind.pid);
  const plan = planOfShape('diamond', names.length);
  const up = await labUp({ dir, env: process.env, printer, plan, isAsked: false });
  network.release();
  return up;
};
