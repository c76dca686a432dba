/** Methods about invoices and sets being received. */
import type { SetView } from '../../../amp/events.ts';
import { equal, hex, utf8, zeros } from '../../../wire/bytes.ts';
import { sha256, signRecoverable } from '../../../wire/crypto.ts';
import { hasBit, ourFeatures, payerFeatures } from '../../../wire/features.ts';
import type { RouteHop } from '../../../wire/invoice/fields.ts';
import { checkPayable, encodeInvoice } from '../../../wire/invoice.ts';
import { paymentHash, preimage, type ShortChannelId, scidText } from '../../../wire/units.ts';
import { coreOf } from '../../channels/entry.ts';
import type { Node } from '../../core/node.ts';
import { ourSide } from '../../graph/announce.ts';
import type { InvoiceRecord } from '../../pay/invoicerecord.ts';
import type { Taken } from '../../pay/invoices.ts';
import { ApiError } from '../errors.ts';
import type { Answered, Handlers, Params, Result } from '../table.ts';
import { readInvoice } from './pasted.ts';

type Listed = Result<'listinvoices'>['invoices'][number];
type ShownSet = Result<'listsets'>['sets'][number];

/** Bytes that a field of an invoice holds: 1023 words of 5 bits (BOLT 11). */
const MOST_DESCRIPTION = 639;
/** Ways in that an invoice names; more would only make it longer than anybody reads. */
const MOST_HINTS = 100;

/** The feature bits that an invoice asks of its payer to be paid by AMP. */
const EOB_AMP_BITS = 170;
const LND_AMP_BITS = 30;

/** Which AMP an invoice asks for, by its feature bits. */
export const ampOf = (features: Uint8Array): 'eob' | 'deployed' | undefined => {
  if (hasBit(features, EOB_AMP_BITS)) return 'eob';
  return hasBit(features, LND_AMP_BITS) ? 'deployed' : undefined;
};

/** One way in over each channel that is not public, or not yet, or is asked for, with the peer's fees where it told them (BOLT 11, `r`). */
const hints = (
  node: Node,
  wanted: boolean | readonly ShortChannelId[] | undefined,
): readonly (readonly RouteHop[])[] => {
  if (wanted === false) return [];
  return [...node.channels.entries.values()].flatMap(({ machine: { state } }) => {
    const core = coreOf(state);
    const scid = core?.lockin.scid;
    if (core === undefined || scid === undefined || state.phase !== 'open') return [];
    const { announce, scidAliasType, alias, peer } = core.params;
    // One that is to be announced is not known to anybody before its sixth confirmation, and what the peer asks then.
    const isPublic = node.graph.channel(scid)?.policies[ourSide(peer, node.keys.nodeId)] !== undefined;
    const named = typeof wanted === 'object' ? wanted.includes(scid) : !announce || !isPublic;
    const policy = node.own.peerPolicy([scid, alias], core.params.peer);
    // BOLT 2: with option_scid_alias only an alias may be told, otherwise it is the better choice while nobody knows the channel.
    const hinted = scidAliasType ? core.lockin.peerAlias : announce ? scid : (core.lockin.peerAlias ?? scid);
    if (!named || policy === undefined || hinted === undefined) return [];
    return [
      [
        {
          pubkey: core.params.peer,
          short_channel_id: hinted,
          fee_base_msat: policy.feeBase,
          fee_proportional_millionths: policy.feeProportional,
          cltv_expiry_delta: policy.cltvExpiryDelta,
        },
      ],
    ];
  });
};

const takenError = (what: Taken, label: string): ApiError =>
  what === 'label'
    ? new ApiError('invoice_label_exists', `label: there is an invoice "${label}" already`)
    : new ApiError('invoice_preimage_exists', 'preimage: there is an invoice with this preimage already');

