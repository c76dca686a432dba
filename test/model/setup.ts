/**
 * Where every run begins: three nodes with some coins, between neighbours a channel that is open, announced and at rest. It is
 * made once; each run goes on from copies of its chain and disks.
 */
import type { ChannelFeatures } from '../../channel/model/channeltype.ts';
import type { AcceptRequest, Context, Effect, Input, OpenRequest, Step } from '../../channel/model/io.ts';
import { records } from '../../channel/model/persist.ts';
import type { ChannelState } from '../../channel/model/state.ts';
import { acceptChannel, openChannel, transition } from '../../channel/phases/transition.ts';
import { outpointKey } from '../../node/chain/watchrules.ts';
import { CHANNELS } from '../../node/channels/onchain.ts';
import { networkOf } from '../../node/ports/network.ts';
import { loadScripts } from '../../node/regtest/chain/script.ts';
import { buildSigned } from '../../node/wallet/build.ts';
import { keysOf, type NodeKeys } from '../../node/wallet/keys.ts';
import { hex, utf8 } from '../../wire/bytes.ts';
import { chainHashOf } from '../../wire/chains.ts';
import { sha256 } from '../../wire/crypto.ts';
import { channelId, msat, sat, shortChannelId } from '../../wire/units.ts';
import { FAUCET_COIN, FAUCET_COINS, faucetScript, NOBODY } from './faucet.ts';
import { type Grant, Ledger } from './ledger.ts';
import { names } from './names.ts';
import { seedAt } from './stubs/seed.ts';
import { Time } from './time.ts';
import { type Beginning, World } from './world.ts';

/** Where all runs of a kind begin. */
export interface Setup extends Beginning {
  /** The nodes' scripts, in hex, and whose they are. */
  readonly owners: ReadonlyMap<string, number>;
  /** Outpoint keys of the links' funding outputs, and who pays for what becomes of them. */
  readonly fundings: ReadonlyMap<string, { readonly link: number; readonly funder: number }>;
}

export interface SetupOptions {
  /** Which neighbour funds the channel of each link: its left node or its right one. */
  readonly funders: readonly [left: 0 | 1, right: 0 | 1];
  readonly anchors: boolean;
  /** The node whose wallet is empty, if any. */
  readonly emptyWallet?: number | undefined;
}

/** Satoshi of each channel, and what its funder gives away. */
export const CAPACITY = sat(1_000_000n);
export const PUSH = msat(420_000_000n);
/** Satoshi of each coin of a wallet, and how many there are: for fees on chain. */
const COIN = sat(100_000n);
const COINS = 8;
const FUNDING_FEE = 2000n;
export const FEERATE = 1000;

/** The key of the channel over a link, the same on both sides. */
export const channelOf = (link: number): string => `${names[link]}-${names[link + 1]}`;

/** Bounds that a run reaches, and not the same on both sides. */
const limitsOf = (side: 0 | 1) => ({
  dustLimit: sat(side === 0 ? 354n : 546n),
  maxHtlcValueInFlight: msat(side === 0 ? 450_000_000n : 520_000_000n),
  htlcMinimum: msat(side === 0 ? 1n : 1000n),
  toSelfDelay: side === 0 ? 14 : 18,
  maxAcceptedHtlcs: side === 0 ? 8 : 6,
  minimumDepth: 1,
});

interface End {
  state: ChannelState;
  readonly inbox: Extract<Effect, { do: 'send' }>['message'][];
  asked: Extract<Effect, { do: 'fund' }> | undefined;
}

const secret = (...words: readonly (string | number)[]): Uint8Array => sha256(utf8(words.join(' ')));

const funderOf = ({ funders }: SetupOptions, link: number): number => link + (funders[link === 0 ? 0 : 1] ?? 0);

const ground = (keys: readonly NodeKeys[], options: SetupOptions): readonly (readonly Grant[])[] => [
  ...keys.map((own, place) => [
    ...[0, 1].map((link) => ({
      script:
        place === options.emptyWallet && funderOf(options, link) !== place
          ? NOBODY
          : own.script({ branch: 0, index: link }),
      amount: sat(CAPACITY + FUNDING_FEE),
    })),
    ...Array.from({ length: COINS }, (_, i) => ({
      script: place === options.emptyWallet ? NOBODY : own.script({ branch: 0, index: 2 + i }),
      amount: COIN,
    })),
  ]),
  Array.from({ length: FAUCET_COINS }, () => ({ script: faucetScript, amount: FAUCET_COIN })),
];

/** All that a wallet may have given out in a run. */
const scriptsOf = (keys: NodeKeys): readonly Uint8Array[] =>
  ([0, 1] as const).flatMap((branch) => Array.from({ length: 60 }, (_, index) => keys.script({ branch, index })));

