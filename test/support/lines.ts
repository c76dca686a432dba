/** A line of three processes, any of which may die at a save: pay along it, start it again, and see what came of it. */
import type { Network } from '../../node/regtest/demo/network.ts';
import { sleep, until } from '../../node/regtest/demo/wait.ts';
import { idle } from './leftovers.ts';

export type Name = 'alice' | 'bob' | 'carol';
export const names = ['alice', 'bob', 'carol'] as const;

/** A save by whoever takes part: the kinds of its keys, and how many saves up to it have such keys. */
export interface Point {
  readonly by: Name;
  readonly kinds: readonly string[];
  readonly count: number;
}

/** As `dev-crash` takes it. */
export const textOf = ({ kinds, count }: Point): string => `${kinds.join(',')}*${count}`;

/** What became of a payment. */
export interface Outcome {
  /** All that the payer has on record, and what its caller was told, if anything. */
  readonly records: readonly string[];
  readonly told: string | undefined;
  readonly invoice: string | undefined;
  /** msat that each has more than before. */
  readonly gained: Readonly<Record<Name, bigint>>;
  /** msat that the payer sent, as its record says. */
  readonly sent: bigint;
}

/** Parts of a key that name one thing among its like. */
const kindOf = (key: string): string =>
  key
    .split('/')
    .map((part, i) => (i > 0 && /[0-9]/.test(part) ? '*' : part))
    .join('/');
const kindsOf = (keys: readonly string[]): readonly string[] => [...new Set(keys.map(kindOf))].sort();
/** What is learned of the graph meanwhile is no part of a payment, and is saved again with none. */
const isOfPayment = (key: string): boolean => !key.startsWith('graph/');

/** Milliseconds after a payment in which what is left of it is saved, at the latest. */
const AFTERWARDS_MS = 2_000;

export class Line {
  readonly network: Network<Name>;
  private readonly terms: { readonly amp?: 'eob' };
  private readonly manner: { readonly scheme?: 'fixed'; readonly shards?: number };
  private readonly amount: bigint;
  private bills = 0;
  /** As `rest` found it, where nothing was done since. */
  private resting: Readonly<Record<Name, bigint>> | undefined;

  constructor(network: Network<Name>, kind: 'ordinary' | 'AMP', amount: bigint) {
    this.network = network;
    this.terms = kind === 'AMP' ? { amp: 'eob' } : {};
    this.manner = kind === 'AMP' ? { scheme: 'fixed', shards: 2 } : {};
    this.amount = amount;
  }

  /** Takes up what connections are missing. */
  private async reach(): Promise<void> {
    const { nodes } = this.network;
    for (const [from, to] of [
      ['alice', 'bob'],
      ['bob', 'carol'],
    ] as const) {
      const { id, port } = nodes[to];
      const [peer] = (await nodes[from].call('listpeers', { id })).peers;
      if (peer?.connected !== true)
        await nodes[from].call('connect', { id, host: '127.0.0.1', port }).catch(() => undefined);
    }
  }

  /** What each has in its channels, once everybody is connected, no payment is pending and no HTLC held. */
  rest(): Promise<Readonly<Record<Name, bigint>>> {
    const { nodes } = this.network;
    return until(
      'the line to come to rest',
      async () => {
        await this.reach();
        const { pays } = await nodes.alice.call('listpays', { status: 'pending' });
        if (pays.length > 0) return undefined;
        const held: bigint[] = [];
        for (const name of names) {
          const { channels } = await nodes[name].call('listpeerchannels');
          if (channels.some(({ reestablished, htlcs }) => reestablished !== true || htlcs.length > 0)) return undefined;
          if (!(await idle(nodes[name]))) return undefined;
          held.push(channels.reduce((sum, { to_us_msat: ours }) => sum + ours, 0n));
        }
        const [alice = 0n, bob = 0n, carol = 0n] = held;
        return { alice, bob, carol };
      },
      { every: 100, timeout: 60_000 },
    );
  }

  private async bill() {
    const label = `bill ${++this.bills}`;
    const asked = { amount_msat: this.amount, label, description: label, ...this.terms };
    const { bolt11, payment_hash: hash } = await this.network.nodes.carol.call('invoice', asked);
    return { label, bolt11, hash };
  }

  /** Every kind of save that a payment makes, by each of the three, first come first. */
  async points(): Promise<readonly Point[]> {
    const { nodes } = this.network;
    const { bolt11 } = await this.bill();
    await this.rest();
    for (const name of names) await nodes[name].call('dev-record-saves');
    await nodes.alice.call('pay', { bolt11, ...this.manner });
    await this.rest();
    const points: Point[] = [];
    for (const by of names) {
      const { commits } = await nodes[by].call('dev-record-saves', { on: false });
      const saves = commits.map((keys) => kindsOf(keys.filter(isOfPayment))).filter((kinds) => kinds.length > 0);
      saves.forEach((kinds, i) => {
        const before = saves.slice(0, i);
        if (before.some((other) => other.join() === kinds.join())) return;
        const alike = before.filter((other) => kinds.every((kind) => other.includes(kind)));
        points.push({ by, kinds, count: alike.length + 1 });
      });
    }
    return points;
  }

  /**
   * Pays while somebody is to die at a save, starts it again, and tells what came of the payment once all is at rest. Two saves that
   * follow each other closely may be made as one: where the payment ends without the save, there is another one.
   */
  async survive(when: 'before' | 'after', point: Point, tries = 5): Promise<Outcome> {
    const { nodes } = this.network;
    const victim = nodes[point.by];
    const before = this.resting ?? (await this.rest());
    this.resting = undefined;
    const { label, bolt11, hash } = await this.bill();
    await victim.call('dev-crash', { point: `${when}:${textOf(point)}` });
    let told: string | undefined;
    const paying = nodes.alice.call('pay', { bolt11, ...this.manner }).then(
      ({ status }) => {
        told = status;
      },
      (error: Error) => {
        // Whoever called a node that died was told nothing.
        told = error.name === 'CallError' ? 'failed' : undefined;
      },
    );
    let dead = false;
    const death = victim.exited().then(() => {
      dead = true;
    });
    /** The payment is over, and so is all that is saved after it. */
    const over = async () => (dead ? undefined : this.rest().then(() => sleep(AFTERWARDS_MS)));
    await Promise.race([death, paying.then(over)]);
    if (!dead) {
      if (tries === 1) throw new Error(`${point.by} did not die ${when} ${textOf(point)}: there was no such save`);
      await victim.kill();
      await victim.start();
      return this.survive(when, point, tries - 1);
    }
    await victim.start();
    const [after] = await Promise.all([this.rest(), paying]);
    this.resting = after;
    const { pays } = await nodes.alice.call('listpays', { payment_hash: hash });
    const [invoice] = (await nodes.carol.call('listinvoices', { label })).invoices;
    return {
      records: pays.map(({ status }) => status),
      told,
      invoice: invoice?.status,
      gained: {
        alice: after.alice - before.alice,
        bob: after.bob - before.bob,
        carol: after.carol - before.carol,
      },
      sent: pays[0]?.amount_sent_msat ?? 0n,
    };
  }
}
