/** What `close` answers, and what is said of a channel that is being closed. */
import { afterEach, describe, expect, test } from 'vitest';
import { networkOf } from '../../node/ports/network.ts';
import { addressOfScript } from '../../node/wallet/address.ts';
import { unhex } from '../../wire/bytes.ts';
import { channelId } from '../../wire/units.ts';
import { becomes, type LocalPair, startPair } from '../support/pair.ts';

const pairs: LocalPair[] = [];
afterEach(async () => {
  for (const pair of pairs.splice(0)) await pair.stop();
});

const regtest = networkOf('regtest');
const addressOf = (...script: readonly number[]): string => addressOfScript(Uint8Array.from(script), regtest) ?? '';
const twenty = new Array(20).fill(7);
const p2pkh = addressOf(0x76, 0xa9, 20, ...twenty, 0x88, 0xac);
const p2sh = addressOf(0xa9, 20, ...twenty, 0x87);
const p2wpkh = addressOf(0, 20, ...twenty);
const p2tr = addressOf(0x51, 32, ...new Array(32).fill(7));

const opened = async () => {
  const pair = await startPair();
  pairs.push(pair);
  await pair.endow('alice', 1_010_000n);
  const id = await pair.open(1_000_000n);
  await pair.endow('alice', 100_000n);
  const close = (more: object = {}) => pair.nodes.alice.call('close', { id, ...more });
  return { pair, id, close };
};

describe('a destination that is not paid', () => {
  test('is refused at once, with the reason, and the channel goes on', async () => {
    const { pair, id, close } = await opened();
    for (const destination of [p2pkh, p2sh])
      await expect(close({ destination })).rejects.toThrow(
        /^destination: a peer takes only addresses of P2WPKH and P2WSH/,
      );
    expect((await pair.channel('alice', id))?.state).toBe('CHANNELD_NORMAL');
    await pair.nodes.bob.stop();
    await becomes('bob to be gone', async () => (await pair.channel('alice', id))?.peer_connected === false);
    await expect(close({ destination: p2tr })).rejects.toThrow(/^destination: the peer is away/);
    pair.nodes.bob.stop = async () => undefined;
  });

  test('because another is, is refused with the one that stands; the same one may be said again', async () => {
    const { close } = await opened();
    const { type, txids } = await close({ destination: p2wpkh });
    expect(type).toBe('mutual');
    await expect(close({ destination: p2tr })).rejects.toThrow(
      `destination: a close is under way that pays to another: ${p2wpkh}`,
    );
    expect(await close({ destination: p2wpkh })).toMatchObject({ type: 'mutual', txids });
    expect(await close()).toMatchObject({ type: 'mutual', txids });
  });
});

test('who closes is shown on both sides while it lasts and when it is in the chain', async () => {
  const { pair, id, close } = await opened();
  expect((await pair.channel('alice', id))?.closer).toBeUndefined();
  await close();
  for (const state of ['CLOSINGD_COMPLETE', 'ONCHAIN']) {
    await pair.reaches('alice', id, state);
    await pair.reaches('bob', id, state);
    expect((await pair.channel('alice', id))?.closer).toBe('local');
    expect((await pair.channel('bob', id))?.closer).toBe('remote');
    await pair.mine();
  }
});

test('a connection that this node ended is past once the peer is there again, and no news once the closing is agreed', async () => {
  const { pair, id, close } = await opened();
  const { channels } = pair.nodes.alice.node;
  const status = async (): Promise<readonly string[]> => (await pair.channel('alice', id))?.status ?? [];
  const [entry] = channels.entries.values();
  // Only who funds may say it.
  const message = { name: 'update_fee', channel_id: channelId(unhex(id)), feerate_per_kw: 1_000 } as const;
  const ended = async (): Promise<void> => {
    entry?.machine.push({ type: 'message', message });
    await entry?.machine.settled();
    expect(await status()).toContain('we ended the connection: fee_from_fundee');
  };
  await ended();
  const again = 'connected again, after we ended the connection: fee_from_fundee';
  await becomes('the peer to be there again', async () => (await status()).includes(again));
  expect(await status()).not.toContain('we ended the connection: fee_from_fundee');
  await ended();
  expect(await status()).not.toContain(again);
  await becomes('the peer to be there again', async () => (await status()).includes(again));
  expect(await close()).toMatchObject({ type: 'mutual' });
  expect((await status()).join()).not.toContain('ended the connection');
});
