/** Payments without an invoice: to whom they are sent, and how many blocks they leave, whatever either side asks of invoices. */

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { schemeNames } from '../../amp/schemes.ts';
import { spontaneousAmp } from '../../node/api/methods/payments/keysend.ts';
import { announcedNode } from '../../node/graph/announced.ts';
import type { Peer } from '../../node/peer/peer.ts';
import { unhex } from '../../wire/bytes.ts';
import { bitmapOf } from '../../wire/features.ts';
import { decodeMessage } from '../../wire/message.ts';
import { idOf, nodeAnnouncement } from '../support/graph.ts';
import { becomes, type LocalPair, startPair } from '../support/pair.ts';

const READS_FRAMES = bitmapOf([171]);
const DEMANDS_FRAMES = bitmapOf([170]);
const NOTHING = bitmapOf([]);

describe('a payment without an invoice', () => {
  const refusal = (
    peer: Uint8Array | undefined,
    announced: Uint8Array | undefined,
    force = false,
    scheme?: string,
  ): string => {
    const said = announced && nodeAnnouncement('payee', 1, { features: announced });
    const message = said && decodeMessage(said);
    const node = message?.name === 'node_announcement' && said ? announcedNode(message) : undefined;
    const known = {
      peers: { get: () => (peer === undefined ? undefined : ({ theirFeatures: peer } as Peer)) },
      graph: { node: () => node },
    };
    try {
      return `sent by ${spontaneousAmp(known, idOf('payee'), force, scheme)}`;
    } catch (error) {
      return (error as Error).message;
    }
  };

  test.each([
    ['a peer that reads frames', READS_FRAMES, undefined],
    ['a peer that demands it of others', DEMANDS_FRAMES, undefined],
    ['a peer that reads frames, though an old announcement of it does not say so', READS_FRAMES, NOTHING],
    ['a node that announces it', undefined, READS_FRAMES],
  ])('is sent to %s', (_, peer, announced) => {
    expect(refusal(peer, announced)).toBe('sent by eob');
  });

  test.each([
    ['a node of which nothing is known', undefined, undefined, 'nothing is known of this node'],
    ['a peer that does not read frames', NOTHING, undefined, 'does not say that it takes payments by AMP'],
    ['a peer that no longer reads frames', NOTHING, READS_FRAMES, 'does not say that it takes payments by AMP'],
    ['a node that announces other features', undefined, bitmapOf([9, 15]), 'feature bit 171'],
  ])('is not sent to %s, unless told to', (_, peer, announced, why) => {
    expect(refusal(peer, announced)).toContain(why);
    expect(refusal(peer, announced)).toContain('force=true');
    expect(refusal(peer, announced, true)).toBe('sent by eob');
  });

  test.each([
    ['a peer that reads it and no frames', bitmapOf([31]), undefined, undefined],
    ['a node that announces it and no frames', undefined, bitmapOf([9, 15, 31]), undefined],
    ['a node that reads both, when told to', bitmapOf([31, 171]), undefined, 'deployed'],
  ])('is sent by the AMP of lnd to %s', (_, peer, announced, scheme) => {
    expect(refusal(peer, announced, false, scheme)).toBe('sent by deployed');
  });

  test('is sent in frames to a node that reads both kinds of AMP', () => {
    expect(refusal(bitmapOf([31, 171]), undefined)).toBe('sent by eob');
    expect(refusal(bitmapOf([31, 171]), undefined, false, 'fixed')).toBe('sent by eob');
  });

  test('is not sent by the AMP that was asked for to a node that reads the other one', () => {
    expect(refusal(bitmapOf([171]), undefined, false, 'deployed')).toContain('feature bit 31');
    expect(refusal(bitmapOf([31]), undefined, false, 'tree')).toContain('feature bit 171');
    expect(refusal(bitmapOf([31]), undefined, true, 'tree')).toBe('sent by eob');
  });

  test('is not sent to a node that demands what nobody here knows, told to or not', () => {
    expect(refusal(undefined, bitmapOf([171, 1000]), true)).toContain('demands feature bit 1000');
  });
});

describe('between nodes whose invoices ask 100 blocks', () => {
  let pair: LocalPair;
  beforeAll(async () => {
    pair = await startPair({ 'cltv-final': '100' });
    await pair.endow('alice', 1_000_000n);
    await pair.open(900_000n);
  });
  afterAll(() => pair.stop());

  test('one without an invoice leaves 43, which the payee takes', async () => {
    const { alice, bob } = pair.nodes;
    const { status, shards } = await alice.call('keysend', { destination: bob.id, amount_msat: 5_000_000n });
    expect(status).toBe('complete');
    // outgoing_cltv_value stands behind realm, channel and amount.
    const frame = unhex(shards?.[0]?.frame ?? '');
    const expiry = new DataView(frame.buffer, frame.byteOffset).getUint32(17);
    expect(expiry - pair.ground.regtest.ledger.tip.height).toBe(43);
  });

  test('no two payments have one set_id, before and after a restart', async () => {
    const setIds = new Set<string>();
    const send = async (scheme: string): Promise<void> => {
      const { alice, bob } = pair.nodes;
      const paid = await alice.call('keysend', { destination: bob.id, amount_msat: 5_000_000n, scheme, shards: 2 });
      const sent = new Set((paid.shards ?? []).flatMap(({ blobs = [] }) => blobs.map((blob) => blob.slice(0, 64))));
      expect(sent.size).toBe(1);
      for (const setId of sent) setIds.add(setId);
    };
    for (const scheme of schemeNames) await send(scheme);
    await pair.restart('alice');
    const { id, node } = pair.nodes.bob;
    await pair.nodes.alice.call('connect', { id, host: '127.0.0.1', port: node.peers.address?.port ?? 0 });
    await becomes('the channel is back', async () =>
      (await pair.nodes.alice.call('listpeerchannels', {})).channels.every(
        ({ reestablished }) => reestablished === true,
      ),
    );
    for (const scheme of schemeNames) await send(scheme);
    expect(setIds.size).toBe(2 * schemeNames.length);
  });
});
