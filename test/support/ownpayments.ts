/** Our own payments over channels that answer as the test says. */
import type { PaymentRequest } from '../../amp/io.ts';
import type { Outlet } from '../../amp/route.ts';
import { schemes } from '../../amp/schemes.ts';
import { strategies } from '../../amp/strategies.ts';
import { Graph } from '../../node/graph/graph.ts';
import { Windows } from '../../node/pay/congestion.ts';
import { FlowTurns } from '../../node/pay/flowturns.ts';
import { decodeOrigin } from '../../node/pay/origin.ts';
import { Payments } from '../../node/pay/payments.ts';
import { PaymentStore } from '../../node/pay/paymentstore.ts';
import { Gate } from '../../node/store/gate.ts';
import { memoryStore } from '../../node/store/memory.ts';
import { hex } from '../../wire/bytes.ts';
import type { PaymentHash } from '../../wire/units.ts';
import { outlet } from '../amp/byhand.ts';
import { nodeOf } from '../amp/payer.ts';
import { bytes32 } from '../amp/receiver.ts';
import { heldClock, keptLog } from './quiet.ts';

const fatal = (error: unknown): void => {
  throw error;
};
/** Lets everything run that does not wait for the clock. */
export const turn = async (): Promise<void> => {
  for (let i = 0; i < 5; i++) await new Promise(setImmediate);
};

export interface Sent {
  readonly attempt: number;
  readonly paymentHash: PaymentHash;
  readonly origin: Uint8Array;
}

/** Payments on a disk, with two channels to the payee that carry 700 sat each. */
export const openPayments = async (
  disk = new Map<string, Uint8Array>(),
  out: readonly Sent[] = [],
  resumed = true,
  given: { readonly outlets?: readonly Outlet[]; readonly away?: readonly Outlet[] } = {},
) => {
  const clock = heldClock();
  const flowTurns = new FlowTurns(clock);
  const store = memoryStore(disk);
  const gate = new Gate(store, fatal);
  const sent: Sent[] = [...out];
  const known = new Set<string>();
  const ours = new Set<string>();
  /** Payment hashes at whose offer something inside the node throws. */
  const troubled = new Set<string>();
  const trouble = { steps: false };
  const carries = {
    outlets: [outlet(0, 700_000n), { ...outlet(0, 700_000n), scid: outlet(1, 1n).scid }] as readonly Outlet[],
    away: [] as readonly Outlet[],
    ...given,
  };
  const payments = new Payments({
    ...{ store, gate, clock, log: keptLog(), fatal },
    paymentStore: await PaymentStore.load(store, gate),
    channels: () => ({
      outlets: () => carries.outlets,
      away: () => carries.away,
      isPreimageKnown: (hash) => known.has(hex(hash)),
      offer: (_, { paymentHash, origin }) => {
        if (troubled.has(hex(paymentHash))) throw new TypeError('a bug');
        const from = decodeOrigin(origin);
        if (from.kind !== 'payment') throw new Error('expected an offer of a payment');
        sent.push({ attempt: from.attempt, paymentHash, origin });
        return true;
      },
      offeredHtlcs: () => out.map(({ origin }) => ({ channel: 'c', htlc: { origin } })),
    }),
    isOwnInvoice: async (hash) => ours.has(hex(hash)),
    learn: () => undefined,
    windows: new Windows(() => clock.now()),
    flowTurns,
    routes: { graph: new Graph(), now: () => 0, source: nodeOf(9), tlvOnly: () => false },
    context: () => {
      if (trouble.steps) throw new TypeError('a bug');
      return { now: Math.floor(clock.now() / 1000), millis: clock.now(), height: 500, schemes, strategies };
    },
  });
  await payments.load();
  if (resumed) payments.resume();
  await turn();
  const tick = async (seconds: number): Promise<void> => {
    for (let i = 0; i < seconds; i++) {
      clock.pass(1000);
      payments.tick();
      await turn();
    }
  };
  return { disk, payments, sent, known, ours, troubled, trouble, carries, tick, clock, flowTurns };
};

/** What a caller of `pay` would say beside the request. */
export const noteOf = (request: PaymentRequest) => ({
  ...{ paymentHash: 'paymentHash' in request ? request.paymentHash : bytes32(77), hints: [] },
  ...{ label: undefined, bolt11: undefined, description: undefined },
});
