/** Which part of a node a peer's message goes to, and what is done about one that nobody has use for. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type DispatchParts, dispatch } from '../../node/core/dispatch.ts';
import type { Peer } from '../../node/peer/peer.ts';
import { hex, text } from '../../wire/bytes.ts';
import {
  decodeMessage,
  encodeMessage,
  isFor,
  type Message,
  type MessageName,
  messages,
  type Recipient,
  recipients,
} from '../../wire/message.ts';
import { channelId, sat, scidOf } from '../../wire/units.ts';
import { announcedOf, announcement, chainHash, gossipOver, idOf, NOW, update } from '../support/graph.ts';
import { eventually } from '../support/peers.ts';
import { arbitraryMessage, messageNames } from '../wire/arbitrary.ts';

const id = channelId(new Uint8Array(32).fill(1));
/** What a peer says of a channel that it alone knows. */
const strange = {
  ...{ channel_id: id, next_commitment_number: 0n, next_revocation_number: 0n },
  your_last_per_commitment_secret: new Uint8Array(32),
  my_current_per_commitment_point: idOf('point'),
};

/** Stand-ins for some methods of each part; a method that the part does not have does not compile. */
type Stubs = { readonly [K in keyof DispatchParts]?: Partial<Record<keyof DispatchParts[K], unknown>> };

/** A dispatcher over a graph, and a peer that keeps what it is told. */
const office = async (channels: number) => {
  const ids = Array.from({ length: channels }, (_, i) => scidOf(100 + i, 1, 0));
  const { graph, gossip, log, take } = gossipOver(ids.map((scid) => announcedOf('a', 'b', scid)));
  for (const scid of ids) {
    await take(announcement('a', 'b', scid));
    await take(update('a', 'b', scid));
  }
  const said: (readonly [string, number])[] = [];
  const ended: string[] = [];
  const early: Message[] = [];
  let turns = 0;
  const counting = (): void => {
    turns++;
    setImmediate(counting).unref();
  };
  counting();
  const peer = {
    id: idOf('peer'),
    key: 'peer',
    send: (message: Message) => void said.push([message.name, turns]),
    answer: (message: Message) => void said.push([message.name, turns]),
    sendRaw: (raw: Uint8Array) => void said.push([`${raw.length} bytes`, turns]),
    warn: (why: string) => void said.push([why, turns]),
    close: (why: string) => void ended.push(why),
    flushed: () => Promise.resolve(),
  } as unknown as Peer;
  const parts = {
    ...{ graph, gossip, log, chainHash, now: () => NOW },
    sync: { heard: () => {}, rangeReply: () => undefined, idsEnd: async () => {} },
    channels: {
      receive: () => undefined,
      channelsWith: () => [],
      byChannelId: (_: unknown, which: Uint8Array) => (which[0] === 1 ? {} : undefined),
    },
    own: { keepSignatures: (_: unknown, m: Message) => void early.push(m) },
    announced: () => undefined,
  } satisfies Stubs as unknown as DispatchParts;
  const tell = (message: Message) => dispatch(parts, peer, message, encodeMessage(message));
  return { tell, said, ended, early, ids };
};

