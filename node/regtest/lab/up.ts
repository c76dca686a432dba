/** `ampere lab up`: whatever of a lab does not run is started, and whatever it lacks is made. Again is harmless. */
import { join } from 'node:path';
import { findChain } from '../demo/chain.ts';
import { NoBitcoind } from '../demo/find.ts';
import type { Printer } from '../demo/print.ts';
import { type Faucet, openFaucet } from './faucet.ts';
import { chainIn, isChainUp, portOf, rpcOptionsOf, startChain } from './labchain.ts';
import { fundWallets, mineAnd, missingOf, openChannels, rejoin } from './labchannels.ts';
import { LabError } from './laberror.ts';
import { type LabFile, type LabNode, readLab, writeLab } from './labfile.ts';
import { isFree, portsFor } from './labports.ts';
import { lndProgram } from './lndmember.ts';
import { withLock } from './lock.ts';
import { bringUp, isUp, type Members, membersOf, waitForMember } from './members.ts';
import { checkOwn } from './ownfolders.ts';
import { runningPid } from './processes.ts';
import type { LabPlan, PlannedNode } from './shapes.ts';

/** Bytes of the longest path of a unix socket, on every system. */
const longestSocket = 103;
/** Blocks of an empty chain before rewards can be spent. */
const firstBlocks = 101;

export interface UpOptions {
  readonly dir: string;
  readonly env: NodeJS.ProcessEnv;
  readonly printer: Printer;
  /** What a new lab is to be. */
  readonly plan: LabPlan;
  /** Whether that was asked for, so that a lab that is something else is not meant. */
  readonly isAsked: boolean;
}

const address = (port: number): string => `127.0.0.1:${port}`;

const newNode = async (
  dir: string,
  { name, kind, flags }: PlannedNode,
  port: () => Promise<number>,
): Promise<LabNode> => {
  const own = join(dir, name);
  const socket = join(own, 'regtest', 'lightning-rpc');
  if (Buffer.byteLength(socket) > longestSocket)
    throw new LabError(
      { code: 'bad_argument', field: 'AMPERE_LAB', expected: 'a shorter path' },
      `AMPERE_LAB: expected a shorter path: ${socket} is longer than the ${longestSocket} bytes that a unix socket's may have`,
    );
  return {
    ...{ name, kind, dir: own, network: 'regtest' },
    ...(kind === 'ampere' ? { socket } : { rpc: address(await port()) }),
    ...{ api: address(await port()), peer: address(await port()) },
    flags: [...(kind === 'ampere' ? ['--dev'] : []), ...flags],
  };
};

const newLab = async ({ dir, env, plan, printer }: UpOptions): Promise<LabFile> => {
  const found = await findChain({ env, progress: (line) => printer.progress(line) }).catch((error: unknown) => {
    if (!(error instanceof NoBitcoind)) throw error;
    throw new LabError({ code: 'no_program', program: 'bitcoind' }, error.message);
  });
  if (plan.nodes.some(({ kind }) => kind === 'lnd')) lndProgram(env);
  const port = portsFor(dir);
  const chain = chainIn(join(dir, 'chain'), await port(), found);
  const nodes: LabNode[] = [];
  for (const node of plan.nodes) nodes.push(await newNode(dir, node, port));
  const channels = plan.channels.map((channel) => ({ ...channel }));
  return { version: 1, created_at: Math.floor(Date.now() / 1000), shape: plan.shape, chain, nodes, channels };
};

/** Refuses to go on with a lab that is not the one that was asked for. */
const checkSame = ({ shape, nodes }: LabFile, { dir, plan, isAsked }: UpOptions): void => {
  const names = nodes.map(({ name }) => name).join(', ');
  if (!isAsked || (shape === plan.shape && names === plan.nodes.map(({ name }) => name).join(', '))) return;
  throw new LabError(
    { code: 'other_lab', dir },
    `the lab in ${dir} is another one (${shape}: ${names}); go on with it by \`ampere lab up\`, remove it by \`ampere lab reset\`, or have a second one with AMPERE_LAB=DIR`,
  );
};

