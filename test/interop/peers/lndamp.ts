/** AMP as lnd deploys it: what an lnd node is asked to send, and what it tells of what it got. */
import { z } from 'zod';
import { sleep } from '../../../node/regtest/demo/wait.ts';
import { hex, unhex } from '../../../wire/bytes.ts';
import { base64, type LndProcess } from './lndprocess.ts';
import type { DeployedAmp, Shard } from './peer.ts';

const sent = z.object({
  status: z.string(),
  failure_reason: z.string(),
  payment_hash: z.string(),
  fee_msat: z.string(),
  htlcs: z.array(
    z.object({
      status: z.string(),
      failure: z.object({ code: z.string(), failure_source_index: z.number() }).nullish(),
    }),
  ),
});

/** How a payment of lnd came out. */
export interface Sent {
  readonly paymentHash: string;
  readonly feeMsat: bigint;
  /** HTLCs that were paid. */
  readonly parts: number;
}

/** lnd's word for a payment of more than its channels carry; for a moment after one has opened, it counts nothing of that. */
const broke = 'FAILURE_REASON_INSUFFICIENT_BALANCE';
/** Milliseconds for which it is asked again then, and between. */
const lag = 30_000;
const pause = 300;

/** lnd's word for a payment that did not succeed, and for its HTLCs, with how many hops away each of them ended. */
const wordsFor = ({ failure_reason, htlcs }: z.output<typeof sent>): string => {
  const ends = htlcs.flatMap(({ failure }) => failure ?? []);
  return [failure_reason, ...ends.map((one) => `${one.code} at hop ${one.failure_source_index}`)].join(', ');
};

/** Pays as SendPaymentV2 has it. Throws Error with lnd's words for what did not succeed. */
export const send = async (lnd: LndProcess, given: object): Promise<Sent> => {
  const limits = { timeout_seconds: 30, fee_limit_sat: '1000', no_inflight_updates: true };
  const body = { ...limits, ...given };
  const end = Date.now() + lag;
  let paid = await lnd.call('/v2/router/send', sent, { body });
  while (paid.failure_reason === broke && paid.htlcs.length === 0 && Date.now() < end) {
    await sleep(pause);
    paid = await lnd.call('/v2/router/send', sent, { body });
  }
  if (paid.status !== 'SUCCEEDED') throw new Error(wordsFor(paid));
  const parts = paid.htlcs.filter(({ status }) => status === 'SUCCEEDED').length;
  return { parts, paymentHash: paid.payment_hash, feeMsat: BigInt(paid.fee_msat) };
};

const asked = z.object({
  destination: z.string(),
  payment_hash: z.string(),
  payment_addr: z.string(),
  cltv_expiry: z.string(),
});

/**
 * Pays an invoice another amount than it asks for: beside the invoice lnd takes none, so what that says is told one by one. Throws Error
 * with lnd's word for what did not succeed.
 */
export const sendAmount = async (lnd: LndProcess, bolt11: string, amountMsat: bigint): Promise<Sent> => {
  const { destination, payment_hash, payment_addr, cltv_expiry } = await lnd.call(`/v1/payreq/${bolt11}`, asked);
  return send(lnd, {
    ...{ dest: base64(unhex(destination)), amt_msat: String(amountMsat), payment_hash: base64(unhex(payment_hash)) },
    ...{ payment_addr, final_cltv_delta: Number(cltv_expiry) },
    dest_features: ['TLV_ONION_OPT', 'PAYMENT_ADDR_OPT', 'MPP_OPT'],
  });
};

const features = ['TLV_ONION_OPT', 'PAYMENT_ADDR_OPT', 'AMP_OPT'];
const route = z.looseObject({ hops: z.array(z.looseObject({})) });
const ampInvoice = z.object({
  is_amp: z.literal(true),
  htlcs: z.array(z.object({ state: z.string() })),
  amp_invoice_state: z.record(z.string(), z.object({ state: z.string(), amt_paid_msat: z.string() })),
});
/** Most HTLCs of one payment. */
const mostParts = 16;

export const deployedAmp = (lnd: LndProcess): DeployedAmp => ({
  forget: async () => {
    await lnd.call('/v2/router/mc/reset', z.unknown(), { body: {} });
  },
  spontaneous: async (id, amountMsat, mostMsat) => {
    const given = { dest: base64(unhex(id)), amt_msat: String(amountMsat), amp: true, dest_features: features };
    return (await send(lnd, { ...given, max_parts: mostParts, max_shard_size_msat: String(mostMsat) })).parts;
  },
  invoice: async (amountMsat) => {
    const made = z.object({ payment_request: z.string() });
    const body = { value_msat: String(amountMsat), is_amp: true };
    return (await lnd.call('/v1/invoices', made, { body })).payment_request;
  },
  pay: async (bolt11, mostMsat) => {
    const most = mostMsat === undefined ? {} : { max_shard_size_msat: String(mostMsat) };
    return (await send(lnd, { payment_request: bolt11, amp: true, max_parts: mostParts, ...most })).parts;
  },
  received: async () => {
    const found = z.object({ invoices: z.tuple([ampInvoice]) });
    const [newest] = (await lnd.call('/v1/invoices?reversed=true&num_max_invoices=1', found)).invoices;
    const sets = Object.values(newest.amp_invoice_state).map(({ state, amt_paid_msat }) => ({
      settled: state === 'SETTLED',
      amountMsat: BigInt(amt_paid_msat),
    }));
    return { sets, htlcs: newest.htlcs.filter(({ state }) => state === 'SETTLED').length };
  },
  send: async (id: string, shard: Shard) => {
    const found = z.object({ routes: z.tuple([route]) });
    const [way] = (await lnd.call(`/v1/graph/routes/${id}/${shard.sat}`, found)).routes;
    const mpp = { payment_addr: base64(shard.paymentSecret), total_amt_msat: String(shard.totalSat * 1000n) };
    const amp = { root_share: base64(shard.share), set_id: base64(shard.setId), child_index: shard.childIndex };
    const hops = way.hops.map((hop) => ({ ...hop, tlv_payload: true, mpp_record: mpp, amp_record: amp }));
    const ended = z.object({ preimage: z.string(), failure: z.object({ code: z.string() }).nullable() });
    const body = { payment_hash: base64(shard.paymentHash), route: { ...way, hops } };
    const { preimage, failure } = await lnd.call('/v2/router/route/send', ended, { body });
    return failure?.code ?? hex(Buffer.from(preimage, 'base64'));
  },
});