/** What each kind of message reaches in a node that has no channel and asks nothing. */
const reachedBy = async (message: Message): Promise<ReadonlySet<string>> => {
  const reached = new Set<string>();
  const graph = new Proxy({}, { get: () => reached.add('gossip') && (() => []) });
  const parts = {
    ...{ graph, chainHash, now: () => NOW, log: { debug: () => {}, info: () => {}, error: () => {} } },
    gossip: {
      handle: async () => void reached.add('gossip'),
      check: async () => [],
      filter: async () => void reached.add('gossip'),
    },
    sync: {
      heard: () => {},
      rangeReply: () => void reached.add('gossip'),
      idsEnd: async () => void reached.add('gossip'),
    },
    channels: {
      receive: (_: unknown, which: Uint8Array) => reached.add(`channel ${hex(which)}`),
      receiveForAll: () => reached.add('every channel'),
      channelsWith: () => [],
      byChannelId: () => undefined,
    },
    announced: () => void reached.add('gossip'),
    opening: async () => void reached.add('opening'),
  } satisfies Stubs as unknown as DispatchParts;
  const peer = {
    ...{ id: idOf('peer'), key: 'peer', direction: 'out' },
    ...{ send: () => {}, sendRaw: () => reached.add('gossip'), flushed: async () => {} },
    warn: () => reached.add('warning'),
    close: () => reached.add('close'),
  } as unknown as Peer;
  await dispatch(parts, peer, message, encodeMessage(message));
  await eventually(() => reached.size > 0 || !isAnswered(message));
  return reached;
};
/** Whether anything shows that a message arrived: not of what the connection answers itself. */
const isAnswered = ({ name }: Message): boolean =>
  recipients[name] !== 'connection' && (recipients[name] !== 'unused' || isEven(name));
const isEven = (name: MessageName): boolean => messages[name].type % 2 === 0;

describe('the list of recipients', () => {
  const rows = messageNames.map((name) => [name, recipients[name]] as const);
  test.each(rows)('sends %s to: %s', async (name, recipient) => {
    const [message] = fc.sample(arbitraryMessage(name, 'bare'), { numRuns: 1, seed: 7 });
    if (message === undefined) throw new Error('no message');
    const expected = {
      connection: () => [],
      opening: () => ['opening'],
      temporary_channel: () => [`channel ${'temporary_channel_id' in message && hex(message.temporary_channel_id)}`],
      channel: () => [`channel ${'channel_id' in message && hex(message.channel_id)}`],
      channel_or_all: () => [`channel ${'channel_id' in message && hex(message.channel_id)}`],
      gossip: () => (isAnswered(message) ? ['gossip'] : []),
      unused: () => (isEven(name) ? ['warning', 'close'] : []),
    }[recipient]();
    expect([...(await reachedBy(message))]).toEqual(expected);
  });
  test('sends an error or a warning about channel_id zero to every channel with the peer', async () => {
    for (const name of ['error', 'warning'] as const)
      expect([
        ...(await reachedBy({ name, channel_id: channelId(new Uint8Array(32)), data: new Uint8Array() })),
      ]).toEqual(['every channel']);
  });
  test('does not compile without one of the messages', () => {
    const { stfu: _, ...rest } = recipients;
    // @ts-expect-error: stfu has no recipient.
    const incomplete: Record<MessageName, Recipient> = rest;
    expect(Object.keys(incomplete)).toHaveLength(messageNames.length - 1);
  });
  test('leaves no message over once every recipient was asked for, or dispatching would not compile', () => {
    const left = (message: Message): Message => {
      if (isFor(message, 'connection') || isFor(message, 'opening') || isFor(message, 'unused')) return message;
      if (isFor(message, 'gossip') || isFor(message, 'channel_or_all')) return message;
      if (isFor(message, 'channel')) return message;
      // @ts-expect-error: those of temporary channels are left.
      message satisfies never;
      if (isFor(message, 'temporary_channel')) return message;
      return message satisfies never;
    };
    const ping: Message = { name: 'ping', num_pong_bytes: 0, ignored: new Uint8Array() };
    expect(left(ping)).toBe(ping);
  });
});

describe('a message that nobody has use for', () => {
  const even: readonly Message[] = [
    { name: 'stfu', channel_id: id, initiator: 1 },
    {
      name: 'closing_complete',
      ...{ channel_id: id, closer_scriptpubkey: new Uint8Array(0), closee_scriptpubkey: new Uint8Array(0) },
      ...{ fee_satoshis: sat(1n), locktime: 0 },
    },
  ];
  test.each(even.map((message) => [message.name, message] as const))(
    'ends the connection where it demands to be understood: %s',
    async (name, message) => {
      const { tell, said, ended } = await office(0);
      await tell(message);
      expect(said[0]?.[0]).toContain(name);
      expect(ended).toHaveLength(1);
    },
  );
  test('is passed over where it does not, and so are answers that nobody asked for', async () => {
    const { tell, ended } = await office(0);
    await tell({ name: 'peer_storage', blob: new Uint8Array(0) });
    await tell({ name: 'reply_short_channel_ids_end', chain_hash: chainHash, full_information: 1 });
    expect(ended).toEqual([]);
  });
});

