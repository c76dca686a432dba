/** A process of attackers: told by its parent whom to attack and how, until that ends it. */
import { readFileSync, writeFileSync } from 'node:fs';
import { getPriority, setPriority } from 'node:os';
import { unhex } from '../../wire/bytes.ts';
import { point, shortChannelId } from '../../wire/units.ts';
import { Attacker, type Done, type World } from './attacker.ts';
import type { Orders, Report, SentWorld } from './attacking.ts';
import { type AttackName, attacks, fromChannels } from './attacks/table.ts';

/** By how much the node comes first, as far as the system goes. */
const lower = 10;

const worldOf = ({ target, channels, ...rest }: SentWorld): World => ({
  ...rest,
  target: { ...target, id: point(unhex(target.id)) },
  channels: channels.map((id) => shortChannelId(BigInt(id))),
});

/** Milliseconds between two words on what was done. */
const pace = 500;

const run = ({ world: sent, attackers }: Orders): void => {
  const world = worldOf(sent);
  const all = attackers.map(({ number, attack }) => ({ attack, attacker: new Attacker(world, number) }));
  const begin = (early: boolean): void => {
    for (const { attack, attacker } of all)
      if (fromChannels.has(attack) === early)
        attacks[attack](attacker).catch((error: unknown) => {
          console.error(`the attack '${attack}' broke off:`, error);
          process.exit(1);
        });
  };
  begin(true);
  process.once('message', () => begin(false));
  setInterval(() => {
    const done: Partial<Record<AttackName, Done>> = {};
    for (const { attack, attacker } of all) {
      const { connections, messages } = done[attack] ?? { connections: 0, messages: 0 };
      const more = attacker.done;
      done[attack] = { connections: connections + more.connections, messages: messages + more.messages };
    }
    process.send?.(done satisfies Report);
  }, pace);
};

const lowest = 19;
/** Where Linux keeps the priority of a session among sessions: that of a process counts only within its own. */
const ofSession = '/proc/self/autogroup';

const giveWay = (): void => {
  setPriority(Math.min(lowest, getPriority() + lower));
  try {
    const [, now] = /nice (-?\d+)/.exec(readFileSync(ofSession, 'utf8')) ?? [];
    if (now !== undefined) writeFileSync(ofSession, String(Math.min(lowest, Number(now) + lower)));
  } catch {
    // Other systems, and kernels without it, know only processes.
  }
};

giveWay();
process.once('message', (orders) => run(orders as Orders));
// Nobody is left to tell it to stop.
process.once('disconnect', () => process.exit(1));
