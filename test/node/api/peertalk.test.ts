/** What callers have a node say to its peers: `ping` and `sendcustommsg`. */
import { afterEach, describe, expect, test } from 'vitest';
import { ping } from '../../../node/api/methods/peers/ping.ts';
import { sendcustommsg } from '../../../node/api/methods/peers/sendcustommsg.ts';
import type { Node } from '../../../node/core/running.ts';
import { hex, zeros } from '../../../wire/bytes.ts';
import { patient } from '../../support/api.ts';
import { eventually, type TestPeers, testPeers } from '../../support/peers.ts';
import { heldClock } from '../../support/quiet.ts';

const ending: TestPeers[] = [];
afterEach(async () => {
  for (const one of ending.splice(0)) await one.peers.stop();
});

/** Two connected nodes, and the methods over the first, whose waits have a clock of their own. */
const connected = async () => {
  const [us, them] = [await testPeers(1), await testPeers(2)];
  ending.push(us, them);
  const peer = await us.peers.connect(them.id, { host: '127.0.0.1', port: them.port });
  const theirs = await eventually(() => them.ready[0]);
  const clock = heldClock();
  const node = { peers: us.peers, ports: { clock } } as unknown as Pick<Node, 'peers' | 'ports'>;
  const id = hex(them.id);
  return {
    ...{ us, them, peer, theirs, clock, id },
    ping: (given: object = {}, call = patient) => ping.handler(node, ping.params.parse({ id, ...given }), call),
    send: (msg: string) => sendcustommsg.handler(node, sendcustommsg.params.parse({ node_id: id, msg }), patient),
  };
};

describe('ping', () => {
  test('answers with the bytes of the pong, and at once with 0 where none is asked for', async () => {
    const { ping } = await connected();
    expect(await ping()).toEqual({ totlen: 132 });
    expect(await ping({ len: 65_529, pongbytes: 65_531 })).toEqual({ totlen: 65_535 });
    expect(await ping({ pongbytes: 0 })).toEqual({ totlen: 4 });
    expect(await ping({ pongbytes: 65_532 })).toEqual({ totlen: 0 });
  });

  test('is not answered by a pong of another size, and ends with the connection', async () => {
    const { ping, peer, theirs } = await connected();
    const waits = ping({ len: 10, pongbytes: 20 }).catch(({ message }: Error) => message);
    // The test ends here where the answer came: a peer that takes no pings has to be one that is gone.
    theirs.send({ name: 'pong', ignored: zeros(16) });
    expect(await waits).toEqual({ totlen: 24 });
    peer.pongs.next(1_000, patient.signal).catch(() => undefined);
    await expect(ping()).rejects.toMatchObject({ code: -32602, data: { field: 'id' } });
    peer.close('test');
    expect(peer.pongs.isWaiting).toBe(false);
  });

  test('that nobody answers ends after thirty seconds, and one of a caller who goes away at once', async () => {
    const { ping, peer, clock } = await connected();
    // Whatever the peer answers is not looked at.
    peer.pongs.note = () => undefined;
    const waits = ping().catch((error: unknown) => error);
    clock.pass(30_000);
    expect(await waits).toMatchObject({ code: -1, message: expect.stringContaining('no answer within 30 seconds') });
    const caller = new AbortController();
    const given = ping({}, caller).catch((error: unknown) => error);
    caller.abort();
    expect(await given).toMatchObject({ code: -1 });
    expect(peer.pongs.isWaiting).toBe(false);
    // Who was gone before it began waits for nothing either.
    await expect(ping({}, caller)).rejects.toMatchObject({ code: -1 });
    expect(peer.pongs.isWaiting).toBe(false);
  });

  test('of a node that is no peer is refused', async () => {
    const { ping } = await connected();
    await expect(ping({ id: `02${'a1'.repeat(32)}` })).rejects.toMatchObject({ message: /^not connected to 02a1/ });
  });
});

describe('sendcustommsg', () => {
  test('sends a message of an odd type that nobody here knows, as it is', async () => {
    const { send, them, us } = await connected();
    // The other node ignores such a message, so what comes behind it is heard all the same.
    expect(await send(`ffff${'ab'.repeat(100)}`)).toEqual({ status: 'Message sent to the peer' });
    us.peers.get(them.id)?.send({ name: 'warning', channel_id: zeros(32) as never, data: new Uint8Array() });
    expect(await eventually(() => them.received.at(-1))).toMatchObject({ name: 'warning' });
    expect(them.log.some((line) => line.includes('"type":65535'))).toBe(true);
  });

  test.each([
    ['', '2 bytes'],
    ['ff', '2 bytes'],
    ['0010', 'type 16 is init'],
    ['0080aa', 'type 128 is update_add_htlc'],
    ['fffe', 'type 65534 is even'],
  ])('%s is refused, and nothing is sent', async (msg, words) => {
    const { send, them } = await connected();
    await expect(send(msg)).rejects.toMatchObject({
      code: -32602,
      message: expect.stringContaining(words),
      data: { field: 'msg' },
    });
    expect(them.ended).toEqual([]);
  });
});