/** Gives other ports to what does not run and finds its own taken. */
const movedPorts = async (
  dir: string,
  lab: LabFile,
  say: (line: string) => void,
  env: NodeJS.ProcessEnv,
): Promise<LabFile> => {
  const used = [lab.chain.url, ...lab.nodes.flatMap(({ api, peer, rpc }) => [api, peer, ...(rpc ? [rpc] : [])])];
  const port = portsFor(dir, used.map(portOf));
  const moved = async (name: string, what: string, old: string): Promise<string> => {
    if (await isFree(portOf(old))) return old;
    const fresh = await port();
    say(`port ${portOf(old)} of ${name} (${what}) is taken by another program: now ${fresh}`);
    return old.replace(/\d+$/, String(fresh));
  };
  const { chain } = lab;
  const runs = (await runningPid(chain.dir)) !== undefined || (await isChainUp(chain));
  const url = runs ? chain.url : await moved('the chain', 'RPC', chain.url);
  const members = membersOf(lab, env);
  const nodes: LabNode[] = [];
  for (const node of lab.nodes) {
    const member = members.get(node.name);
    if ((await runningPid(node.dir)) !== undefined || (member !== undefined && (await isUp(member)))) nodes.push(node);
    else
      nodes.push({
        ...node,
        api: await moved(node.name, 'API', node.api),
        peer: await moved(node.name, 'peers', node.peer),
        ...(node.rpc !== undefined && { rpc: await moved(node.name, 'gRPC', node.rpc) }),
      });
  }
  return { ...lab, chain: { ...chain, url }, nodes };
};

/**
 * Mines a block on a chain that was started again, whose tip may be of long ago, as if it was still being loaded. Not before the chain
 * has all blocks that nodes know: one that was killed reads them anew.
 */
const refresh = async (faucet: Faucet, members: Members): Promise<void> => {
  for (const member of members.values())
    await waitForMember(member, `the chain to have what ${member.node.name} has read`, async () => {
      const { height } = await member.info();
      return (await faucet.height()) >= height ? true : undefined;
    });
  await mineAnd(faucet, 1, members.values());
};

const raise = async (options: UpOptions): Promise<LabFile> => {
  const { dir, env, printer } = options;
  const progress = (line: string) => printer.progress(line);
  const before = await readLab(dir);
  if (before !== undefined) {
    checkSame(before, options);
    await checkOwn(before, dir);
  }
  let now = before ?? (await printer.step('a chain for the lab', () => newLab(options)));
  const save = async (next: LabFile): Promise<void> => {
    now = next;
    await writeLab(dir, next);
  };
  await save(await movedPorts(dir, now, (line) => printer.lines(`  ${line}`), env));

  const how = await printer.step(now.chain.version, () => startChain(now.chain));
  const faucet = await openFaucet(rpcOptionsOf(now.chain));
  try {
    const isNew = missingOf(now).length > 0 || now.nodes.some(({ id }) => id === undefined);
    const height = await faucet.height();
    if (isNew && height < firstBlocks)
      await printer.step('blocks that fill the faucet', () => faucet.mine(firstBlocks - height));
    const members = membersOf(now, env);
    const ids = await printer.step(`nodes: ${now.nodes.map(({ name }) => name).join(', ')}`, () =>
      Promise.all(
        now.nodes.map(async ({ name }) => {
          const member = members.get(name);
          return member && ([name, await bringUp(member, now.chain)] as const);
        }),
      ),
    );
    const idOf = new Map(ids.filter((one) => one !== undefined));
    const tools = { members, faucet, progress };
    if (isNew) {
      await printer.step('coins for every node', async () => {
        await mineAnd(faucet, 1, members.values());
        await fundWallets(now, tools);
      });
      const count = now.channels.length;
      if (count > 0)
        await printer.step(`${count} channel${count === 1 ? '' : 's'}, announced to all`, () =>
          openChannels(now, tools, (channels) => save({ ...now, channels })),
        );
    } else {
      if (how === 'started') await refresh(faucet, members);
      const late = await printer.step('channels back in step', () => rejoin(now, members));
      for (const one of late) printer.lines(`  the channel ${one} is not in step yet: see \`ampere lab status\``);
    }
    // Only now, so that a start that was interrupted is gone on with.
    await save({ ...now, nodes: now.nodes.map((node) => ({ ...node, id: idOf.get(node.name) ?? node.id })) });
    return now;
  } finally {
    faucet.close();
  }
};

/** Brings a lab up. Throws LabError, NoBitcoind, ChainError, FileError. */
export const labUp = (options: UpOptions): Promise<LabFile> =>
  withLock(
    options.dir,
    () => raise(options),
    (pid) => options.printer.lines(`  process ${pid} is at work on this lab: waiting for it`),
  );
