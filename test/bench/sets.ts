/**
 * Sets of 16, 64 and 255 shares as they come in, with their records: what each share costs a payee, and what each costs a payer
 * until it is offered. Either is to stay about the same however large the set is.
 */
import type { AmpRequest, PaymentContext, PaymentEffect, ReceiverContext } from '../../amp/io.ts';
import { defaultLimits } from '../../amp/limits.ts';
import { newPayment, type Payment } from '../../amp/payment.ts';
import { receive } from '../../amp/receiving.ts';
import type { Hop, Outlet } from '../../amp/route.ts';
import type { Scheme } from '../../amp/scheme.ts';
import { schemes } from '../../amp/schemes.ts';
import { pay } from '../../amp/sending.ts';
import { emptyReceiver } from '../../amp/sets.ts';
import { child } from '../../amp/shares.ts';
import { firstPieces, strategies } from '../../amp/strategies.ts';
import { zeros } from '../../wire/bytes.ts';
import { pointOf, sha256 } from '../../wire/crypto.ts';
import { msat, secretKey, shortChannelId } from '../../wire/units.ts';
import type { Bench, Scope } from './harness.ts';

const SIZES = [16, 64, 255] as const;
const entropy = sha256(Uint8Array.of(1));
const node = pointOf(secretKey(sha256(Uint8Array.of(2))));
const context: ReceiverContext & PaymentContext = {
  ...{ now: 1_000_000, millis: 1_000_000_000, height: 500, schemes, strategies },
  ...{ spontaneous: true, minFinalCltv: 18, limits: { ...defaultLimits, leastShare: msat(1n) } },
};
const AMOUNT = msat(1000n);

/** The HTLCs of a set, in the order in which their shares are made. */
const htlcsOf = (scheme: Scheme, size: number) => {
  let sender = scheme.begin(entropy, size);
  return Array.from({ length: size }, (_, i) => {
    const [{ index, shares }, next] = scheme.nextShard(sender, entropy, i === size - 1);
    sender = next;
    const blobs = shares.map((share) => ({ setId: sender.setId, ...share }));
    const common = { amount: AMOUNT, expiry: 600 };
    return {
      ...({ type: 'htlc', key: { channel: 'c', id: BigInt(i) }, peer: node, ...common, invoice: undefined } as const),
      paymentHash: child(sender.root, index).paymentHash,
      payload: { kind: 'eob', ...common, scheme: scheme.name, paymentId: zeros(11), blobs } as const,
    };
  });
};

const received = (htlcs: ReturnType<typeof htlcsOf>): void => {
  let state = emptyReceiver();
  let claimed = 0;
  for (const htlc of htlcs) {
    const [next, effects] = receive(state, htlc, context);
    state = next;
    claimed += effects.filter((effect) => effect.do === 'fulfill').length;
  }
  if (claimed !== htlcs.length) throw new Error('the set was not claimed');
  for (const { key } of htlcs) [state] = receive(state, { type: 'resolved', key }, context);
};

const outlet: Outlet = { scid: shortChannelId(1n), peer: node, spendable: msat(1_000_000_000n), slots: 483 };
const sent = (scheme: Scheme, size: number): void => {
  const request: AmpRequest = {
    ...{
      id: 'p',
      destination: node,
      amount: msat(AMOUNT * BigInt(size)),
      maxFee: msat(1_000_000n),
      scheme: scheme.name,
    },
    ...{ shards: size, maxShards: 255, minShard: msat(1n), finalCltv: 40, maxDelay: 2016, entropy, withhold: 0 },
    ...{ deadline: 2_000_000, paymentId: zeros(11) },
  };
  let payment: Payment = newPayment;
  let offered = 0;
  const step = (input: Parameters<typeof pay>[1]): PaymentEffect | undefined => {
    const [next, effects] = pay(payment, input, context);
    payment = next;
    offered += effects.filter((effect) => effect.do === 'offer').length;
    return effects.find((effect) => effect.do === 'find_route');
  };
  let asked = step({ type: 'start', request, outlets: [outlet] });
  while (asked?.do === 'find_route') {
    const { query, amount } = asked;
    const hop: Hop = { node, scid: outlet.scid, amount, expiry: 540, tlvOnly: false };
    asked = step({ type: 'route', query, route: [hop] });
  }
  if (offered !== size) throw new Error(`${offered} shards of ${size} were offered`);
};

const measure = (scope: Scope): void => {
  for (const scheme of schemes.values())
    for (const size of SIZES) {
      const htlcs = htlcsOf(scheme, size);
      const took = (rate: number): number => 1_000_000 / (rate * size);
      const column = `${size} shares`;
      scope.put(
        `${scheme.name}: µs to receive each`,
        column,
        took(scope.rate(`${scheme.name}: sets received per second`, column, () => received(htlcs))),
      );
      scope.put(
        `${scheme.name}: µs to send each`,
        column,
        took(scope.rate(`${scheme.name}: sets sent per second`, column, () => sent(scheme, size))),
      );
    }
};

/** Each strategy over as many channels as there are HTLCs to be, with windows on half of them. */
const measureCuts = (scope: Scope): void => {
  for (const strategy of strategies.values())
    for (const size of SIZES) {
      const outlets = Array.from({ length: size }, (_, n) => ({
        ...{ ...outlet, scid: shortChannelId(BigInt(n + 1)), spendable: msat(2n * AMOUNT) },
        ...(n % 2 === 0 && { window: msat(AMOUNT) }),
      }));
      const amount = msat(AMOUNT * BigInt(size));
      const wish = { amount, maxFee: msat(1_000n), shards: size, maxShards: 255, minShard: msat(1n) };
      const column = `${size} shares`;
      const rate = scope.rate(`strategy ${strategy.name}: cuts per second`, column, () => {
        if (!Array.isArray(firstPieces(strategy, wish, outlets))) throw new Error('nothing was cut');
      });
      scope.put(`strategy ${strategy.name}: µs to cut for each`, column, 1_000_000 / (rate * size));
    }
};

export const bench: Bench = {
  name: 'sets',
  about: 'sets of 16, 64 and 255 shares: what each share costs payee and payer, and the cut of its amount',
  run: async (scope) => {
    scope.table('AMP sets');
    measure(scope);
    measureCuts(scope);
  },
};
