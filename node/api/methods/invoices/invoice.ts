/** `invoice`: makes one (BOLT 11). `amp` is ours, the rest is Core Lightning's. */

import { z } from 'zod';
import { LEAST_FINAL_CLTV, MOST_FINAL_CLTV } from '../../../../amp/limits.ts';
import { hex, utf8 } from '../../../../wire/bytes.ts';
import { sha256, signRecoverable } from '../../../../wire/crypto.ts';
import { deployedAmpFeatures, ourFeatures } from '../../../../wire/features.ts';
import type { RouteHop } from '../../../../wire/invoice/fields.ts';
import { encodeInvoice } from '../../../../wire/invoice.ts';
import { paymentHash, preimage, type ShortChannelId } from '../../../../wire/units.ts';
import { coreOf } from '../../../channels/entry.ts';
import type { Node } from '../../../core/running.ts';
import { ourSide } from '../../../graph/gossipsignatures.ts';
import type { DuplicateField } from '../../../pay/invoices.ts';
import { paymentSecretOf, SECRET_ENTROPY } from '../../../pay/paymentsecret.ts';
import { ApiError } from '../../errors.ts';
import { method } from '../../method.ts';
import * as param from '../../params.ts';
import * as field from '../../results.ts';
import { MOST_EXPIRY } from './invoicerow.ts';

/** Bytes that a field of an invoice holds: 1023 words of 5 bits (BOLT 11). */
const MOST_DESCRIPTION = 639;

/** Ways in that an invoice names; more would only make it longer than anybody reads. */
const MOST_HINTS = 100;

const params = z.strictObject({
  amount_msat: param.amountOrAny.describe('what to ask; "any" leaves it to the payer'),
  label: param.label.describe('our name for it, unique on this node'),
  description: param.prose.describe('what it is for; part of the invoice, 639 bytes at most'),
  expiry: param.seconds(1, MOST_EXPIRY).default(604_800).describe('how long it can be paid'),
  fallbacks: param.refused.describe('on-chain addresses to pay instead'),
  preimage: param.preimage32.optional().describe('the preimage to use; else a random one'),
  exposeprivatechannels: param.privateChannels
    .optional()
    .describe('unpublished channels to name as ways in: all (100 at most), none, or these'),
  cltv: param
    .integer(LEAST_FINAL_CLTV, MOST_FINAL_CLTV)
    .optional()
    .describe('blocks the last hop must leave us; else as --cltv-final says'),
  deschashonly: param.flag.default(false).describe('put the description as its hash only: then it may be longer'),
  amp: param
    .word('eob', 'deployed')
    .optional()
    .describe(
      'ask for an atomic multi-path payment: eob has its shares in extra onion blobs; deployed is the one of lnd, and can be paid any number of times',
    ),
});

const result = z.object({
  bolt11: field.text,
  payment_hash: field.hash,
  payment_secret: field.hash,
  expires_at: field.u64,
  created_index: field.u64,
  warning_capacity: field.text.optional(),
  warning_offline: field.text.optional(),
  warning_deadends: field.text.optional(),
  warning_private_unused: field.text.optional(),
  warning_mpp: field.text.optional(),
});

type Result = z.output<typeof result>;

/** What it needs of a node. */
type Parts = Pick<Node, 'channels' | 'config' | 'graph' | 'invoices' | 'keys' | 'network' | 'now' | 'own' | 'ports'>;

/** One way in over each channel that is not public, or not yet, or is asked for, with the peer's fees where it told them (BOLT 11, `r`). */
const hints = (
  node: Parts,
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

const featuresFor = (amp: 'eob' | 'deployed' | undefined): Uint8Array => {
  if (amp === 'deployed') return deployedAmpFeatures();
  return amp === undefined ? ourFeatures('9') : ourFeatures('9', { option_eob_amp: 'required' });
};

const takenError = (what: DuplicateField, label: string): ApiError =>
  what === 'label'
    ? new ApiError('invoice_label_exists', `label: there is an invoice "${label}" already`)
    : new ApiError('invoice_preimage_exists', 'preimage: there is an invoice with this preimage already');

export const invoice = method({
  doc: 'Makes an invoice others can pay.',
  example: ['50000000', 'coffee', 'a cup of coffee', 'expiry=3600'],
  params,
  result,
  handler: async (node: Parts, params): Promise<Result> => {
    const { invoices, ports, keys, network, config } = node;
    const { amount_msat, label, description, expiry, cltv, amp, deschashonly } = params;
    if (amp !== undefined && params.preimage !== undefined)
      throw new ApiError('invalid_params', 'preimage: an AMP invoice has none, its parts bring their own');
    const amount = amount_msat === 'any' ? undefined : amount_msat;
    const secret = amp === undefined ? (params.preimage ?? preimage(ports.entropy.bytes(32))) : undefined;
    // The hash of an AMP invoice only names it: nobody, we included, knows a preimage of it.
    const hash = paymentHash(secret === undefined ? ports.entropy.bytes(32) : sha256(secret));
    const paymentSecret = paymentSecretOf(keys.identity, ports.entropy.bytes(SECRET_ENTROPY));
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
        features: featuresFor(amp),
        routes,
        ...(deschashonly ? { descriptionHash: sha256(utf8(description)) } : { description }),
      },
      (digest) => signRecoverable(digest, keys.identity),
    );
    const kind = amp === undefined ? 'ordinary' : (`${amp}_amp` as const);
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
  },
});
