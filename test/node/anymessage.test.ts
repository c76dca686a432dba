/**
 * Every message with each of its fields at its extremes, said to a whole node in each phase of a channel by the peer that has the
 * channel. Whatever it does about it, the node is there afterwards, has met no error inside itself, and comes up on what it kept.
 *
 * As many as fit into some seconds, drawn anew each time; AMPERE_MESSAGES_SEED repeats a draw, AMPERE_MESSAGES_SECONDS gives each
 * phase more time.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { reestablishMessage } from '../../channel/rules/reestablish.ts';
import { systemClock, systemEntropy } from '../../node/base/entropy.ts';
import { coreOf, isOnline } from '../../node/channels/entry.ts';
import type { Peer } from '../../node/peer/peer.ts';
import { Peers } from '../../node/peer/peers.ts';
import { tcpTransport } from '../../node/peer/tcp.ts';
import type { Chain } from '../../node/ports/ports.ts';
import { memoryStore } from '../../node/store/memory.ts';
import { hex, zeros } from '../../wire/bytes.ts';
import { chainHashOf } from '../../wire/chains.ts';
import { pointOf } from '../../wire/crypto.ts';
import { ourFeatures } from '../../wire/features.ts';
import type { Message, MessageName } from '../../wire/message.ts';
import { channelId, type SecretKey, secretKey } from '../../wire/units.ts';
import { type Extreme, everyMessage, extremesOfMessage } from '../support/extremes.ts';
import { endow, type Ground, type LocalNode, newGround, startLocal } from '../support/inprocess.ts';
import { becomes } from '../support/pair.ts';
import { eventually, memoryLog } from '../support/peers.ts';
import { stranger } from '../support/stranger.ts';

const seconds = Number(process.env['AMPERE_MESSAGES_SECONDS'] ?? 0.35);
const seed = Number(process.env['AMPERE_MESSAGES_SEED'] ?? systemEntropy.bytes(2).join(''));
const temporary = channelId(zeros(32).fill(7));

type Disk = Map<string, Uint8Array>;
let dir: string;
let ground: Ground;
let alice: LocalNode;
let bob: LocalNode;
let silent = false;
const log: string[] = [];
const disks: Record<'alice' | 'bob', Disk> = { alice: new Map(), bob: new Map() };

/** A chain that takes what it is given, and nobody mines while messages are thrown. */
const deaf = (chain: Chain): Chain => ({
  ...chain,
  broadcast: (tx) => (silent ? Promise.resolve() : chain.broadcast(tx)),
});
const start = async (who: 'alice' | 'bob'): Promise<LocalNode> =>
  startLocal({
    ...{ dir: join(dir, who), ground, log: memoryLog(who === 'alice' ? log : []), chain: deaf },
    store: memoryStore(disks[who]),
  });
const restart = async (): Promise<void> => {
  await alice.stop();
  alice = await start('alice');
};
const portOf = ({ node }: LocalNode) => node.peers.address?.port ?? 0;
const entry = () => [...alice.node.channels.entries.values()][0];

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'ampere-any-'));
  ground = await newGround();
  [alice, bob] = [await start('alice'), await start('bob')];
  await endow(ground, alice, [5_000_000n]);
  console.log(`AMPERE_MESSAGES_SEED=${seed}`);
});
afterAll(async () => {
  await alice.stop();
  await rm(dir, { recursive: true, force: true });
});

/** Everything in an order that the seed draws. */
const drawn = <T>(all: readonly T[]): readonly T[] => {
  let state = seed >>> 0;
  const next = (): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state;
  };
  return all
    .map((one) => [next(), one] as const)
    .toSorted(([a], [b]) => a - b)
    .map(([, one]) => one);
};

