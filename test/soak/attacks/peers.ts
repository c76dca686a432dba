/** Attacks of anybody who can reach the port: on connections, handshakes and what BOLT 1 has for all peers. */
import { zeros } from '../../../wire/bytes.ts';
import { encodeMessage } from '../../../wire/message.ts';
import { channelId, preimage } from '../../../wire/units.ts';
import { type Attack, times } from '../attacker.ts';
import { actOne, write } from '../line.ts';

const ping = (pong: number): Uint8Array => encodeMessage({ name: 'ping', num_pong_bytes: pong, ignored: zeros(0) });
/** The longest answer that a ping can ask for (BOLT 1). */
const longest = ping(65_531);

/** Asks for the longest answers and takes none of them. */
export const pingsUnread: Attack = (one) =>
  one.lines(
    20,
    () => 'unread',
    (line) => one.flood(line, () => times(200, longest)),
  );

/** Asks for the longest answers and takes all of them, at the rate of a thin line: 31 KB of pings a second. */
export const pingsRead: Attack = (one) =>
  one.lines(
    1,
    () => 'thrown away',
    (line) => one.flood(line, () => times(67, longest), 100),
  );

/** Asks for nothing but an answer, as fast as answers come. */
export const pingsShort: Attack = (one) =>
  one.lines(
    2,
    () => 'thrown away',
    (line) => one.flood(line, () => times(500, ping(0))),
  );

/** Connects and says nothing. */
export const silent: Attack = (one) => one.sockets(50, async () => undefined);

/** Begins a handshake, which costs the node two multiplications, and leaves it at that. */
export const halfHandshakes: Attack = (one) =>
  one.sockets(20, async (socket, n) => {
    await write(socket, actOne(one.world.target.id, one.key(n)));
    if (n % 2 === 1) socket.destroy();
  });

/** Shakes hands and says nothing more, not even `init`. */
export const speechless: Attack = (one) =>
  one.lines(
    20,
    () => 'thrown away',
    async () => undefined,
    false,
  );

/** Shakes hands, says `init`, hangs up, and comes again. */
export const restless: Attack = (one) =>
  one.lines(
    4,
    () => 'thrown away',
    async (line) => {
      await one.wait(20);
      line.end();
    },
  );

/** Bytes that mean nothing, before the handshake and in it. */
export const garbage: Attack = (one) =>
  one.sockets(4, async (socket, n) => {
    if (n % 2 === 0) await write(socket, actOne(one.world.target.id, one.key(n)));
    for (let i = 0; i < 10 && !socket.destroyed; i++) await write(socket, one.bytes(60_000));
  });

const nobody = channelId(zeros(32).fill(3));
const everybody = channelId(zeros(32));
const text = zeros(65_000).fill(0x41);

/** Complaints as long as a message can be, about channels there are not and about all. */
export const complaints: Attack = (one) => {
  const all = (['error', 'warning'] as const).flatMap((name) =>
    [nobody, everybody].map((channel_id) => encodeMessage({ name, channel_id, data: text })),
  );
  return one.lines(
    3,
    () => 'thrown away',
    (line) => one.flood(line, () => all),
  );
};

const unknown = (type: number, length: number): Uint8Array => {
  const raw = zeros(2 + length);
  raw[0] = type >> 8;
  raw[1] = type & 0xff;
  return raw;
};

/** Messages that no BOLT knows: odd ones are to be passed over, an even one ends the connection, and it comes again. */
export const unknownMessages: Attack = (one) =>
  one.lines(
    3,
    () => 'thrown away',
    (line, n) =>
      one.flood(line, () =>
        n % 3 === 0 ? [unknown(33_000, 10)] : [...times(100, unknown(33_001, 0)), unknown(33_003, 65_000)],
      ),
  );

/** Messages about channels that there are not: each is owed an error. */
export const strangeChannels: Attack = (one) => {
  const all = times(
    50,
    encodeMessage({ name: 'update_fulfill_htlc', channel_id: nobody, id: 0n, payment_preimage: preimage(zeros(32)) }),
  );
  return one.lines(
    3,
    () => 'unread',
    (line) => one.flood(line, () => all),
  );
};
