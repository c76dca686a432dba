/** A peer that says nothing, on whole nodes: what waits behind it goes back in time, nothing is signed late, no channel is lost. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { isSigned } from '../../channel/model/updates.ts';
import { SIGNING_MARGIN } from '../../channel/rules/deadlines.ts';
import { coreOf } from '../../node/channels/entry.ts';
import { type Hurried, hurriedClock } from '../support/hurried.ts';
import { endow, type Ground, type LocalNode, newGround, startLocal } from '../support/inprocess.ts';
import { becomes, reaches, stateOf } from '../support/observed.ts';
import { memoryLog } from '../support/peers.ts';

type Name = 'alice' | 'bob' | 'carol';
const names = ['alice', 'bob', 'carol'] as const;

let dir = '';
let ground: Ground;
let nodes: Record<Name, LocalNode>;
let logs: Record<Name, string[]>;
let clock: Hurried;
/** alice's with bob, and bob's with carol. */
let near = '';
let far = '';

const start = (name: Name, flags: Readonly<Record<string, string>>): Promise<LocalNode> =>
  startLocal({ dir: join(dir, name), ground, log: memoryLog(logs[name]), flags, clock });

const caughtUp = () =>
  becomes('all at the tip', () =>
    names.every((name) => nodes[name].node.follower.top.hash === ground.regtest.ledger.tip.hash),
  );
const mine = async (blocks: number): Promise<void> => {
  for (let i = 0; i < blocks; i++) {
    ground.mine(1);
    await caughtUp();
    for (const name of names) await nodes[name].node.channels.settled();
  }
};
const open = async (from: Name, to: Name): Promise<string> => {
  const { id, node } = nodes[to];
  await nodes[from].call('connect', { id, host: '127.0.0.1', port: node.peers.address?.port ?? 0 });
  const { channel_id } = await nodes[from].call('fundchannel', { id, amount: 1_000_000 });
  await mine(6);
  for (const name of [from, to]) await reaches(nodes[name], channel_id, 'CHANNELD_NORMAL');
  return channel_id;
};

const line = async (flags: Readonly<Record<string, string>> = {}): Promise<void> => {
  nodes = { alice: await start('alice', {}), bob: await start('bob', flags), carol: await start('carol', {}) };
  for (const name of ['alice', 'bob'] as const) await endow(ground, nodes[name], [2_000_000n]);
  await caughtUp();
  near = await open('alice', 'bob');
  far = await open('bob', 'carol');
  await becomes('alice to know the way', async () => {
    const { channels } = await nodes.alice.call('listchannels', {});
    const { nodes: known } = await nodes.alice.call('listnodes', { id: nodes.carol.id });
    return channels.length === 4 && known[0]?.features !== undefined;
  });
};

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'ampere-waits-'));
  ground = await newGround();
  clock = hurriedClock();
  logs = { alice: [], bob: [], carol: [] };
});
afterEach(async () => {
  await Promise.all(names.map((name) => nodes[name].stop()));
  await rm(dir, { recursive: true, force: true });
});

/** bob's end of a channel. */
const bobs = (id: string) => {
  const entry = [...nodes.bob.node.channels.entries.values()].find(
    ({ machine: { state } }) => 'core' in state && Buffer.from(state.core.channelId).toString('hex') === id,
  );
  const core = entry && coreOf(entry.machine.state);
  if (entry === undefined || core === undefined) throw new Error('no such channel');
  return { entry, core };
};
const waiting = () => [...bobs(far).core.outgoing.values()].filter(({ added }) => !isSigned(added));
const held = () => bobs(near).core.incoming.size;

/** carol keeps so many of her answers to herself; bob changes the feerate and signs, and waits for the first of them. */
const silence = async (answers: number): Promise<void> => {
  const answer = ['$WIRE_REVOKE_AND_ACK', '$WIRE_COMMITMENT_SIGNED'];
  await nodes.carol.call('dev-disconnect', { rules: Array(answers).fill(answer).flat() });
  await nodes.bob.call('dev-feerate', { id: far, feerate: 3000 });
  await keptBack(answers - 1);
};

