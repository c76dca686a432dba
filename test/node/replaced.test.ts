/** A connection that another takes the place of while a channel is busy: each hears only what is meant for it. */
import { expect, test } from 'vitest';
import { Channels } from '../../node/channels/channels.ts';
import { ChannelHost } from '../../node/channels/host.ts';
import type { HostParts } from '../../node/channels/hostparts.ts';
import type { Peer } from '../../node/peer/peer.ts';
import { Gate } from '../../node/store/gate.ts';
import { memoryStore } from '../../node/store/memory.ts';
import type { Message } from '../../wire/message.ts';
import { context, coreOf, offerOf, openRequest, ready, secretOf } from '../channel/pair.ts';
import { memoryLog } from '../support/peers.ts';

/** A connection as far as a channel uses it, and what it was given to send. */
const connection = () => {
  const sent: Message[] = [];
  const ended: string[] = [];
  const peer = {
    id: openRequest.peer,
    features: new Set<string>(),
    send: (message: Message) => void sent.push(message),
    close: (why: string) => void ended.push(why),
  };
  return { peer: peer as unknown as Peer, sent, ended };
};

/** A host with a channel in use, over a connection that the test can replace. */
const bench = () => {
  const store = memoryStore();
  const fatal = (error: unknown) => {
    throw error;
  };
  const first = connection();
  let now: Peer | undefined = first.peer;
  const channels = new Channels(() => context);
  const parts: Partial<HostParts> = {
    ...{
      store,
      fatal,
      onError: fatal,
      log: memoryLog(),
      limitedLog: memoryLog(),
      gate: new Gate(store, fatal),
      channels,
    },
    onOnline: () => undefined,
    clock: { now: () => 0, after: () => () => undefined },
    peers: { get: () => now } as unknown as HostParts['peers'],
  };
  const host = new ChannelHost(parts as HostParts);
  const pair = ready();
  const entry = host.create('a', openRequest.peer, [pair.a.state, []]);
  const replace = () => {
    const next = connection();
    now = next.peer;
    host.connected(next.peer);
    return next;
  };
  return { host, channels, entry, first, replace, id: coreOf(pair.a).channelId };
};

const names = (sent: readonly Message[]) => sent.map(({ name }) => name);

test('what a channel was asked before it heard of the new connection goes to the old one, and to nobody if that is gone', async () => {
  const { channels, first, replace } = bench();
  channels.push('a', offerOf(5_000_000n, 1));
  const second = replace();
  channels.push('a', offerOf(6_000_000n, 2));
  await channels.settled();
  expect(names(first.sent)).toEqual(['update_add_htlc']);
  expect(names(second.sent)).toEqual(['channel_reestablish']);
});

test('what the old connection said goes before the new one; its faults end the old one', async () => {
  const { channels, first, replace, id, entry } = bench();
  const stray = { name: 'update_fulfill_htlc', channel_id: id, id: 9n, payment_preimage: secretOf(1) } as const;
  entry.machine.push({ type: 'message', message: stray });
  const second = replace();
  await channels.settled();
  expect(names(first.sent)).toEqual(['warning']);
  expect(first.ended).toEqual(['unknown_htlc: id 9']);
  expect([names(second.sent), second.ended]).toEqual([['channel_reestablish'], []]);
});

test('two connections that come one after the other are each begun anew', async () => {
  const { channels, replace } = bench();
  const [second, third] = [replace(), replace()];
  await channels.settled();
  expect([names(second.sent), names(third.sent)]).toEqual([['channel_reestablish'], ['channel_reestablish']]);
});
