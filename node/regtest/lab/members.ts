/** The nodes of a lab as processes: started where they do not run, and waited for. */
import { until } from '../demo/wait.ts';
import { AmpereMember } from './amperemember.ts';
import { type LabChain, portOf } from './labchain.ts';
import { LabError } from './laberror.ts';
import type { LabFile, LabNode } from './labfile.ts';
import { LndMember } from './lndmember.ts';
import type { Member } from './member.ts';
import { died, runningPid } from './processes.ts';

/** Milliseconds that a node has to come up: an lnd takes its time. */
const patience: Readonly<Record<LabNode['kind'], number>> = { ampere: 60_000, lnd: 120_000 };

export type Members = ReadonlyMap<string, Member>;

const memberOf = (node: LabNode, env: NodeJS.ProcessEnv): Member =>
  node.kind === 'lnd' ? new LndMember(node, env) : new AmpereMember(node);

/** The nodes of a lab by name, whether they run or not. */
export const membersOf = ({ nodes }: Pick<LabFile, 'nodes'>, env: NodeJS.ProcessEnv): Members =>
  new Map(nodes.map((node) => [node.name, memberOf(node, env)]));

/** Whether it answers now. */
export const isUp = (member: Member): Promise<boolean> =>
  member.info().then(
    () => true,
    () => false,
  );

/** Throws LabError `not_running` for a node that does not answer. */
export const mustRun = async (member: Member): Promise<void> => {
  const { name, dir } = member.node;
  if (!(await isUp(member)))
    throw new LabError({ code: 'not_running', dir }, `${name} does not run: \`ampere lab up\` starts it`);
};

/** Whether its process is gone, and whatever is waited for will not come. */
const isGone = async (member: Member): Promise<boolean> =>
  (await runningPid(member.node.dir)) === undefined && !(await isUp(member));

/**
 * Waits until `probe` gives something for a node. Throws LabError `died` with the end of its log when its process has ended, or when it
 * takes longer than `timeout` milliseconds.
 */
export const waitForMember = async <T>(
  member: Member,
  what: string,
  probe: () => Promise<T | undefined>,
  timeout = 60_000,
): Promise<T> => {
  let over: Error | undefined;
  try {
    return await until(
      what,
      async () => {
        try {
          return await probe();
        } catch (error) {
          if (await isGone(member)) {
            over = await died(member.node, 'ended');
            throw over;
          }
          throw error;
        }
      },
      { timeout, every: 100 },
      (error) => error === over,
    );
  } catch (error) {
    if (error === over) throw error;
    const why = error instanceof Error ? error.message : String(error);
    throw await died(member.node, `is not ready: ${why}`);
  }
};

/** Starts a node unless it runs, and waits until it has come up. Gives its id. Throws LabError. */
export const bringUp = async (member: Member, chain: LabChain): Promise<string> => {
  if (!(await isUp(member)) && (await runningPid(member.node.dir)) === undefined) await member.start(chain);
  return waitForMember(
    member,
    `${member.node.name} to come up`,
    async () => {
      const { id, ready } = await member.info();
      return ready ? id : undefined;
    },
    patience[member.node.kind],
  );
};

/** Waits until a node has read the chain up to this height. */
export const waitForHeight = (member: Member, height: number): Promise<true> =>
  waitForMember(member, `${member.node.name} to read block ${height}`, async () => {
    const info = await member.info();
    return info.ready && info.height >= height ? true : undefined;
  });

/** Connects two nodes; again is harmless. */
export const connect = async (from: Member, to: Member): Promise<void> => {
  const { id } = await to.info();
  await waitForMember(from, `${from.node.name} to connect to ${to.node.name}`, async () => {
    await from.connect(id, portOf(to.node.peer));
    return true;
  });
};