/** Opens the channel of a link by hand, to its first commitments; both sides' records, and the funding transaction. */
const open = (
  link: number,
  options: SetupOptions,
  keys: readonly NodeKeys[],
  grant: (owner: number) => Parameters<typeof buildSigned>[0],
) => {
  const funder = funderOf(options, link);
  const fundee = 2 * link + 1 - funder;
  const at: Context = {
    ...{ height: 1, feerate: FEERATE, highestFeerate: FEERATE },
    ...{ neededFeerate: 0, steadyFeerate: 0 },
    ...{ minFeerate: 253, maxFeerate: 100_000, relayFeerate: 253, lowestRelayFeerate: 253 },
  };
  const features: ChannelFeatures = {
    upfrontShutdown: true,
    largeChannel: false,
    anchors: options.anchors,
    anysegwit: true,
    scidAlias: false,
  };
  const request = (who: number, peer: number) => {
    const own = keys[who];
    const other = keys[peer];
    if (own === undefined || other === undefined) throw new RangeError('no such node');
    return {
      key: channelOf(link),
      seed: secret('channel', link, who),
      peer: other.nodeId,
      chainHash: chainHashOf.regtest,
      features,
      limits: limitsOf(who === link ? 0 : 1),
      shutdownScript: own.script({ branch: 0, index: 10 + link }),
      upfront: false,
      alias: shortChannelId(1n),
    };
  };
  const asking: OpenRequest = {
    ...request(funder, fundee),
    temporaryChannelId: channelId(secret('temporary', link)),
    amount: CAPACITY,
    push: PUSH,
    feerate: FEERATE,
    fundingFeerate: FEERATE,
    announce: true,
  };
  const answering: AcceptRequest = {
    ...request(fundee, funder),
    minimumAmount: sat(20_000n),
    allowStaticRemotekey: true,
  };
  const none: ChannelState = { phase: 'abandoned', key: '', fault: { code: 'force_close' } };
  const [a, b]: readonly [End, End] = [
    { state: none, inbox: [], asked: undefined },
    { state: none, inbox: [], asked: undefined },
  ];
  const perform = (end: End, other: End, [state, effects]: Step): void => {
    end.state = state;
    for (const effect of effects)
      if (effect.do === 'send') other.inbox.push(effect.message);
      else if (effect.do === 'fund') end.asked = effect;
  };
  const feed = (end: End, input: Input): void => perform(end, end === a ? b : a, transition(end.state, input, at));
  perform(a, b, openChannel(asking, at));
  const first = b.inbox.shift();
  if (first?.name !== 'open_channel') throw new Error('expected open_channel');
  perform(b, a, acceptChannel(first, answering, at));
  const pump = (): void => {
    for (let end: End | undefined = a; end !== undefined; end = [a, b].find(({ inbox }) => inbox.length > 0)) {
      const message = end.inbox.shift();
      if (message !== undefined) feed(end, { type: 'message', message });
    }
  };
  pump();
  const own = keys[funder];
  if (a.asked === undefined || own === undefined) throw new Error(`not opened: ${JSON.stringify(b.state.phase)}`);
  const { tx } = buildSigned(grant(funder), [{ script: a.asked.script, amount: CAPACITY }], own);
  feed(a, { type: 'funding_created_by_wallet', tx: new Uint8Array(tx.toBuffer()), output: 0 });
  pump();
  const outpoint = outpointKey(tx.getHash(), 0);
  return {
    tx: new Uint8Array(tx.toBuffer()),
    outpoint,
    funder,
    sides: [[funder, a.state] as const, [fundee, b.state] as const],
  };
};

/** Makes a base, by letting three nodes find the channels on their disks and come to rest. */
const make = async (options: SetupOptions): Promise<Setup> => {
  const keys = await Promise.all(names.map(async (_, place) => keysOf(await seedAt(place), networkOf('regtest').coin)));
  const grants = ground(keys, options);
  const ledger = Ledger.begin(await loadScripts(), grants.flat());
  const granted = ledger.at(1)?.transactions[1];
  if (granted === undefined) throw new Error('nothing was granted');
  const disks = names.map(() => new Map<string, Uint8Array>());
  const fundings = new Map<string, { readonly link: number; readonly funder: number }>();
  for (const link of [0, 1]) {
    const opened = open(link, options, keys, (owner) => {
      const vout = owner * (COINS + 2) + link;
      return [{ txid: granted.txid, vout, amount: sat(CAPACITY + FUNDING_FEE), path: { branch: 0, index: link } }];
    });
    ledger.send(opened.tx);
    fundings.set(opened.outpoint, { link, funder: opened.funder });
    for (const [place, state] of opened.sides)
      for (const [key, value] of records(state)) disks[place]?.set(`${CHANNELS}${channelOf(link)}/${key}`, value);
  }
  for (let i = 0; i < 7; i++) ledger.mine();

  const world = new World({ ledger, disks, now: new Time().now }, { anchors: false, faulty: undefined });
  for (const place of names.keys()) await world.start(place);
  await world.settle();
  for (const link of world.wires.links.keys()) await world.join(link);
  await world.settle();
  // Announcements are said again a little later, for those who dropped them.
  for (const ms of [2000, 6000]) {
    await world.pass(ms);
    await world.settle();
  }
  for (const { node, name } of world.sites) {
    if (node === undefined) throw new Error(`${name} did not start: ${world.violations.join('\n')}`);
    const usable = [...node.channels.entries.values()].filter(({ machine }) => machine.state.phase === 'open');
    const seen = [...node.graph.channels].flatMap(({ policies }) => policies.filter((policy) => policy !== undefined));
    if (usable.length !== (name === 'bob' ? 2 : 1) || seen.length !== 4)
      throw new Error(
        `${name}: ${usable.length} channels open, ${seen.length} policies known\n${world.lines.join('\n')}`,
      );
  }
  const base = {
    ledger: world.ledger,
    disks: world.sites.map(({ disk }) => new Map(disk.durable)),
    now: world.time.now,
    owners: new Map(keys.flatMap((own, place) => scriptsOf(own).map((script) => [hex(script), place] as const))),
    fundings,
  };
  await world.end();
  return base;
};

const made = new Map<string, Promise<Setup>>();

export const setupFor = ({ funders, anchors, emptyWallet }: SetupOptions): Promise<Setup> => {
  const options = { funders, anchors, emptyWallet };
  const name = JSON.stringify(options);
  const base = made.get(name) ?? make(options);
  made.set(name, base);
  return base;
};
