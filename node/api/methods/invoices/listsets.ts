/** `listsets`: atomic multi-path payments on their way in. */

import { z } from 'zod';
import { DEPLOYED } from '../../../../amp/deployed.ts';
import type { SetView } from '../../../../amp/events.ts';
import { equal, hex } from '../../../../wire/bytes.ts';
import { scidText } from '../../../../wire/units.ts';
import { coreOf } from '../../../channels/entry.ts';
import type { Node } from '../../../core/running.ts';
import { method } from '../../method.ts';
import * as param from '../../params.ts';
import * as field from '../../results.ts';

const heldHtlc = z.object({
  short_channel_id: field.scid,
  id: field.u64,
  amount_msat: field.amountMsat,
  payment_hash: field.hash,
  expiry: field.u32,
  /** The child's index, as the scheme counts, once known. */
  index: field.u32.optional(),
});

const set = z.object({
  set_id: field.hash,
  /** How its shares are made; `ordinary` where the payment has none. */
  scheme: field.text,
  status: z.enum(['receiving', 'claiming', 'claimed', 'failing', 'failed']),
  /** The label of the invoice it pays; missing in a spontaneous payment. */
  label: field.text.optional(),
  shares: field.u32,
  /** How many shares make it complete, once known. */
  shares_expected: field.u32.optional(),
  parts: field.u32,
  amount_received_msat: field.amountMsat,
  /** What the invoice asks. */
  amount_msat: field.amountMsat.optional(),
  first_seen_at: field.time,
  /** When it is given up if still incomplete. */
  expires_at: field.time.optional(),
  htlcs: z.array(heldHtlc),
});

const params = z.strictObject({
  label: param.label.optional().describe('only sets that pay this invoice'),
  set_id: param.setId.optional().describe('only this set'),
});

const result = z.object({ sets: z.array(set) });

type Result = z.output<typeof result>;

type Row = Result['sets'][number];

/** What it needs of a node. */
type Parts = Pick<Node, 'channels' | 'config' | 'invoices' | 'receiver'>;

const setRow = async (node: Parts, view: SetView): Promise<Row> => {
  const invoice = view.invoice === undefined ? undefined : await node.invoices.byId(view.invoice);
  const { timeout, deployedTimeout } = node.config.amp.limits;
  const givenUp = view.firstSeen + (view.scheme === DEPLOYED ? deployedTimeout : timeout);
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

async function* rowsOf(node: Parts, views: readonly SetView[], label: string | undefined): AsyncGenerator<Row> {
  for (const view of views) {
    const set = await setRow(node, view);
    if (label === undefined || set.label === label) yield set;
  }
}

export const listsets = method({
  doc: 'Atomic multi-path payments on their way in: sets of HTLCs, whole or not yet.',
  example: ['label=coffee'],
  params,
  result,
  handler: async (node: Parts, { label, set_id }) => {
    const views = node.receiver
      .sets()
      .filter(({ scheme }) => scheme !== 'ordinary')
      .filter(({ id }) => set_id === undefined || equal(id, set_id));
    return { sets: rowsOf(node, views, label) };
  },
});
