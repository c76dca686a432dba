/** What strangers may leave waiting with a whole node: few channels of few peers, whatever they ask for, and no address. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { systemClock } from '../../node/base/entropy.ts';
import { DISPLACEMENTS, isUnfunded } from '../../node/channels/unfundedlimits.ts';
import { sha256 } from '../../wire/crypto.ts';
import { channelId, sat, txid } from '../../wire/units.ts';
import { endow, type Ground, type LocalNode, newGround, startLocal } from '../support/inprocess.ts';
import { becomes, kept, reaches } from '../support/observed.ts';
import { memoryLog } from '../support/peers.ts';
import { stranger } from '../support/stranger.ts';

let dir = '';
let ground: Ground;
let alice: LocalNode;
let bob: LocalNode;

/** No time passes, so that nobody is allowed more than at the start. */
const now = Date.now();
const start = (name: 'alice' | 'bob'): Promise<LocalNode> =>
  startLocal({ dir: join(dir, name), ground, log: memoryLog(), clock: { ...systemClock, now: () => now } });

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'ampere-caps-'));
  ground = await newGround();
  [alice, bob] = await Promise.all([start('alice'), start('bob')]);
  await endow(ground, alice, Array(4).fill(1_000_000n));
  await becomes('the coins', () => alice.node.wallet.spendable(1) === 4_000_000n);
  await connect();
  const { channel_id } = await alice.call('fundchannel', { id: bob.id, amount: 300_000, announce: false });
  ground.mine(1);
  await reaches(bob, channel_id, 'CHANNELD_NORMAL');
});
afterAll(async () => {
  await Promise.all([alice.stop(), bob.stop()]);
  await rm(dir, { recursive: true, force: true });
});

const portOf = ({ node }: LocalNode): number => node.peers.address?.port ?? 0;
const connect = () => alice.call('connect', { id: bob.id, host: '127.0.0.1', port: portOf(bob) });
const address = () => ({ id: bob.node.keys.nodeId, port: portOf(bob) });

