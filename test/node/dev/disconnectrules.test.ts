/** What a connection under --dev-disconnect lets through, and when it ends. */
import { describe, expect, test } from 'vitest';
import { cutRule } from '../../../node/config/devrules.ts';
import { DisconnectRules } from '../../../node/dev/disconnectrules.ts';
import type { SecureStream } from '../../../node/peer/noisestream.ts';
import { decodeMessage, encodeMessage, type MessageName } from '../../../wire/message.ts';
import { channelId, point } from '../../../wire/units.ts';
import { memoryLog } from '../../support/peers.ts';

const channel_id = channelId(new Uint8Array(32));
const raw = {
  ping: encodeMessage({ name: 'ping', num_pong_bytes: 0, ignored: new Uint8Array() }),
  pong: encodeMessage({ name: 'pong', ignored: new Uint8Array() }),
  shutdown: encodeMessage({ name: 'shutdown', channel_id, scriptpubkey: new Uint8Array(22) }),
};
type Short = keyof typeof raw;
const nameOf = (message: Uint8Array): MessageName | 'unknown' => decodeMessage(message).name;

/** A stream that gives these batches, then ends when it is closed; what is sent and when it closes is noted. */
const bare = (batches: readonly (readonly Short[])[] = []) => {
  const noted: string[] = [];
  let closed: () => void = () => undefined;
  const end = new Promise<void>((resolve) => {
    closed = resolve;
  });
  const stream: SecureStream = {
    remote: point(Uint8Array.of(2, ...new Uint8Array(32))),
    connection: {
      remote: { host: '', port: 0 },
      received: (async function* () {})(),
      send: async () => undefined,
      close: () => undefined,
    },
    send: (message) => void noted.push(nameOf(message)),
    received: (async function* () {
      for (const batch of batches) yield batch.map((name) => raw[name]);
      await end;
      throw new Error('torn');
    })(),
    unsent: 0,
    taken: 0,
    flushed: () => Promise.resolve(),
    close: () => {
      noted.push('closed');
      closed();
    },
  };
  return { stream, noted };
};

const rulesOf = (...lines: readonly string[]) => new DisconnectRules(memoryLog(), lines.map(cutRule));
const turn = () => new Promise((resolve) => setImmediate(resolve));

describe('what is sent', () => {
  test.each([
    [['-WIRE_SHUTDOWN'], ['ping', 'closed']],
    [['+WIRE_SHUTDOWN'], ['ping', 'shutdown', 'closed']],
    [['$WIRE_SHUTDOWN'], ['ping', 'ping', 'shutdown', 'ping']],
    [['=WIRE_SHUTDOWN'], ['ping', 'shutdown', 'ping', 'shutdown', 'ping']],
    [['0WIRE_SHUTDOWN'], ['ping']],
    [['xWIRE_SHUTDOWN'], ['ping', 'shutdown']],
    [['-WIRE_SHUTDOWN*2'], ['ping', 'shutdown', 'ping', 'closed']],
    // Only the first rule counts, and only messages that are sent.
    [
      ['-WIRE_PONG', '-WIRE_SHUTDOWN'],
      ['ping', 'shutdown', 'ping', 'shutdown', 'ping'],
    ],
    [
      ['<WIRE_SHUTDOWN', '-WIRE_PING'],
      ['ping', 'shutdown', 'ping', 'shutdown', 'ping'],
    ],
    [
      ['=WIRE_PING*2', '-WIRE_SHUTDOWN'],
      ['ping', 'shutdown', 'ping', 'closed'],
    ],
    [[], ['ping', 'shutdown', 'ping', 'shutdown', 'ping']],
  ] as const)('under the rules %j is %j', async (lines, expected) => {
    const { stream, noted } = bare();
    const cut = rulesOf(...lines).wrap(stream);
    for (const name of ['ping', 'shutdown', 'ping', 'shutdown', 'ping'] as const) cut.send(raw[name]);
    await turn();
    expect(noted).toEqual(expected);
  });

  test('the rules are one line for all connections', () => {
    const cuts = rulesOf('=WIRE_PING', '$WIRE_PING', '$WIRE_PONG');
    const [one, other] = [bare(), bare()];
    const first = cuts.wrap(one.stream);
    const second = cuts.wrap(other.stream);
    first.send(raw.ping);
    second.send(raw.ping);
    first.send(raw.ping);
    expect([one.noted, other.noted]).toEqual([['ping', 'ping'], []]);
    expect(cuts.left.map(({ text }) => text)).toEqual(['$WIRE_PONG']);
    cuts.set([cutRule('$WIRE_PING')]);
    second.send(raw.ping);
    expect([other.noted, cuts.left]).toEqual([[], []]);
  });
});

describe('what arrives', () => {
  const read = async (...lines: readonly string[]) => {
    const { stream, noted } = bare([['ping', 'shutdown'], ['pong']]);
    const cut = rulesOf(...lines).wrap(stream);
    const taken: string[] = [];
    let end = '';
    const reading = (async () => {
      for await (const batch of cut.received) {
        for (const message of batch) taken.push(nameOf(message));
        // What is said in answer to the message that is waited for still goes out.
        if (taken.at(-1) === 'shutdown') cut.send(raw.pong);
      }
    })().catch((error: Error) => {
      end = error.message;
    });
    await turn();
    await turn();
    stream.close();
    await reading;
    return { taken, end, noted: noted.slice(0, -1) };
  };

  test('is handed on, and the end is what it was', async () => {
    expect(await read()).toEqual({ taken: ['ping', 'shutdown', 'pong'], end: 'torn', noted: ['pong'] });
  });
  test('is the last that is taken, under <', async () => {
    expect(await read('<WIRE_SHUTDOWN')).toEqual({
      taken: ['ping', 'shutdown'],
      end: 'cut as dev-disconnect says: <WIRE_SHUTDOWN',
      noted: ['pong', 'closed'],
    });
  });
  test('is lost, under !', async () => {
    expect(await read('!WIRE_SHUTDOWN')).toEqual({
      taken: ['ping'],
      end: 'cut as dev-disconnect says: !WIRE_SHUTDOWN',
      noted: ['closed'],
    });
  });
  test('is not heard once the line is dead', async () => {
    expect(await read('0WIRE_PONG')).toEqual({ taken: ['ping', 'shutdown'], end: 'torn', noted: [] });
    const { stream } = bare([['ping']]);
    const cut = rulesOf('xWIRE_PING').wrap(stream);
    cut.send(raw.ping);
    const first = cut.received[Symbol.asyncIterator]().next();
    stream.close();
    await expect(first).rejects.toThrow('torn');
  });
});
