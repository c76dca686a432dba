/** HTLCs of sendpay over channels that answer as a test says, on a disk that can be opened again. */
import type { Outlet } from '../../amp/route.ts';
import { Waits } from '../../node/base/waits.ts';
import { decodeOrigin } from '../../node/pay/origin.ts';
import { PaymentNumbers } from '../../node/pay/paymentnumbers.ts';
import type { PaymentRecord } from '../../node/pay/paymentrecord.ts';
import { type SendpayRequest, Sendpays } from '../../node/pay/sendpays.ts';
import { SendpayStore } from '../../node/pay/sendpaystore.ts';
import type { Store } from '../../node/ports/ports.ts';
import { Gate } from '../../node/store/gate.ts';
import { memoryStore } from '../../node/store/memory.ts';
import { zeros } from '../../wire/bytes.ts';
import { sha256 } from '../../wire/crypto.ts';
import { msat, paymentHash } from '../../wire/units.ts';
import { outlet, scid } from '../amp/byhand.ts';
import { nodeOf } from '../amp/payer.ts';
import { secretOf } from '../amp/receiver.ts';
import { heldClock, keptLog } from './quiet.ts';

export const { preimage } = secretOf(1);
export const hash = paymentHash(sha256(preimage));
export const us = nodeOf(9);
/** What the only channel, to node 0, carries. */
export const CARRIES = 700_000n;

/** Where the channels of these tests keep what their HTLCs were offered for. */
const HTLCS = 'channel/c/';
/** The HTLCs that channels have on a disk, by what they were offered for. */
export const htlcsOn = (disk: ReadonlyMap<string, Uint8Array>): readonly Uint8Array[] =>
  [...disk].flatMap(([key, origin]) => (key.startsWith(HTLCS) ? [origin] : []));

/** An HTLC over two hops, to node 1. */
export const request = (given: Partial<SendpayRequest> = {}): SendpayRequest => ({
  ...{ paymentHash: hash, partid: 0n, groupid: undefined, amount: msat(1_000n), total: msat(1_000n) },
  ...{ destination: nodeOf(1), label: undefined, bolt11: undefined, description: undefined, onion: zeros(1366) },
  route: [
    { node: nodeOf(0), scid: outlet(0, CARRIES).scid },
    { node: nodeOf(1), scid: scid(7) },
  ],
  sharedSecrets: [secretOf(20).preimage, secretOf(21).preimage],
  first: { node: nodeOf(0), scid: outlet(0, CARRIES).scid, amount: msat(1_010n), expiry: 600 },
  ...given,
});
/** One part of a payment of 1,000 msat. */
export const part = (partid: bigint, amount: bigint, given: Partial<SendpayRequest> = {}): SendpayRequest =>
  request({ partid, groupid: 1n, amount: msat(amount), ...given });

export const opened = async (disk = new Map<string, Uint8Array>(), out: readonly Uint8Array[] = []) => {
  /** What was on the disk after each write. */
  const snapshots: ReadonlyMap<string, Uint8Array>[] = [new Map(disk)];
  const memory = memoryStore(disk);
  const store: Store = {
    ...memory,
    commit: async (changes) => {
      await memory.commit(changes);
      snapshots.push(new Map(disk));
    },
  };
  const gate = new Gate(store, (error) => {
    throw error;
  });
  const sent: { readonly number: bigint; readonly origin: Uint8Array }[] = [];
  const outlets: Outlet[] = [outlet(0, CARRIES)];
  const told = { paid: undefined as PaymentRecord | undefined, isOwn: false, isKnown: false, isRefusing: false };
  const beingChecked = new Set<string>();
  const paymentWaits = new Waits<string, PaymentRecord>();
  const sendpays: Sendpays = new Sendpays({
    ...{ clock: heldClock(), log: keptLog(), source: us, beingChecked, paymentWaits },
    store: await SendpayStore.load(store, gate, new PaymentNumbers()),
    channels: {
      outlets: () => outlets,
      away: () => [],
      offer: (_, { origin }) => {
        const from = decodeOrigin(origin);
        if (from.kind !== 'sendpay') throw new Error('expected an offer of sendpay');
        sent.push({ number: from.number, origin });
        // The channel keeps the HTLC before it tells its peer.
        gate.save([{ key: `${HTLCS}${sent.length}`, value: origin }]);
        const { number } = from;
        if (told.isRefusing) queueMicrotask(() => sendpays.outcome(number, { kind: 'refused', why: 'full' }));
        return true;
      },
      isPreimageKnown: () => told.isKnown,
      offeredHtlcs: () => out.map((origin) => ({ channel: 'c', htlc: { origin } })),
    },
    payments: { byHash: async () => told.paid },
    isOwnInvoice: async () => told.isOwn,
  });
  return { disk, gate, snapshots, sendpays, sent, outlets, told, beingChecked, paymentWaits };
};
