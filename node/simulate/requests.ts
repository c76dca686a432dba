/** What a plan makes of a payment: the request that its machine gets, and the invoice that the payee has for it. */
import type { AmpRequest, InvoiceTerms, OrdinaryRequest, PaymentRequest, PaymentTerms } from '../../amp/io.ts';
import { LEAST_FINAL_CLTV } from '../../amp/limits.ts';
import { defaultStrategy, strategies, takesSpare } from '../../amp/strategies.ts';
import { sha256 } from '../../wire/crypto.ts';
import { MAX_EXPIRY_AHEAD, msat, paymentHash, preimage } from '../../wire/units.ts';
import { nodeId } from './names.ts';
import type { SimPlan } from './network.ts';
import type { Random } from './random.ts';

/** What every payment may cost and how long it may take. */
export interface PayTerms {
  /** Part of the amount that fees may come to, and what they may come to in any case, in msat. */
  readonly maxFeePart: number;
  readonly exemptFee: number;
  /** Seconds until a payment gives up. */
  readonly deadline: number;
  readonly maxShards: number;
  /** No shard is smaller, msat. */
  readonly minShard: number;
  /** Wanted number of shards; undefined leaves it to the strategy. With redundancy there must be one. */
  readonly shards: number | undefined;
  /** Shards that a payment with redundancy needs, where no number was wanted. */
  readonly neededShards: number;
  /** Packets that a payment in packets is cut into, and those that are under way at once. */
  readonly packets: number;
  readonly packetsAtOnce: number;
}

/** As a node pays where nobody says otherwise. */
export const defaultTerms: PayTerms = {
  ...{ maxFeePart: 0.005, exemptFee: 5000, deadline: 60, maxShards: 64, minShard: 1000 },
  ...{ shards: undefined, neededShards: 8, packets: 16, packetsAtOnce: 4 },
};

const isSingleHtlc = ({ strategy, scheme }: SimPlan): boolean =>
  scheme === 'single' || strategy === 'single' || strategy === 'packets';

/** Whether the payments of a plan are AMPs: each HTLC has a hash of its own. */
export const isAmp = (plan: SimPlan): boolean => !isSingleHtlc(plan) && plan.scheme !== 'mpp';

/** By what payments with spare shards are cut: by `flow` where that is wanted, and otherwise by `outlets`. */
export const spareStrategy = (strategy: string): string => {
  const row = strategies.get(strategy);
  return row !== undefined && takesSpare(row) ? strategy : defaultStrategy;
};

/** The machines of a payment: one, or one for each packet. In msat. */
export const piecesOf = ({ strategy }: SimPlan, amount: number, { packets }: PayTerms): readonly number[] => {
  if (strategy !== 'packets') return [amount];
  const count = Math.max(1, Math.min(packets, Math.floor(amount / 1000)));
  const each = Math.floor(amount / count);
  return Array.from({ length: count }, (_, i) => (i === 0 ? amount - each * (count - 1) : each));
};

const bytesOf = (length: number, random: Random): Uint8Array => Uint8Array.from({ length }, () => random.below(256));

/** Seconds beside what an invoice asks for its last HTLC, as a node adds them for blocks on the way. */
const SLACK = 3;

/** The request of one machine, and the invoice. Amounts in msat; `now` in Unix milliseconds. */
export const requestOf = (
  plan: SimPlan,
  id: string,
  payee: number,
  amount: number,
  now: number,
  terms: PayTerms,
  random: Random,
): { readonly request: PaymentRequest; readonly invoice: InvoiceTerms } => {
  const { strategy, scheme, redundancy } = plan;
  const secret = bytesOf(32, random);
  const opening = preimage(bytesOf(32, random));
  const isSingle = isSingleHtlc(plan);
  const needed = terms.shards ?? (redundancy > 0 ? terms.neededShards : undefined);
  const shards = isSingle || needed === undefined ? undefined : Math.min(needed, terms.maxShards);
  const common: PaymentTerms = {
    id,
    destination: nodeId(payee),
    amount: msat(BigInt(amount)),
    maxFee: msat(BigInt(Math.max(terms.exemptFee, Math.floor(amount * terms.maxFeePart)))),
    shards,
    strategy: isSingle ? defaultStrategy : redundancy > 0 ? spareStrategy(strategy) : strategy,
    maxShards: isSingle ? 1 : terms.maxShards,
    minShard: msat(BigInt(terms.minShard)),
    finalCltv: LEAST_FINAL_CLTV + SLACK,
    maxDelay: MAX_EXPIRY_AHEAD,
    entropy: bytesOf(32, random),
    deadline: Math.floor(now / 1000) + terms.deadline,
    withhold: 0,
  };
  const isOrdinary = !isAmp(plan);
  const invoice: InvoiceTerms = {
    ...{ id, status: 'open', amount: common.amount, paymentSecret: secret, minFinalCltv: LEAST_FINAL_CLTV },
    kind: isOrdinary ? 'ordinary' : 'eob_amp',
    preimage: isOrdinary ? opening : undefined,
  };
  if (isOrdinary) {
    const request: OrdinaryRequest = {
      ...common,
      scheme: isSingle ? 'single' : 'mpp',
      paymentHash: paymentHash(sha256(opening)),
      ...{ paymentSecret: secret, metadata: undefined },
    };
    return { request, invoice };
  }
  const request: AmpRequest = {
    ...common,
    ...{ scheme, paymentId: secret.subarray(0, 11) },
    ...(redundancy > 0 && {
      redundancy,
      // The spare shards, each rounded up.
      maxOverpayment: msat(BigInt(Math.ceil((amount * redundancy) / (shards ?? 1)) + redundancy + (shards ?? 1))),
    }),
  };
  return { request, invoice };
};