const invoice = async (node: Node, params: Params<'invoice'>): Promise<Result<'invoice'>> => {
  const { invoices, ports, keys, network, config } = node;
  const { amount_msat, label, description, expiry, cltv, amp, deschashonly } = params;
  if (amp !== undefined && params.preimage !== undefined)
    throw new ApiError('invalid_params', 'preimage: an AMP invoice has none, its parts bring their own');
  const amount = amount_msat === 'any' ? undefined : amount_msat;
  const secret = amp === undefined ? (params.preimage ?? preimage(ports.entropy.bytes(32))) : undefined;
  // The hash of an AMP invoice only names it: nobody, we included, knows a preimage of it.
  const hash = paymentHash(secret === undefined ? ports.entropy.bytes(32) : sha256(secret));
  const paymentSecret = ports.entropy.bytes(32);
  const minFinalCltv = cltv ?? config.cltvFinal;
  if (!deschashonly && utf8(description).length > MOST_DESCRIPTION)
    throw new ApiError(
      'invalid_params',
      `description: expected at most ${MOST_DESCRIPTION} bytes in UTF-8, which is what an invoice holds; longer ones go with deschashonly=true`,
    );
  const now = node.now();
  const routes = hints(node, params.exposeprivatechannels).slice(0, MOST_HINTS);
  const bolt11 = encodeInvoice(
    {
      network: network.name,
      amount,
      timestamp: now,
      paymentHash: hash,
      paymentSecret,
      expiry,
      minFinalCltvExpiryDelta: minFinalCltv,
      features: amp === undefined ? ourFeatures('9') : ourFeatures('9', { option_eob_amp: 'required' }),
      routes,
      ...(deschashonly ? { descriptionHash: sha256(utf8(description)) } : { description }),
    },
    (digest) => signRecoverable(digest, keys.identity),
  );
  const kind = amp === undefined ? 'ordinary' : 'eob_amp';
  const expiresAt = now + expiry;
  const kept = await invoices.add({
    ...{ label, kind, bolt11, description, amount, paymentHash: hash, paymentSecret, preimage: secret },
    ...{ minFinalCltv, expiresAt },
  });
  if (typeof kept === 'string') throw takenError(kept, label);
  return {
    bolt11,
    payment_hash: hex(hash),
    payment_secret: hex(paymentSecret),
    expires_at: expiresAt,
    created_index: Number(kept.createdIndex),
  };
};

/** An invoice as it is listed. */
export const listed = (node: Node, record: InvoiceRecord): Listed => {
  const { paid } = record;
  const ordinary = record.kind === 'ordinary';
  return {
    label: record.label,
    description: record.description,
    payment_hash: hex(record.paymentHash),
    expires_at: record.expiresAt,
    ...(record.amount !== undefined && { amount_msat: record.amount }),
    bolt11: record.bolt11,
    created_index: Number(record.createdIndex),
    status: node.invoices.status(record),
    ...(!ordinary && { amp: 'eob' as const }),
    ...(paid && {
      updated_index: Number(paid.payIndex),
      pay_index: Number(paid.payIndex),
      amount_received_msat: paid.received,
      paid_at: paid.at,
      parts: Math.max(1, paid.preimages.length),
      ...(ordinary && paid.preimages[0] && { payment_preimage: hex(paid.preimages[0]) }),
    }),
  };
};

/** The records that may be asked for, in the order asked for. */
async function* asked(
  { invoices }: Node,
  { label, index }: Params<'listinvoices'>,
  hash: Uint8Array | undefined,
  first: bigint,
): AsyncGenerator<InvoiceRecord> {
  if (label !== undefined || hash !== undefined) {
    const record = label === undefined ? await invoices.byId(hex(hash ?? zeros(0))) : await invoices.labelled(label);
    if (record !== undefined) yield record;
  } else if (index !== 'updated') yield* invoices.list(first);
  else {
    // What was not paid was never updated, and stands before all that was.
    if (first === 0n) for await (const record of invoices.list()) if (record.paid === undefined) yield record;
    yield* invoices.listPaid(first);
  }
}

async function* rowsAsked(
  node: Node,
  params: Params<'listinvoices'>,
  hash: Uint8Array | undefined,
): AsyncGenerator<Listed> {
  const { start = 0, limit = Number.POSITIVE_INFINITY, index } = params;
  let left = limit;
  if (left === 0) return;
  for await (const record of asked(node, params, hash, BigInt(start))) {
    if (hash !== undefined && !equal(record.paymentHash, hash)) continue;
    const row = listed(node, record);
    if ((index === 'updated' ? (row.updated_index ?? 0) : row.created_index) < start) continue;
    yield row;
    if (--left === 0) return;
  }
}

