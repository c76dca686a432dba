/** A line of two nodes of ours and two LDK nodes: lea, ada, lou, bob, with a channel between neighbours. */
import { expect } from 'vitest';
import { type Network, startNetwork } from '../../node/regtest/demo/network.ts';
import { until } from '../../node/regtest/demo/wait.ts';
import { Ours } from './ours.ts';
import { Ldk } from './peer.ts';

export interface Line {
  readonly net: Network<'ada' | 'bob'>;
  readonly ada: Ours;
  readonly bob: Ours;
  readonly lea: Ldk;
  readonly lou: Ldk;
  stop(): Promise<void>;
}

/** How much of each channel its opener gives away: half. */
const sat = 1_000_000n;
const pushMsat = 500_000_000n;

/** Resolves once all four know this many channels in both directions. */
const allKnow = async ({ ada, bob, lea, lou }: Line, channels: number): Promise<void> => {
  for (const { node } of [ada, bob])
    await until(`${node.name} to know ${channels} channels`, async () => {
      const known = await node.call('listchannels');
      return known.channels.filter((one) => one.active && one.public).length === 2 * channels ? true : undefined;
    });
  for (const ldk of [lea, lou])
    await until(`${ldk.name} to know ${channels} channels`, async () => {
      const known = await ldk.call('graph');
      return known.filter(({ directions }) => directions === 2).length === channels ? true : undefined;
    });
};

/**
 * Starts the line. The channel in the middle is always public; those at the ends, which LDK opens, are as told, and private
 * ones may have option_scid_alias in their type.
 */
export const startLine = async (announce: boolean, scidPrivacy = false): Promise<Line> => {
  const flags = ['--log-level', 'debug'];
  const net = await startNetwork({ nodes: { ada: flags, bob: flags } });
  const started: Ldk[] = [];
  const stop = async (): Promise<void> => {
    for (const ldk of started) await ldk.stop();
    await net.stop();
  };
  const startLdk = async (name: string): Promise<Ldk> => {
    const ldk = await Ldk.start({ name, dir: net.dir, bitcoind: net.bitcoind, scidPrivacy });
    started.push(ldk);
    return ldk;
  };
  try {
    const [ada, bob] = [new Ours(net.nodes.ada), new Ours(net.nodes.bob)];
    const [lea, lou] = [await startLdk('lea'), await startLdk('lou')];
    await net.fund({ ada: [5_000_000n] });
    await ada.connect(lea, 'theirs');
    const first = await lea.call('open', { id: ada.node.id, sat, pushMsat, announce });
    await ada.connect(lou, 'theirs'); // ours would be made anew by itself
    const second = await ada.node.call('fundchannel', { id: lou.id, amount: sat, push_msat: pushMsat });
    await bob.connect(lou, 'theirs');
    const third = await lou.call('open', { id: bob.node.id, sat, pushMsat, announce });
    await net.mine(6);
    await ada.agree(lea, first.channelId);
    await ada.agree(lou, second.channel_id);
    await bob.agree(lou, third.channelId);
    expect((await lea.channel(first.channelId)).scidPrivacy).toBe(scidPrivacy);
    const line = { net, ada, bob, lea, lou, stop };
    await allKnow(line, announce ? 3 : 1);
    return line;
  } catch (error) {
    await stop();
    throw error;
  }
};
