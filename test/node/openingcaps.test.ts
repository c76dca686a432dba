/** What strangers may leave waiting with a whole node: few channels of few peers, whatever they ask for, and no address. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { sha256 } from '../../wire/crypto.ts';
import { channelId, txid } from '../../wire/units.ts';
import { endow, type Ground, type LocalNode, newGround, startLocal } from '../support/inprocess.ts';
import { becomes, kept, reaches } from '../support/observed.ts';
import { memoryLog } from '../support/peers.ts';
import { stranger } from '../support/stranger.ts';

let dir = '';
let ground: Ground;
let alice: LocalNode;
let bob: LocalNode;

const start = (name: 'alice' | 'bob'): Promise<LocalNode> =>
  startLocal({ dir: join(dir, name), ground, log: memoryLog() });

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
}, 60_000);
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

  test('are at most four of one peer, of fifty peers, also after a restart; whose funding is confirmed is not counted', async () => {
    expect(await fill(1, 5)).toEqual({
      taken: 4,
      last: 'at most 4 of your channels may wait for their funding to confirm',
    });
    // Alice has a confirmed channel with bob, so that she does not count among the fifty.
    for (let n = 2; n <= 50; n++) expect((await fill(n, 1)).taken).toBe(1);
    const full = {
      taken: 0,
      last: 'too many peers have channels with this node that wait for their funding; try later',
    };
    expect(await fill(51, 1)).toEqual(full);
    expect((await fill(2, 1)).taken).toBe(1);

    await bob.stop();
    bob = await start('bob');
    expect(await fill(52, 1)).toEqual(full);
    expect((await fill(1, 1)).taken).toBe(0);
    await connect();
    const { channel_id } = await alice.call('fundchannel', { id: bob.id, amount: 200_000, announce: false });
    ground.mine(1);
    await reaches(bob, channel_id, 'CHANNELD_NORMAL');
  });

  test('stay as few under a flood, each open_channel of which is answered with an error', async () => {
    const channels = bob.node.channels.entries.size;
    // What we say of our own channels is written a little later, and has nothing to do with them.
    const records = async () => (await kept(bob, '')).filter((key) => !key.startsWith('graph/')).length;
    const before = await records();
    for (let n = 100; n < 200; n++) {
      const who = await stranger(n, address());
      const answers = await Promise.all(Array.from({ length: 20 }, () => who.open()));
      expect(answers.every((answer) => typeof answer === 'string' && answer.startsWith('too many peers'))).toBe(true);
      await who.leave();
    }
    expect(bob.node.channels.entries.size).toBe(channels);
    expect(await records()).toBe(before);
  }, 120_000);

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