const listinvoices = (node: Node, params: Params<'listinvoices'>): Answered<'listinvoices'> => {
  const { invstring, payment_hash } = params;
  const named = invstring === undefined ? undefined : readInvoice('invstring', invstring).paymentHash;
  if (named !== undefined && payment_hash !== undefined && !equal(named, payment_hash)) return { invoices: [] };
  return { invoices: rowsAsked(node, params, named ?? payment_hash) };
};

const shownSet = async (node: Node, view: SetView): Promise<ShownSet> => {
  const invoice = view.invoice === undefined ? undefined : await node.invoices.byId(view.invoice);
  const givenUp = view.firstSeen + node.config.amp.limits.timeout;
  const status = { incomplete: 'receiving', settled: 'claiming', failed: 'failing' } as const;
  return {
    set_id: hex(view.id),
    scheme: view.scheme,
    status: status[view.phase],
    ...(invoice && { label: invoice.label }),
    shares: view.shares,
    ...(view.expected !== undefined && { shares_expected: view.expected }),
    parts: view.htlcs.length,
    amount_received_msat: view.total,
    ...(view.asked !== undefined && { amount_msat: view.asked }),
    first_seen_at: view.firstSeen,
    ...(view.phase === 'incomplete' && { expires_at: Math.min(givenUp, invoice?.expiresAt ?? givenUp) }),
    htlcs: view.htlcs.map(({ key, amount, expiry, paymentHash: hash }) => {
      const entry = node.channels.entries.get(key.channel);
      const scid = entry && coreOf(entry.machine.state)?.lockin.scid;
      return {
        short_channel_id: scid === undefined ? '0x0x0' : scidText(scid),
        id: Number(key.id),
        amount_msat: amount,
        payment_hash: hex(hash),
        expiry,
      };
    }),
  };
};

async function* setsOf(node: Node, views: readonly SetView[], label: string | undefined): AsyncGenerator<ShownSet> {
  for (const view of views) {
    const set = await shownSet(node, view);
    if (label === undefined || set.label === label) yield set;
  }
}

const decode = (node: Node, text: string): Result<'decode'> => {
  const read = readInvoice('string', text);
  const obstacles = checkPayable(read, {
    network: node.network.name,
    now: node.now(),
    features: payerFeatures(read.features),
  });
  const amp = ampOf(read.features);
  return {
    type: 'bolt11 invoice',
    valid: true,
    ...(obstacles.length > 0 && { warning: obstacles.map(({ code }) => code).join(', ') }),
    currency: { bitcoin: 'bc', testnet: 'tb', signet: 'tbs', regtest: 'bcrt' }[read.network],
    created_at: read.timestamp,
    expiry: read.expiry,
    payee: hex(read.payee),
    ...(read.amount !== undefined && { amount_msat: read.amount }),
    payment_hash: hex(read.paymentHash),
    signature: hex(read.signature),
    ...(read.description !== undefined && { description: read.description }),
    ...(read.descriptionHash && { description_hash: hex(read.descriptionHash) }),
    min_final_cltv_expiry: read.minFinalCltvExpiryDelta,
    ...(read.paymentSecret && { payment_secret: hex(read.paymentSecret) }),
    ...(read.features.length > 0 && { features: hex(read.features) }),
    ...(read.metadata && { payment_metadata: hex(read.metadata) }),
    ...(read.routes.length > 0 && {
      routes: read.routes.map((route) =>
        route.map((hop) => ({
          pubkey: hex(hop.pubkey),
          short_channel_id: scidText(hop.short_channel_id),
          fee_base_msat: hop.fee_base_msat,
          fee_proportional_millionths: hop.fee_proportional_millionths,
          cltv_expiry_delta: hop.cltv_expiry_delta,
        })),
      ),
    }),
    ...(amp && { amp }),
  };
};

export const invoiceHandlers = (node: Node): Pick<Handlers, 'invoice' | 'listinvoices' | 'decode' | 'listsets'> => ({
  invoice: (params) => invoice(node, params),
  listinvoices: async (params) => listinvoices(node, params),
  decode: async ({ string }) => decode(node, string),
  listsets: async ({ label, set_id }) => {
    const views = node.receiver
      .sets()
      .filter(({ scheme }) => scheme !== 'ordinary')
      .filter(({ id }) => set_id === undefined || equal(id, set_id));
    return { sets: setsOf(node, views, label) };
  },
});