/** Resolves once carol has kept an answer back, and has so many to go. */
const keptBack = (left: number): Promise<void> =>
  becomes(`an answer kept back, ${left} to go`, async () => {
    const { rules } = await nodes.carol.call('dev-disconnect', {});
    return rules.length === 2 * left;
  });

/** alice pays carol by way of bob; resolves with how that ends. */
const pay = (retry_for: number): Promise<string> =>
  nodes.alice
    .call('keysend', { destination: nodes.carol.id, amount_msat: 100_000_000, scheme: 'fixed', retry_for })
    .then(
      ({ status }) => status,
      () => 'failed',
    );

const allNormal = async (): Promise<void> => {
  for (const [name, id] of [
    ['alice', near],
    ['bob', near],
    ['bob', far],
    ['carol', far],
  ] as const)
    expect([name, await stateOf(nodes[name], id)]).toEqual([name, 'CHANNELD_NORMAL']);
};

test('a peer that owes a revocation is disconnected after a minute, and again, and what waited goes back', async () => {
  await line();
  await silence(2);
  const paid = pay(1);
  await becomes('an offer that waits', () => waiting().length > 0);
  clock.hurry(61);
  await becomes('it is back', () => held() === 0);
  expect(await paid).toBe('failed');
  const overdue = () =>
    logs.bob.filter((text) => text.startsWith('disconnecting the peer') && text.includes('awaited revoke_and_ack'))
      .length;
  expect(overdue()).toBe(1);
  await keptBack(0);
  await becomes('bob to wait again', () => bobs(far).core.link.status === 'online');
  // Nothing more is put behind it.
  expect(await pay(1)).toBe('failed');
  expect(waiting()).toEqual([]);
  clock.hurry(61);
  await becomes('it is disconnected again', () => overdue() === 2);
  await becomes('the revocation', () => bobs(far).core.head.signedAt === undefined);
  await allNormal();
  expect(await pay(20)).toBe('complete');
});

test('an offer that waits behind it until its expiry is near goes back, and is not signed when the peer revokes at last', async () => {
  await line({ 'peer-timeout': '3600' });
  await silence(1);
  const paid = pay(1);
  await becomes('an offer that waits', () => waiting().length > 0);
  const [offer] = waiting();
  const [incoming] = bobs(near).core.incoming.values();
  if (offer === undefined || incoming === undefined) throw new Error('nothing waits');
  await mine(offer.expiry - SIGNING_MARGIN - 1 - ground.regtest.ledger.tip.height);
  expect(waiting()).toHaveLength(1);
  await mine(1);
  expect(await paid).toBe('failed');
  await becomes('it is back', () => held() === 0);
  expect(logs.bob.some((text) => text.includes('offer_withdrawn'))).toBe(true);
  await becomes('carol to have revoked', () => bobs(far).core.head.signedAt === undefined);
  // Beyond the height at which alice would have had it back from the chain.
  await mine(incoming.expiry + 4 - ground.regtest.ledger.tip.height);
  expect(bobs(far).core.outgoing.size).toBe(0);
  expect(bobs(far).core.head.signedOut).toBe(0n);
  await allNormal();
});

describe('an offer to a channel that is given up at that moment', () => {
  test('goes back to where it came from without a restart', async () => {
    await line();
    const { machine } = bobs(far).entry;
    const push = machine.push.bind(machine);
    machine.push = (input) => {
      if (input.type === 'offer') {
        push({ type: 'funding_unconfirmed' });
        push({ type: 'funding_double_spent', depth: 1000 });
      }
      push(input);
    };
    const paid = pay(1);
    await becomes('the channel to be gone', async () => (await stateOf(nodes.bob, far)) === 'none');
    await becomes('the HTLC to be back', () => held() === 0);
    expect(await paid).toBe('failed');
  });
});
