/** What a node makes of a peeled onion, and how little a new EOB protocol takes. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { construct } from '../../onion/construct.ts';
import type { Extra } from '../../onion/eobframe.ts';
import { type EobProtocol, type Hop, type Registry, readHop } from '../../onion/eobprotocols.ts';
import type { HopData } from '../../onion/packet.ts';
import { writeFinal, writeForward } from '../../onion/payload.ts';
import { peel } from '../../onion/peel.ts';
import { concat, text, utf8, zeros } from '../../wire/bytes.ts';
import { pointOf } from '../../wire/crypto.ts';
import { msat, secretKey, shortChannelId } from '../../wire/units.ts';
import { finalPayload, forwardPayload } from './arbitrary.ts';

/** Protocol 14 for this test: a text for a forwarder, zero-padded over as many blobs as it needs. */
const note: EobProtocol<never, string> = {
  name: 'note',
  forward: (_frame, { blobs }) => {
    const words = text(concat(...blobs)).replace(/\0+$/, '');
    return words === '' ? { refuse: { name: 'invalid_realm' } } : { accept: words };
  },
};
const writeNote = (words: string): Extra => {
  const padded = concat(utf8(words), zeros(65 - (utf8(words).length % 65)));
  const blobs = Array.from({ length: padded.length / 65 }, (_, i) => padded.slice(65 * i, 65 * (i + 1)));
  return { protocol: 14, paymentId: zeros(11), blobs };
};
const registry: Registry<number, string> = new Map<number, EobProtocol<number, string>>([
  [14, note],
  [15, { name: 'count', final: (_frame, { blobs }) => ({ accept: blobs.length }) }],
]);

const nodeKeys = [3, 4, 5].map((n) => secretKey(new Uint8Array(32).fill(n)));
const associatedData = zeros(32);
const fields = { shortChannelId: shortChannelId(7n), amtToForward: msat(1000n), outgoingCltvValue: 500 };
const frame = (extra?: Extra): HopData => ({ kind: 'frame', frame: { ...fields, extra } });

/** Sends an onion along as many of the three nodes as there are data, and returns what each of them reads. */
const travel = (datas: readonly HopData[]): readonly Hop<number, string>[] => {
  const hops = datas.map((data, i) => ({ node: pointOf(nodeKeys[i] ?? secretKey(zeros(0))), data }));
  const { packet } = construct({ sessionKey: secretKey(new Uint8Array(32).fill(9)), associatedData, hops });
  const read: Hop<number, string>[] = [];
  let current = packet;
  for (const nodeKey of nodeKeys.slice(0, datas.length)) {
    const hop = readHop(registry, peel({ nodeKey, packet: current, associatedData }));
    read.push(hop);
    if (hop.kind === 'forward') current = hop.next;
  }
  return read;
};

describe('a protocol of one’s own', () => {
  const words =
    'Forwarders read this, and nobody else on the route can. It takes more than one blob of sixty-five bytes.';

  test('an EOB protocol of one’s own carries a text to a middle hop, and the HTLC is forwarded', () => {
    expect(travel([frame(), frame(writeNote(words)), frame()])).toMatchObject([
      { kind: 'forward', payload: fields, note: undefined },
      { kind: 'forward', payload: fields, note: { protocol: 14, value: words } },
      { kind: 'final', payload: { form: 'frame', amtToForward: msat(1000n), outgoingCltvValue: 500 } },
    ]);
  });

  test('an EOB protocol of one’s own may refuse its blobs, and the HTLC fails with its failure', () => {
    expect(travel([frame(writeNote('')), frame()])[0]).toMatchObject({
      kind: 'refused',
      failure: { name: 'invalid_realm' },
    });
  });

  test('an EOB protocol of one’s own is read at the final hop', () => {
    expect(travel([frame({ protocol: 15, paymentId: zeros(11), blobs: [zeros(65), zeros(65)] })])[0]).toMatchObject({
      kind: 'final',
      payload: { form: 'eob', protocol: 15, meaning: 2 },
    });
  });

  test.each([
    { what: 'unknown to the final hop', datas: [frame({ ...writeNote('x'), protocol: 13 })] },
    { what: 'unknown to a forwarder', datas: [frame({ ...writeNote('x'), protocol: 13 }), frame()] },
  ])('an EOB protocol that is $what fails the HTLC with invalid_realm', ({ datas }) => {
    expect(travel(datas)[0]).toMatchObject({ kind: 'refused', failure: { name: 'invalid_realm' } });
  });

  test.each([
    { what: 'for forwarders at the final hop', datas: [frame(writeNote('x'))] },
    { what: 'for final hops at a forwarder', datas: [frame({ ...writeNote('x'), protocol: 15 }), frame()] },
  ])('an EOB protocol $what fails the HTLC with invalid_onion_payload, at the signal', ({ datas }) => {
    const failure = { name: 'invalid_onion_payload', type: 0n, offset: 21 };
    expect(travel(datas)[0]).toMatchObject({ kind: 'refused', failure });
  });
});

describe('TLV payloads', () => {
  test('TLV payloads reach forwarder and final hop with every field that their sender gave them', () => {
    fc.assert(
      fc.property(forwardPayload, finalPayload, (forward, final) => {
        const datas = [writeForward(forward), writeFinal(final)].map((stream): HopData => ({ kind: 'tlv', stream }));
        const [first, last] = travel(datas);
        expect(first).toMatchObject({ kind: 'forward', payload: forward, note: undefined });
        expect(last?.kind === 'final' && last.payload).toEqual({ form: 'tlv', ...final });
      }),
      { numRuns: 60 },
    );
  });

  test('TLV payloads of a final hop are refused at a forwarder, and those of a forwarder at the final hop', () => {
    const final = writeFinal({ ...fields, paymentData: { paymentSecret: zeros(32), totalMsat: msat(1n) } });
    const forward = writeForward(fields);
    expect(travel([final, final].map((stream) => ({ kind: 'tlv', stream })))[0]).toMatchObject({
      failure: { name: 'invalid_onion_payload', type: 8n },
    });
    expect(travel([{ kind: 'tlv', stream: forward }])[0]).toMatchObject({
      failure: { name: 'invalid_onion_payload', type: 6n },
    });
  });
});

test('a packet that cannot be read is passed through as it is', () => {
  const peeled = peel({ nodeKey: secretKey(new Uint8Array(32).fill(3)), packet: zeros(1366), associatedData });
  expect(readHop(registry, peeled)).toEqual(peeled);
  expect(peeled).toMatchObject({ kind: 'malformed', failure: { name: 'invalid_onion_key' } });
});