/** Somebody with this key, who says what the test wants and hears nothing. */
const speaker = (key: SecretKey) => {
  const peers = new Peers({
    key,
    features: ourFeatures('I'),
    chainHash: chainHashOf.regtest,
    transport: tcpTransport(),
    clock: systemClock,
    entropy: systemEntropy,
    log: memoryLog(),
    handlers: { ready: () => undefined, message: () => undefined, closed: () => undefined },
  });
  return {
    connect: (): Promise<Peer> => peers.connect(alice.node.keys.nodeId, { host: '127.0.0.1', port: portOf(alice) }),
    leave: () => peers.stop(),
  };
};

/** Resolves once the node has taken what was said before, or has ended the connection. */
const taken = async (peer: Peer): Promise<void> => {
  let answered = false;
  peer.pingThen('taken', () => {
    answered = true;
  });
  await eventuallySoon(() => answered || peer.closed);
  await alice.node.channels.settled();
};
const eventuallySoon = async (check: () => boolean): Promise<void> => {
  for (let i = 0; i < 5000 && !check(); i++) await new Promise((resolve) => setTimeout(resolve, 1));
  if (!check()) throw new Error('the node neither answers nor ends the connection');
};

interface Phase {
  readonly key: SecretKey;
  readonly begin: readonly Message[];
  /** Whether the channel is where it is to be, after what it begins with. */
  readonly ready: () => boolean;
  readonly fixed: Readonly<Record<string, unknown>>;
  readonly names: readonly MessageName[];
}

/** Messages that each phase is thrown at least. */
const LEAST = 20;

/** Throws what there is time for; after each that the node kept something of, it is started on that. */
const throwAll = async ({ key, begin, ready, fixed, names }: Phase): Promise<number> => {
  const origin: Disk = new Map(disks.alice);
  const all = drawn(names.flatMap((name) => extremesOfMessage(name, fixed)));
  const until = Date.now() + seconds * 1000;
  let who = speaker(key);
  let peer: Peer | undefined;
  let thrown = 0;
  silent = true;
  const check = ({ name, what }: Extreme): void => {
    const wrong = log.filter((line) => /"internal":|could not be|cannot be written/.test(line));
    expect(wrong, `after ${name} with ${what}`).toEqual([]);
  };
  for (const one of all) {
    // However slow the machine is, so many are thrown.
    if (Date.now() > until && thrown > LEAST) break;
    if (peer === undefined || peer.closed) {
      peer = await who.connect();
      for (const message of begin) peer.send(message);
      const now = peer;
      await eventuallySoon(() => ready() || now.closed);
    }
    const before = alice.written.commits;
    peer.sendRaw(one.raw);
    await taken(peer);
    thrown++;
    check(one);
    if (alice.written.commits === before) continue;
    await who.leave();
    await restart();
    check(one);
    await alice.stop();
    for (const name of disks.alice.keys()) disks.alice.delete(name);
    for (const [name, value] of origin) disks.alice.set(name, value);
    alice = await start('alice');
    who = speaker(key);
    peer = undefined;
  }
  await who.leave();
  silent = false;
  await restart();
  log.length = 0;
  return thrown;
};

const ofChannels = everyMessage.filter((name) =>
  /^(open_channel|accept_|funding_|channel_re|shutdown|closing_|update_|commitment|revoke|error|warning|announcement_sig)/.test(
    name,
  ),
);
const point = pointOf(secretKey(zeros(32).fill(5)));
const always = { chain_hash: chainHashOf.regtest, next_per_commitment_point: point };
const nobody = secretKey(zeros(32).fill(9));

/** What the peer with the channel says of it, and whether the node has heard so. */
const withChannel = async (inStep: boolean): Promise<Phase> => {
  const found = [...bob.node.channels.entries.values()][0];
  const core = found && coreOf(found.machine.state);
  const key = bob.node.keys.identity;
  if (core === undefined) throw new Error('no channel');
  await bob.stop();
  const channel_id = core.channelId;
  const ready = () => {
    const ours = entry();
    return ours === undefined || !inStep || isOnline(ours.machine.state);
  };
  const fixed = {
    ...always,
    channel_id,
    temporary_channel_id: channel_id,
    scriptpubkey: Uint8Array.of(0, 20, ...zeros(20)),
  };
  return { key, begin: inStep ? [reestablishMessage(core)] : [], ready, fixed, names: ofChannels };
};
const back = async (): Promise<void> => {
  bob = await start('bob');
  await alice.call('connect', { id: bob.id, host: '127.0.0.1', port: portOf(bob) });
};

