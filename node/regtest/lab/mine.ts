/** Blocks and coins for people: `ampere mine`, `ampere faucet`, and the same of a lab. */

import { satText } from '../../base/table.ts';
import type { RpcOptions } from '../../chain/rpc.ts';
import { type Faucet, openFaucet } from './faucet.ts';
import { isChainUp, rpcOptionsOf } from './labchain.ts';
import { LabError } from './laberror.ts';
import type { LabFile } from './labfile.ts';
import type { Member } from './member.ts';
import { isUp, membersOf, mustRun, waitForHeight } from './members.ts';
import { nodeNamed } from './names.ts';

/** What a faucet gives unless told, in satoshi. */
export const defaultFaucetSat = 10_000_000n;

const many = (blocks: number): string => `${blocks} block${blocks === 1 ? '' : 's'}`;

const runningOf = async (lab: LabFile, env: NodeJS.ProcessEnv): Promise<readonly Member[]> => {
  const members = [...membersOf(lab, env).values()];
  const up = await Promise.all(members.map(isUp));
  return members.filter((_, i) => up[i] === true);
};

/** How the chain of a lab is reached. Throws LabError `not_running`. */
const chainOf = async ({ chain }: LabFile): Promise<RpcOptions> => {
  if (!(await isChainUp(chain)))
    throw new LabError(
      { code: 'not_running', dir: chain.dir },
      'the chain of the lab does not run: `ampere lab up` starts it',
    );
  return rpcOptionsOf(chain);
};

const withFaucet = async <T>(options: RpcOptions, work: (faucet: Faucet) => Promise<T>): Promise<T> => {
  const faucet = await openFaucet(options);
  try {
    return await work(faucet);
  } finally {
    faucet.close();
  }
};

/** Mines blocks on a regtest chain, and says its height. Throws LabError, ChainError. */
export const mineOn = (chain: RpcOptions, blocks: number): Promise<string> =>
  withFaucet(chain, async (faucet) => `${many(blocks)} mined: the chain is at block ${await faucet.mine(blocks)}`);

/** Mines blocks and waits until every node that runs has read them. Throws LabError, ChainError. */
export const mineInLab = async (lab: LabFile, blocks: number, env: NodeJS.ProcessEnv): Promise<string> =>
  withFaucet(await chainOf(lab), async (faucet) => {
    const members = await runningOf(lab, env);
    const height = await faucet.mine(blocks);
    await Promise.all(members.map((member) => waitForHeight(member, height)));
    const read = members.length === 0 ? 'no node runs' : 'every node that runs has read it';
    return `${many(blocks)} mined: the chain is at block ${height}, and ${read}`;
  });

/** Whether a word is an address rather than a name. Its network is the chain's to check. */
export const isAddress = (word: string): boolean =>
  /^(?:bcrt1[0-9a-z]{20,90}|[mn2][1-9A-HJ-NP-Za-km-z]{25,40})$/.test(word);

export interface FaucetPayment {
  readonly txid: string;
  /** The block that has it. */
  readonly height: number;
}

/** Sends coins to an address, and mines a block for them. Throws LabError, ChainError. */
export const sendFromFaucet = (chain: RpcOptions, address: string, sat: bigint): Promise<FaucetPayment> =>
  withFaucet(chain, async (faucet) => {
    const txid = await faucet.give(new Map([[address, sat]]));
    return { txid, height: await faucet.mine(1) };
  });

/** What the faucet paid, in words. */
export const faucetText = (whom: string, sat: bigint, { txid, height }: FaucetPayment): string =>
  `${whom} has ${satText(String(sat * 1000n))} sat more, in block ${height}:\n${txid}`;

/** Gives coins to a node of a lab by its name, or to an address, and says so. Throws LabError, ChainError, CallError. */
export const faucetInLab = async (
  lab: LabFile,
  target: string,
  sat: bigint,
  env: NodeJS.ProcessEnv,
): Promise<string> => {
  const chain = await chainOf(lab);
  if (isAddress(target)) return faucetText(target, sat, await sendFromFaucet(chain, target, sat));
  const { name } = nodeNamed(lab.nodes, target);
  const member = membersOf(lab, env).get(name);
  if (member === undefined) throw new RangeError(`lab.json: no node ${name}`);
  await mustRun(member);
  const payment = await sendFromFaucet(chain, await member.address(), sat);
  await waitForHeight(member, payment.height);
  return faucetText(name, sat, payment);
};
