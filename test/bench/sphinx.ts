/** Onions under each backend: built for the longest and for a usual route, peeled in both formats, failures read back. */
import { construct } from '../../onion/construct.ts';
import type { Extra } from '../../onion/eobframe.ts';
import { createFailure, readFailure } from '../../onion/failureonion.ts';
import type { HopData, OnionHop } from '../../onion/packet.ts';
import { writeForward } from '../../onion/payload.ts';
import { peel } from '../../onion/peel.ts';
import { zeros } from '../../wire/bytes.ts';
import { pointOf, sha256 } from '../../wire/crypto.ts';
import { msat, secretKey, shortChannelId } from '../../wire/units.ts';
import { type Bench, type Scope, underEachBackend } from './harness.ts';

const nodeKey = secretKey(sha256(Uint8Array.of(1)));
const sessionKey = secretKey(sha256(Uint8Array.of(2)));
const node = pointOf(nodeKey);
const associatedData = sha256(Uint8Array.of(3));

const fields = {
  shortChannelId: shortChannelId(1n << 60n),
  amtToForward: msat(1_000_000n),
  outgoingCltvValue: 800_000,
};
const frame = (extra?: Extra): HopData => ({ kind: 'frame', frame: { ...fields, extra } });
const stream: HopData = { kind: 'tlv', stream: writeForward(fields) };
const blobs = (count: number): Extra => ({ protocol: 1, paymentId: zeros(11), blobs: Array(count).fill(zeros(65)) });

const route = (length: number, data: HopData): readonly OnionHop[] => Array.from({ length }, () => ({ node, data }));
const build = (hops: readonly OnionHop[]) => construct({ sessionKey, associatedData, hops });

const measure = (scope: Scope, backend: string): void => {
  const routes = {
    'construct, 20 frames': route(20, frame()),
    'construct, 5 frames': route(5, frame()),
    'construct, 5 TLV payloads': route(5, stream),
    'construct, 4 frames and one with a blob': [...route(4, frame()), ...route(1, frame(blobs(1)))],
  };
  for (const [row, hops] of Object.entries(routes)) scope.rate(row, backend, () => build(hops));

  const packets = {
    'peel a frame': build(route(20, frame())).packet,
    'peel a frame with 12 blobs': build([...route(1, frame(blobs(12))), ...route(1, frame())]).packet,
    'peel a TLV payload': build(route(5, stream)).packet,
  };
  for (const [row, packet] of Object.entries(packets))
    scope.rate(row, backend, () => {
      if (peel({ nodeKey, packet, associatedData }).kind !== 'forward') throw new Error('not forwarded');
    });

  const { sharedSecrets } = build(route(20, frame()));
  const reason = createFailure(sharedSecrets[0] ?? zeros(32), { name: 'mpp_timeout' });
  scope.rate('read a failure (27 layers)', backend, () => {
    if (readFailure(sharedSecrets, reason).kind !== 'attributed') throw new Error('not attributed');
  });
};

export const bench: Bench = {
  name: 'sphinx',
  about: 'onions built and peeled under each backend',
  run: async (scope) => {
    scope.table('Sphinx onions of 1,366 bytes');
    await underEachBackend((backend) => measure(scope, backend));
  },
};
