/**
 * Attackers as processes of their own, at a low priority: what they take of the machine they take from each other, and what
 * the node is slow at is the node's own doing.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { packaged } from '../../node/base/packaged.ts';
import type { Done } from './attacker.ts';
import { type AttackName, fromChannels } from './attacks/table.ts';

/** A World as it goes to another process. */
export interface SentWorld {
  readonly target: { readonly host: string; readonly port: number; readonly id: string };
  readonly api: {
    readonly socket: string;
    readonly place: { readonly host: string; readonly port: number };
    readonly token: string;
  };
  readonly chain: { readonly host: string; readonly port: number; readonly user: string; readonly password: string };
  readonly channels: readonly string[];
  readonly seed: string;
}

/** What a process of attackers is told; then, by any further word, to let those loose that need no channel. */
export interface Orders {
  readonly world: SentWorld;
  readonly attackers: readonly { readonly number: number; readonly attack: AttackName }[];
}

/** What it has done, told now and again. */
export type Report = Readonly<Partial<Record<AttackName, Done>>>;

/** The built program. */
const program = packaged('dist/test/soak/attackers.js');

/** Those with channels have one to themselves: a channel's messages must not wait for floods of their friends'. */
const shares: readonly ((number: number, attack: AttackName) => boolean)[] = [
  (_, attack) => fromChannels.has(attack),
  (number, attack) => !fromChannels.has(attack) && number % 2 === 0,
  (number, attack) => !fromChannels.has(attack) && number % 2 === 1,
];

export interface Attacking {
  /** Attackers that begin by paying for a channel: before all others, while strangers can still open any. */
  readonly fundings: number;
  /** Resolves once their processes are there. */
  readonly ready: Promise<unknown>;
  /** Lets all others loose. */
  begin(): void;
  /** Ends all attacks; what was done, by kind. */
  stop(): Promise<Report>;
}

/** Lets so many attackers loose on a node, the given attacks in turn. */
export const attack = (world: SentWorld, attackers: number, names: readonly AttackName[]): Attacking => {
  const all = Array.from({ length: attackers }, (_, number) => {
    const attack = names[number % names.length];
    if (attack === undefined) throw new RangeError('there is no attack to make');
    return { number, attack };
  });
  const children = shares.map((isOfIt) => {
    // A session of its own, as every node has: it is between sessions that the system shares out its time first.
    const child = fork(program, { detached: true, stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    child.send({ world, attackers: all.filter(({ number, attack }) => isOfIt(number, attack)) } satisfies Orders);
    let report: Report = {};
    const ready = new Promise((resolve) => {
      child.once('message', resolve);
      child.once('exit', resolve);
    });
    child.on('message', (message) => {
      report = message as Report;
    });
    return { child, ready, report: () => report };
  });
  const kill = (): void => {
    for (const { child } of children) child.kill('SIGKILL');
  };
  process.once('exit', kill);
  return {
    ready: Promise.all(children.map(({ ready }) => ready)),
    fundings: all.filter(({ attack }) => fromChannels.has(attack)).length,
    begin: () => {
      for (const { child } of children) if (child.connected) child.send('begin');
    },
    stop: async () => {
      const reports = await Promise.all(children.map(ended));
      process.removeListener('exit', kill);
      const sum: Record<string, Done> = {};
      for (const report of reports)
        for (const [name, { connections, messages }] of Object.entries(report)) {
          const before = sum[name] ?? { connections: 0, messages: 0 };
          sum[name] = { connections: before.connections + connections, messages: before.messages + messages };
        }
      return sum;
    },
  };
};

interface Process {
  readonly child: ChildProcess;
  readonly report: () => Report;
}

/** Ends a process of attackers, whose sockets the system closes; what it has done. Rejects where it had ended by itself. */
const ended = ({ child, report }: Process): Promise<Report> =>
  new Promise((resolve, reject) => {
    const gone = (): void => reject(new Error(`a process of attackers ended with exit code ${child.exitCode}`));
    if (child.exitCode !== null || child.signalCode !== null) gone();
    child.once('exit', (code) => (code === null ? resolve(report()) : gone()));
    child.kill('SIGKILL');
  });