describe('a node takes every message with every field at its extremes', () => {
  test('from somebody without a channel', async () => {
    expect(
      await throwAll({ key: nobody, begin: [], ready: () => true, fixed: always, names: everyMessage }),
    ).toBeGreaterThan(LEAST);
  });

  test('for a channel that is proposed', async () => {
    const asked = await stranger(1, { id: alice.node.keys.nodeId, port: portOf(alice) });
    const proposal = await asked.proposal();
    await asked.leave();
    const fixed = { ...proposal, ...always, temporary_channel_id: temporary, channel_id: temporary };
    const begin = [{ ...proposal, temporary_channel_id: temporary }];
    const ready = () => alice.node.channels.entries.size > 0;
    expect(await throwAll({ key: nobody, begin, ready, fixed, names: ofChannels })).toBeGreaterThan(LEAST);
  });

  test('for a channel whose funding is not confirmed', async () => {
    await alice.call('connect', { id: bob.id, host: '127.0.0.1', port: portOf(bob) });
    await alice.call('fundchannel', { id: bob.id, amount: 1_000_000 });
    await eventually(() =>
      coreOf(
        [...bob.node.channels.entries.values()][0]?.machine.state ?? {
          phase: 'abandoned',
          key: '',
          fault: { code: 'force_close' },
        },
      ),
    );
    expect(await throwAll(await withChannel(true))).toBeGreaterThan(LEAST);
  });

  test('for a channel in use, with an HTLC in it', async () => {
    await back();
    ground.mine(6);
    await becomes(
      'a usable channel',
      async () => (await alice.call('listpeerchannels', {})).channels[0]?.state === 'CHANNELD_NORMAL',
    );
    alice
      .call('keysend', { destination: bob.id, amount_msat: 200_000_000, scheme: 'fixed', shards: 2, dev_withhold: 1 })
      .catch(() => undefined);
    await becomes(
      'an HTLC',
      () =>
        (coreOf(entry()?.machine.state ?? { phase: 'abandoned', key: '', fault: { code: 'force_close' } })?.outgoing
          .size ?? 0) > 0,
    );
    await becomes('at rest', async () => {
      await alice.node.channels.settled();
      await bob.node.channels.settled();
      return true;
    });
    expect(await throwAll(await withChannel(true))).toBeGreaterThan(LEAST);
  });

  test('before channel_reestablish', async () => {
    await back();
    expect(await throwAll(await withChannel(false))).toBeGreaterThan(LEAST);
  });

  const ended = async (unilateraltimeout: number, is: () => boolean): Promise<Phase> => {
    const phase = await withChannel(true);
    const id = hex(phase.fixed['channel_id'] as Uint8Array);
    alice.call('close', { id, unilateraltimeout }).catch(() => undefined);
    await becomes('a channel that ends', is);
    await alice.node.gate.allSaved();
    return phase;
  };
  const phaseOf = () => entry()?.machine.state.phase;

  test('for a channel that is closing', async () => {
    await back();
    const phase = await ended(0, () => {
      const state = entry()?.machine.state;
      return state?.phase === 'open' && state.shutdown.ours !== undefined;
    });
    expect(await throwAll(phase)).toBeGreaterThan(LEAST);
  });

  test('for a channel that is given up, and on chain', async () => {
    await back();
    const phase = { ...(await ended(1, () => phaseOf() === 'failed')), ready: () => true };
    expect(await throwAll(phase)).toBeGreaterThan(LEAST);
    await becomes('published', () => [...ground.regtest.pool.entries()].length > 0);
    ground.mine(1);
    await becomes('on chain', () => phaseOf() === 'onchain');
    expect(await throwAll(phase)).toBeGreaterThan(LEAST);
  });
});
