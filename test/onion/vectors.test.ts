/** Published onions, built and taken apart again, byte for byte. */
import { describe, expect, test } from 'vitest';
import { construct, hopSize } from '../../onion/construct.ts';
import { generateFiller } from '../../onion/filler.ts';
import { blindingFactor, generateKey, hopSecrets } from '../../onion/keys.ts';
import { HOPS_LENGTH } from '../../onion/packet.ts';
import { peel } from '../../onion/peel.ts';
import { hex, unhex, xor } from '../../wire/bytes.ts';
import { chacha20Stream, pointOf } from '../../wire/crypto.ts';
import { cases, load, type TraceFile, traced, tracedPacket } from './cases.ts';

describe.each(cases)('$name', (vector) => {
  test(`${vector.name} is built as published`, () => {
    const { packet, sharedSecrets } = construct(vector);
    expect(hex(packet)).toBe(vector.packet);
    vector.steps.forEach((step, i) => {
      if (step.sharedSecret !== undefined) expect(hex(sharedSecrets[i] ?? new Uint8Array())).toBe(step.sharedSecret);
    });
  });

  test(`${vector.name} is peeled hop by hop to what its sender wrote`, () => {
    let packet = unhex(vector.packet);
    vector.hops.forEach(({ node, data }, i) => {
      const nodeKey = vector.nodeKeys[i];
      const step = vector.steps[i];
      if (nodeKey === undefined || step === undefined) throw new Error(`no key or step for hop ${i}`);
      expect(pointOf(nodeKey)).toEqual(node);
      const peeled = peel({ nodeKey, packet, associatedData: vector.associatedData });
      const last = i === vector.hops.length - 1;
      if (peeled.kind !== 'forward' && peeled.kind !== 'final') throw new Error(`hop ${i}: ${peeled.kind}`);
      expect(peeled.kind).toBe(last ? 'final' : 'forward');
      expect(peeled.data).toEqual(data);
      if (step.sharedSecret !== undefined) expect(hex(peeled.sharedSecret)).toBe(step.sharedSecret);
      if (peeled.kind === 'forward') {
        if (step.next !== undefined) expect(hex(peeled.next)).toBe(step.next);
        packet = peeled.next;
      }
    });
  });
});

describe('bolt04-onion-v0-legacy-trace, what happens inside', () => {
  const { parameters, hops, final_packet } = load<TraceFile>('bolt04-onion-v0-legacy-trace').vectors;
  const rows = Object.values(hops);
  const { hops: route, sessionKey } = traced;

  test('the legacy trace has the keys of every hop as derived here', () => {
    const secrets = hopSecrets(
      sessionKey,
      route.map(({ node }) => node),
    );
    expect(
      secrets.map(({ ephemeralKey, sharedSecret }) => ({
        hop_shared_secret: hex(sharedSecret),
        hop_ephemeral_pubkey: hex(ephemeralKey),
        hop_blinding_factor: hex(blindingFactor(ephemeralKey, sharedSecret)),
        rhokey: hex(generateKey('rho', sharedSecret)),
        mukey: hex(generateKey('mu', sharedSecret)),
      })),
    ).toEqual(
      rows.map(({ hop_shared_secret, hop_ephemeral_pubkey, hop_blinding_factor, rhokey, mukey }) => ({
        hop_shared_secret,
        hop_ephemeral_pubkey,
        hop_blinding_factor,
        rhokey,
        mukey,
      })),
    );
  });

  test('the legacy trace has the filler as generated here', () => {
    const sizes = route.slice(0, -1).map(({ data }) => hopSize(data));
    const streams = rows.map(({ rhokey }) => chacha20Stream(unhex(rhokey), 2 * HOPS_LENGTH));
    expect(hex(generateFiller(sizes, streams, HOPS_LENGTH))).toBe(parameters.filler);
  });

  test('the legacy trace shows each hop’s data as encrypted here', () => {
    rows.forEach((row, i) => {
      const covered = xor(unhex(row.routing_info_unencrypted), chacha20Stream(unhex(row.rhokey), HOPS_LENGTH));
      // The last hop's tail is overwritten by the filler after the stream has run.
      const filler = i === rows.length - 1 ? parameters.filler : '';
      const expected = hex(covered).slice(0, 2 * HOPS_LENGTH - filler.length) + filler;
      expect(row.routing_info_encrypted).toBe(expected);
    });
    expect(rows.map(tracedPacket)[0]).toBe(final_packet);
  });
});
