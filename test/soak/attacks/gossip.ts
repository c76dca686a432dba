/** Attacks by gossip (BOLT 7): questions whose answers are long, and announcements that cost more to check than to make. */
import { chainHashOf } from '../../../wire/chains.ts';
import { encodeMessage } from '../../../wire/message.ts';
import { scidOf } from '../../../wire/units.ts';
import { type Attack, type Attacker, times } from '../attacker.ts';
import { keyOf } from '../line.ts';
import { channelAnnouncementOf, endsOf, nodeAnnouncementOf, nodesFor, updateOf } from '../publicgraph.ts';

const chain_hash = chainHashOf.regtest;
const now = (): number => Math.floor(Date.now() / 1000);

const everything = encodeMessage({
  name: 'gossip_timestamp_filter',
  chain_hash,
  first_timestamp: 0,
  timestamp_range: 0xffff_ffff,
});
const range = encodeMessage({
  name: 'query_channel_range',
  chain_hash,
  first_blocknum: 0,
  number_of_blocks: 0xffff_ffff,
});

/** Asks for the whole graph again and again and takes nothing of it. */
export const filtersUnread: Attack = (one) =>
  one.lines(
    3,
    () => 'unread',
    (line) => one.flood(line, () => times(50, everything)),
  );

/** Asks for the whole graph and takes it, again and again. */
export const filtersRead: Attack = (one) =>
  one.lines(
    1,
    () => 'thrown away',
    (line) => one.flood(line, () => times(5, everything)),
  );

/** Asks for all channels there are, without end, one half reading the answers. */
export const rangeQueries: Attack = (one) =>
  one.lines(
    4,
    (n) => (n % 2 === 0 ? 'unread' : 'thrown away'),
    (line) => one.flood(line, () => times(100, range)),
  );

const idQuery = (one: Attacker): Uint8Array => {
  const { channels } = one.world;
  const id = channels[one.below(channels.length)] ?? scidOf(1, 1, 0);
  return encodeMessage({ name: 'query_short_channel_ids', chain_hash, encoded_short_ids: Array(8000).fill(id) });
};

/** Asks for one channel eight thousand times in a message. */
export const sameIds: Attack = (one) =>
  one.lines(
    4,
    (n) => (n % 2 === 0 ? 'unread' : 'thrown away'),
    (line) => one.flood(line, () => [idQuery(one)]),
  );

/** Asks for as many channels as a message holds, all of which there are. */
export const allIds: Attack = (one) => {
  const query = encodeMessage({
    name: 'query_short_channel_ids',
    chain_hash,
    encoded_short_ids: one.world.channels.slice(0, 8000),
  });
  return one.lines(
    2,
    (n) => (n % 2 === 0 ? 'unread' : 'thrown away'),
    (line) => one.flood(line, () => [query]),
  );
};

/** An announcement, well signed, of a channel in a block that has no such output. */
const ghost = (one: Attacker, n: number): Uint8Array => {
  const key = (which: string) => keyOf(`${one.world.seed}/${one.number}/ghost ${n % 64} ${which}`);
  const ends = { nodes: [key('a'), key('b')], fundings: [key('c'), key('d')] } as const;
  return channelAnnouncementOf(ends, scidOf(1 + one.below(100), one.below(5000), one.below(1000)));
};

/** Announces channels that there are not, each a new one, at half the speed of a core. */
export const ghosts: Attack = (one) => {
  let made = 0;
  return one.lines(
    2,
    () => 'thrown away',
    (line) => one.flood(line, () => Array.from({ length: 10 }, () => ghost(one, made++)), 10),
  );
};

/** Announces one channel that there is not again and again. */
export const sameGhost: Attack = (one) => {
  const batch = times(100, ghost(one, 0));
  return one.lines(
    1,
    () => 'thrown away',
    (line) => one.flood(line, () => batch),
  );
};

/** New terms of one channel two thousand times, then of the next, all of them well signed by its owner. */
export const updates: Attack = (one) => {
  const { channels } = one.world;
  const from = now();
  let said = 0;
  const batch = (): readonly Uint8Array[] =>
    Array.from({ length: 20 }, () => {
      const number = (one.number + Math.floor(said++ / 2000)) % channels.length;
      const scid = channels[number] ?? scidOf(1, 1, 0);
      return updateOf(endsOf(number, channels.length), scid, 0, from + (said % 2000));
    });
  return one.lines(
    1,
    () => 'thrown away',
    (line) => one.flood(line, batch, 20),
  );
};

/** Announcements of nodes as fat as they are kept, and as fat as a message can be. */
export const fatNodes: Attack = (one) => {
  const count = nodesFor(one.world.channels.length);
  const from = now();
  let said = 0;
  const batch = (): readonly Uint8Array[] =>
    Array.from({ length: 5 }, () => {
      said++;
      return nodeAnnouncementOf((one.number * 7 + said) % count, from + said, said % 5 === 0 ? 60_000 : 2_000);
    });
  return one.lines(
    1,
    () => 'thrown away',
    (line) => one.flood(line, batch, 20),
  );
};
