/** Two processes and the connection between them, to be cut at messages and taken up again: what the tests of that share. */
import type { Channel, Network } from '../../node/regtest/demo/network.ts';
import { sleep, until } from '../../node/regtest/demo/wait.ts';
import type { MessageName } from '../../wire/message.ts';
import { idle } from './leftovers.ts';

export type Name = 'alice' | 'bob';
export const names = ['alice', 'bob'] as const;
/** A message of somebody's, the n-th of its name in what is done. */
export type Said = readonly [by: Name, message: MessageName, nth: number];

const quick = { every: 10, timeout: 20_000 };
/** Messages that are not about a channel, or come with every connection. */
const besides: ReadonlySet<string> = new Set([
  'init',
  'ping',
  'pong',
  'warning',
  'channel_reestablish',
  'gossip_timestamp_filter',
  'channel_update',
]);

/** For a table: each message, cut before it is sent and after, with the line that says so to `dev-disconnect`. */
export const rowsOf = (said: readonly Said[]) =>
  said.flatMap(([by, message, nth]) =>
    (['before', 'after'] as const).map((when) => {
      const sign = when === 'before' ? '-' : '+';
      return { when, by, message, nth, line: `${sign}WIRE_${message.toUpperCase()}*${nth}` };
    }),
  );

export const isReady = ({ state, reestablished }: Channel): boolean =>
  state === 'CHANNELD_NORMAL' && reestablished === true;
/** Ready, and no HTLC under way. */
export const isQuiet = (channel: Channel): boolean => isReady(channel) && channel.htlcs.length === 0;

export class Cutting {
  readonly network: Network<Name>;

  constructor(network: Network<Name>) {
    this.network = network;
  }

  async channelOf(name: Name, id: string): Promise<Channel | undefined> {
    return (await this.network.nodes[name].call('listpeerchannels', { channel_id: id })).channels[0];
  }

  /** Has alice call bob when he is gone. */
  async reach(): Promise<void> {
    const { alice, bob } = this.network.nodes;
    const [peer] = (await alice.call('listpeers', { id: bob.id })).peers;
    if (peer?.connected !== true)
      await alice.call('connect', { id: bob.id, host: '127.0.0.1', port: bob.port }).catch(() => undefined);
  }

  /** What `probe` gives at last; until then the connection is taken up again as often as it takes. */
  until<T>(what: string, probe: () => Promise<T | undefined>): Promise<T> {
    return until(what, () => this.reach().then(probe), quick);
  }

  /** Both ends of a channel once each of them is as wanted. */
  both(
    id: string,
    what: string,
    wanted: (channel: Channel) => boolean,
  ): Promise<readonly [alice: Channel, bob: Channel]> {
    return this.until(`${what} on both sides`, async () => {
      const [a, b] = [await this.channelOf('alice', id), await this.channelOf('bob', id)];
      return a !== undefined && b !== undefined && wanted(a) && wanted(b) ? ([a, b] as const) : undefined;
    });
  }

  async arm(by: Name, ...lines: readonly string[]): Promise<void> {
    await this.network.nodes[by].call('dev-disconnect', { rules: [...lines] });
  }

  private async armed(by: Name): Promise<number> {
    return (await this.network.nodes[by].call('dev-disconnect')).rules.length;
  }

  /** Resolves when the message that was waited for has come and the connection is cut; nobody takes it up again here. */
  untilCut(by: Name): Promise<true> {
    return until(`${by} to cut`, async () => ((await this.armed(by)) === 0 ? true : undefined), quick);
  }

  /** Resolves when every rule was used, whatever the number of connections that takes. */
  untilUsed(by: Name): Promise<true> {
    return this.until(`${by} to use all rules`, async () => ((await this.armed(by)) === 0 ? true : undefined));
  }

  /** The messages about channels that both say meanwhile, sorted. */
  async noted(doing: () => Promise<unknown>): Promise<readonly Said[]> {
    await this.reach();
    for (const name of names) await this.network.nodes[name].call('dev-disconnect', { rules: [] });
    await doing();
    // The last message may be on its way when its effect is seen already.
    let said = await this.said();
    for (let before = -1; before !== said.length; said = await this.said()) {
      before = said.length;
      await sleep(250);
    }
    return said;
  }

  private async said(): Promise<readonly Said[]> {
    const out: Said[] = [];
    for (const name of names)
      for (const [message, count] of Object.entries((await this.network.nodes[name].call('dev-disconnect')).sent))
        for (let nth = 1; nth <= count && !besides.has(message); nth++) out.push([name, message as MessageName, nth]);
    return out.sort();
  }

  /** Resolves once neither holds an HTLC. */
  async noneLeft(): Promise<void> {
    for (const name of names)
      await until(`${name} to be done with all HTLCs`, async () =>
        (await idle(this.network.nodes[name])) ? true : undefined,
      );
  }
}
