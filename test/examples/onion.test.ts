/** `ampere/onion` and `ampere/wire`: a packet is built and peeled by hand, hop by hop, and a failure finds its way back. */
import {
  construct,
  createFailure,
  type OnionHop,
  peel,
  readFailure,
  readFinal,
  readForward,
  sessionKeyFrom,
  wrapFailure,
  writeFinal,
  writeForward,
} from 'ampere/onion';
import { msat, pointOf, scidOf, secretKey, sha256, utf8 } from 'ampere/wire';
import { expect, test } from 'vitest';

// Three nodes. A node's id is the point of its key; real keys come from a random number generator.
const keyOf = (name: string) => secretKey(sha256(utf8(name)));
const [bob, carol, dave] = [keyOf('bob'), keyOf('carol'), keyOf('dave')];

// The payment hash is authenticated with every layer, so that no node can use the packet for another HTLC.
const preimage = sha256(utf8('a secret of dave'));
const associatedData = sha256(preimage);

// What each hop reads. Bob has a 65-byte frame, which says to whom he forwards, how much, and until when; Carol has the same as a
// TLV payload, and Dave, who is paid, his own.
const hops: readonly OnionHop[] = [
  {
    node: pointOf(bob),
    data: {
      kind: 'frame',
      frame: {
        shortChannelId: scidOf(700, 1, 0),
        amtToForward: msat(50_100n),
        outgoingCltvValue: 840,
        extra: undefined,
      },
    },
  },
  {
    node: pointOf(carol),
    data: {
      kind: 'tlv',
      stream: writeForward({
        shortChannelId: scidOf(701, 4, 1),
        amtToForward: msat(50_000n),
        outgoingCltvValue: 800,
      }),
    },
  },
  {
    node: pointOf(dave),
    data: {
      kind: 'tlv',
      stream: writeFinal({
        amtToForward: msat(50_000n),
        outgoingCltvValue: 800,
        paymentData: { paymentSecret: sha256(utf8('from the invoice')), totalMsat: msat(50_000n) },
      }),
    },
  },
];

test('each hop of a packet reads its own layer and hands on a packet of the same length', () => {
  const sessionKey = sessionKeyFrom(sha256(utf8('fresh for every packet')));
  const { packet } = construct({ sessionKey, associatedData, hops });
  expect(packet.length).toBe(1366);

  // Bob takes his layer off. `replayTag` is what he remembers, to refuse the packet should it come again.
  const first = peel({ nodeKey: bob, packet, associatedData });
  if (first.kind !== 'forward' || first.data.kind !== 'frame') throw new Error('bob should forward by a frame');
  expect(first.data.frame.amtToForward).toBe(50_100n);
  expect(first.next.length).toBe(1366);

  // Carol does the same with what Bob handed on. What is wrong in a payload is a value, the failure to send back.
  const second = peel({ nodeKey: carol, packet: first.next, associatedData });
  if (second.kind !== 'forward' || second.data.kind !== 'tlv') throw new Error('carol should forward by a TLV payload');
  expect(readForward(second.data.stream)).toMatchObject({ accept: { shortChannelId: scidOf(701, 4, 1) } });

  // Behind Dave's layer there is no further one: he is the destination.
  const third = peel({ nodeKey: dave, packet: second.next, associatedData });
  if (third.kind !== 'final' || third.data.kind !== 'tlv') throw new Error('dave should be paid');
  expect(readFinal(third.data.stream)).toMatchObject({ accept: { amtToForward: 50_000n } });
});

test('a packet that somebody changed, or that is for another HTLC, cannot be peeled', () => {
  const { packet } = construct({ sessionKey: sessionKeyFrom(sha256(utf8('one more'))), associatedData, hops });
  const changed = Uint8Array.from(packet).fill(0, 100, 101);
  for (const input of [
    { nodeKey: bob, packet: changed, associatedData },
    { nodeKey: bob, packet, associatedData: sha256(utf8('another payment hash')) },
  ])
    expect(peel(input)).toMatchObject({ kind: 'malformed', failure: { name: 'invalid_onion_hmac' } });
});

test('a failure is wrapped once at every hop on its way back, and only the payer can say who sent it', () => {
  const { packet, sharedSecrets } = construct({
    ...{ sessionKey: sessionKeyFrom(sha256(utf8('and one more'))), associatedData, hops },
  });
  const first = peel({ nodeKey: bob, packet, associatedData });
  if (first.kind !== 'forward') throw new Error('bob should forward');
  const second = peel({ nodeKey: carol, packet: first.next, associatedData });
  if (second.kind !== 'forward') throw new Error('carol should forward');

  // Carol cannot forward. Bob, who cannot read why, adds his layer.
  const fromCarol = createFailure(second.sharedSecret, { name: 'unknown_next_peer' });
  const fromBob = wrapFailure(first.sharedSecret, fromCarol);

  // The payer has the secrets of all hops: hop 1, counted from 0, is Carol.
  expect(readFailure(sharedSecrets, fromBob)).toEqual({
    kind: 'attributed',
    hop: 1,
    failure: { name: 'unknown_next_peer' },
  });
});