describe('channels that wait for their funding', () => {
  const unknown = (n: number) => ({ txid: txid(sha256(Uint8Array.of(1, n >> 8, n))), index: 0 });
  /** As many channels as the node takes from this stranger, each with a funding nobody has seen, and its last answer. */
  const fill = async (n: number, most: number) => {
    const who = await stranger(n, address());
    let last = '';
    let taken = 0;
    while (taken < most) {
      const accepted = await who.open();
      last = typeof accepted === 'string' ? accepted : await accepted.fund(unknown(n * 10 + taken));
      if (last !== 'signed') break;
      taken++;
    }
    await who.leave();
    return { taken, last };
  };

  /** The peers, other than alice, of whom bob keeps channels whose funding is not confirmed. */
  const peersWaiting = () =>
    new Set(
      [...bob.node.channels.entries.values()]
        .filter((one) => one.peer !== alice.id && isUnfunded(one))
        .map(({ peer }) => peer),
    );

  test('are at most four of one peer, of fifty peers, also after a restart: the oldest whose funding nobody has seen gives way', async () => {
    expect(await fill(1, 5)).toEqual({
      taken: 4,
      last: 'at most 4 of your channels may wait for their funding to confirm',
    });
    expect((await fill(3, 1)).taken).toBe(1);
    ground.mine(1);
    await becomes('the block', () => bob.node.follower.top.height === ground.regtest.ledger.next.height - 1);
    // One whose funding is in the mempool, and waits for a block.
    const real = await stranger(2, address());
    const accepted = await real.open();
    if (typeof accepted === 'string') throw new Error(accepted);
    const funding = { txid: ground.faucet.give([{ script: accepted.script, amount: sat(100_000n) }]), index: 0 };
    expect(await accepted.fund(funding)).toBe('signed');
    await real.leave();
    // Alice has a confirmed channel with bob, so that she does not count among the fifty.
    for (let n = 4; n <= 50; n++) expect((await fill(n, 1)).taken).toBe(1);
    expect(peersWaiting().size).toBe(50);
    const [oldest, next, seen] = [...peersWaiting()];

    // No stranger keeps another one out.
    expect((await fill(51, 1)).taken).toBe(1);
    expect(peersWaiting().size).toBe(50);
    expect(peersWaiting()).not.toContain(oldest);
    expect((await fill(4, 1)).taken).toBe(1);

    await bob.stop();
    bob = await start('bob');
    expect(peersWaiting().size).toBe(50);
    expect((await fill(52, 1)).taken).toBe(1);
    expect(peersWaiting().size).toBe(50);
    expect(peersWaiting()).not.toContain(next);
    expect(peersWaiting()).toContain(seen);
    expect((await fill(1, 5)).taken).toBe(4);
    await connect();
    const { channel_id } = await alice.call('fundchannel', { id: bob.id, amount: 200_000, announce: false });
    ground.mine(1);
    await reaches(bob, channel_id, 'CHANNELD_NORMAL');
  });

  test('stay as few under a flood, of which a source has few give way: the rest is answered with an error', async () => {
    // What we say of our own channels is written a little later, and has nothing to do with them.
    const records = async () => (await kept(bob, 'channel/')).length;
    // One place is free since a funding has confirmed.
    expect((await fill(99, 1)).taken).toBe(1);
    const before = await records();
    const answers = [];
    for (let n = 100; n < 130; n++) {
      const { taken, last } = await fill(n, 1);
      answers.push(taken === 1 ? 'taken' : last);
      expect(peersWaiting().size).toBeLessThanOrEqual(50);
    }
    // Two had others give way before.
    const most = DISPLACEMENTS.burst - 2;
    const why = 'too many peers have channels with this node that wait for their funding; try later';
    expect(answers).toEqual([...Array(most).fill('taken'), ...Array(30 - most).fill(why)]);
    expect(await records()).toBeLessThanOrEqual(before);
    const who = await stranger(200, address());
    const open = await Promise.all(Array.from({ length: 20 }, () => who.open()));
    expect(open).toEqual(Array(20).fill(why));
    await who.leave();
  });

  test('cost no address when they come to nothing, however often somebody asks', async () => {
    const who = await stranger(1, { id: alice.node.keys.nodeId, port: portOf(alice) });
    const ask = async () => expect(typeof (await who.open())).toBe('object');
    const first = await alice.node.wallet.spareScript();
    for (let i = 0; i < 4; i++) await ask();
    await who.leave();
    await becomes('the openings forgotten', () =>
      [...alice.node.channels.entries.values()].every(
        ({ machine }) => machine.state.phase !== 'awaiting_funding_created',
      ),
    );
    expect(await alice.node.wallet.spareScript()).toEqual(first);
  });
});

test('who speaks of a channel that is not there is told so, in the form that makes every peer close it', async () => {
  const who = await stranger(7777, address());
  const channel_id = channelId(new Uint8Array(32).fill(5));
  const point = bob.node.keys.nodeId;
  const secret = new Uint8Array(32).fill(1);
  const say = (next: bigint) =>
    who.peer.send({
      name: 'channel_reestablish',
      channel_id,
      next_commitment_number: next,
      next_revocation_number: 6n,
      your_last_per_commitment_secret: secret,
      my_current_per_commitment_point: point,
    });
  const answers = () => who.heard.filter((message) => 'channel_id' in message);
  say(7n);
  await becomes('an answer', () => answers().length === 2);
  expect(answers()).toMatchObject([
    { name: 'channel_reestablish', channel_id, next_commitment_number: 0n, next_revocation_number: 0n },
    { name: 'error', channel_id },
  ]);
  // Nobody is answered so who says it himself, or the two would go on for ever.
  say(0n);
  await becomes('another answer', () => answers().length === 3);
  expect(answers().at(-1)?.name).toBe('error');
  await who.leave();
});
