/** Lines of a log that strangers can cause: few of each kind and each of them, and what was left out is said. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { systemClock } from '../../node/base/entropy.ts';
import { LINES, limitedLog } from '../../node/base/loglimits.ts';
import { Chains } from '../../node/core/chains.ts';
import type { Peer } from '../../node/peer/peer.ts';
import { channelId } from '../../wire/units.ts';
import { newGround, startLocal } from '../support/inprocess.ts';
import { becomes } from '../support/observed.ts';
import { memoryLog } from '../support/peers.ts';
import { heldClock } from '../support/quiet.ts';
import { stranger } from '../support/stranger.ts';

const opened = () => {
  const clock = heldClock();
  const log = memoryLog();
  const limited = limitedLog(log, {
    now: () => Math.floor(clock.now() / 1000),
    later: (ms, run) => clock.after(ms, run),
  });
  return { clock, log, limited };
};

test('each peer has few lines of a kind at once, and one now and then', () => {
  const { clock, log, limited } = opened();
  for (let i = 0; i < 1_000; i++) limited.warn({ peer: 'mallory', i }, 'nonsense');
  expect(log.lines).toHaveLength(LINES.each.burst);
  // Other kinds of it and the same of others are not held back.
  limited.info({ peer: 'mallory' }, 'other nonsense');
  limited.child({ peer: 'bob' }).warn({}, 'nonsense');
  expect(log.lines).toHaveLength(LINES.each.burst + 2);
  clock.pass(LINES.each.seconds * 1000);
  for (let i = 0; i < 10; i++) limited.warn({ peer: 'mallory' }, 'nonsense');
  expect(log.lines).toHaveLength(LINES.each.burst + 3);
});

test('however many peers there are, all together have few', () => {
  const { log, limited } = opened();
  for (let i = 0; i < 10_000; i++) limited.debug({ from: `192.0.2.${i}` }, 'no handshake');
  expect(log.lines).toHaveLength(LINES.all.burst);
});

test('a log without a limit for all leaves out lines of whoever causes too many, and of nobody else', () => {
  const { clock, log } = opened();
  const time = { now: () => Math.floor(clock.now() / 1000), later: clock.after };
  const limited = limitedLog(log, time, { each: LINES.each });
  for (let i = 0; i < 1_000; i++) limited.info({ peer: 'mallory' }, 'connected');
  for (let i = 0; i < 1_000; i++) limited.info({ peer: `peer ${i}` }, 'connected');
  expect(log.lines).toHaveLength(LINES.each.burst + 1_000);
});

test('strangers who come and go leave room for what is said of the connections of channel peers', () => {
  const { clock, log, limited } = opened();
  const time = { now: () => Math.floor(clock.now() / 1000), later: clock.after };
  const channelPeers = limitedLog(log, time, { each: LINES.each });
  const handlers = new Chains().peerHandlers((peer) => (peer[1] === 0 ? channelPeers : limited));
  /** A peer as these handlers use one; its id begins with 2 and this number. */
  const peerOf = (n: number): Peer => {
    const id = Uint8Array.of(2, n & 0xff, n >> 8, n >> 16, ...new Uint8Array(29));
    return { id, features: new Set() } as unknown as Peer;
  };
  for (let i = 0; i < 1_000; i++) {
    const peer = peerOf((i << 8) + 1);
    handlers.ready(peer);
    handlers.closed(peer, 'it left');
  }
  const of = (start: string) => log.lines.filter((line) => line.startsWith(start)).length;
  expect([of('connected'), of('disconnected')]).toEqual([LINES.all.burst, LINES.all.burst]);
  handlers.ready(peerOf(0));
  handlers.closed(peerOf(0), 'the wire broke');
  expect(log.lines.slice(-2)).toEqual([
    expect.stringMatching(/^connected .*"peer":"0200/),
    expect.stringMatching(/^disconnected .*the wire broke/),
  ]);
});

test('what was left out is said once, soon after, with how many lines and whose', () => {
  const { clock, log, limited } = opened();
  for (let i = 0; i < LINES.each.burst + 30; i++) limited.warn({ peer: 'mallory' }, 'nonsense');
  for (let i = 0; i < LINES.each.burst + 1; i++) limited.info({ channel: 'abc' }, 'failed back');
  const before = log.lines.length;
  clock.pass(60_000);
  expect(log.lines.slice(before)).toEqual([
    'more lines like this were suppressed: nonsense {"lines":30,"last":"mallory"}',
    'more lines like this were suppressed: failed back {"lines":1,"last":"abc"}',
  ]);
  clock.pass(600_000);
  expect(log.lines).toHaveLength(before + 2);
  expect(clock.waiting).toBe(0);
});

test('a peer that speaks of channels that are not there, again and again, fills no log', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'ampere-lines-'));
  const log = memoryLog();
  const now = Date.now();
  const bob = await startLocal({
    dir,
    ground: await newGround(),
    log,
    // No time passes, so that nobody is allowed more than at the start.
    clock: { ...systemClock, now: () => now },
  });
  const who = await stranger(4_242, { id: bob.node.keys.nodeId, port: bob.node.peers.address?.port ?? 0 });
  const errors = () => who.heard.filter(({ name }) => name === 'error').length;
  const most = LINES.each.burst + 10;
  for (let i = 0; i < most; i++)
    who.peer.send({
      name: 'shutdown',
      channel_id: channelId(new Uint8Array(32).fill(i + 1)),
      scriptpubkey: new Uint8Array(),
    });
  await becomes('all answered', () => errors() === most);
  expect(log.lines.filter((line) => line.startsWith('a message of the peer is about a channel'))).toHaveLength(
    LINES.each.burst,
  );
  await who.leave();
  await bob.stop();
  await rm(dir, { recursive: true, force: true });
});