describe('a question about the graph', () => {
  test('that takes a long answer lets others have their turn in between', async () => {
    const { tell, said, ids } = await office(150);
    await tell({ name: 'query_short_channel_ids', chain_hash: chainHash, encoded_short_ids: ids });
    await eventually(() => said.length === 301);
    expect((said.at(-1)?.[1] ?? 0) - (said[0]?.[1] ?? 0)).toBeGreaterThanOrEqual(2);
  });
  test('holds back the next of its kind until it is answered whole, and nothing else', async () => {
    const { tell, said, ids } = await office(150);
    const question = { name: 'query_short_channel_ids', chain_hash: chainHash, encoded_short_ids: ids } as const;
    await tell(question);
    await tell({ name: 'channel_reestablish', ...strange });
    const told = said.findIndex(([name]) => name === 'error');
    expect(told).toBeGreaterThan(0);
    expect(told).toBeLessThan(301);
    await tell(question);
    expect(said.length).toBeGreaterThan(301);
  });
  test('however short its answer, is followed by a turn of everybody else', async () => {
    const { tell, said } = await office(1);
    for (let i = 0; i < 3; i++)
      await tell({ name: 'query_channel_range', chain_hash: chainHash, first_blocknum: 0, number_of_blocks: 1000 });
    expect(new Set(said.map(([, turn]) => turn)).size).toBe(3);
  });
  test('whose flags do not fit its ids ends the connection', async () => {
    const { tell, ended, ids } = await office(1);
    await tell({
      name: 'query_short_channel_ids',
      chain_hash: chainHash,
      encoded_short_ids: ids,
      query_flags: [1n, 1n],
    });
    expect(ended).toHaveLength(1);
  });
});

test('an announcement counts for the source of who calls, unless a channel with it has cost somebody something', async () => {
  const sources: unknown[] = [];
  const channel = (scid?: bigint) => ({
    machine: { state: { phase: 'open', core: { params: { role: 'fundee' }, lockin: { scid } } } },
  });
  const caller = { id: idOf('caller'), key: 'caller', direction: 'in', remote: { host: '192.0.2.7' } };
  const raw = announcement('a', 'b', scidOf(1, 1, 1));
  for (const channels of [[], [channel()], [channel(5n)]]) {
    const parts = {
      gossip: { check: async () => [], handle: async (...given: readonly unknown[]) => void sources.push(given[3]) },
      sync: { heard: () => {} },
      channels: { channelsWith: () => channels },
    } satisfies Stubs as unknown as DispatchParts;
    await dispatch(parts, { ...caller } as unknown as Peer, decodeMessage(raw) as Message, raw);
  }
  await eventually(() => sources.length === 3);
  expect(sources).toEqual(['192.0.2.7', '192.0.2.7', undefined]);
});

test('signatures for a channel that is not ready here are kept for it, of one that is unknown they are not', async () => {
  const { tell, early } = await office(0);
  const signature = new Uint8Array(64) as never;
  const m = { name: 'announcement_signatures', short_channel_id: scidOf(1, 1, 1) } as const;
  for (const which of [1, 2])
    await tell({
      ...m,
      ...{
        channel_id: channelId(new Uint8Array(32).fill(which)),
        node_signature: signature,
        bitcoin_signature: signature,
      },
    });
  expect(early).toHaveLength(1);
  expect(text(new Uint8Array(0))).toBe('');
});
