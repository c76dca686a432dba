/** The scenes of the demonstration that pay: one HTLC that cannot, shards that can, no invoice at all, a shard withheld, lnd's AMP. */

import { hex, unhex } from '../../../wire/bytes.ts';
import { sha256 } from '../../../wire/crypto.ts';
import { satText } from '../../base/table.ts';
import type { PaymentFact, RefusalFact, ReusableFact, WithheldFact } from './facts.ts';
import { fieldLines } from './frames.ts';
import { drawing, frameLines, type PayCall, payWatched, refusalOf, shardLines, summary } from './pays.ts';
import { openShares, paymentClaims } from './shards.ts';
import { balancesOf, patience, type Stage, sameBalances } from './stage.ts';

const sat = (amount: bigint): bigint => amount * 1000n;
/** More than any one channel holds. */
const large = sat(1_500_000n);
const gift = sat(300_000n);
const small = sat(60_000n);
const coffee = sat(30_000n);
const shards = { large: 4, gift: 3, small: 3, coffee: 2 } as const;

/** Dave's invoice, and what names the payment of it. */
const invoiceFrom = async ({ network }: Stage, label: string, amount: bigint, description: string) => {
  const { bolt11 } = await network.nodes.dave.call('invoice', { amount_msat: amount, label, description, amp: 'eob' });
  return bolt11;
};

/** Scene 1: the whole amount as one HTLC. */
export const single = async (stage: Stage, bolt11: string): Promise<RefusalFact> => {
  const { network, printer, check } = stage;
  printer.title('1  As one HTLC: impossible');
  const before = await balancesOf(network);
  const { alice } = network.nodes;
  const { channels } = await alice.call('listpeerchannels');
  const [largest = 0n] = channels.map(({ spendable_msat }) => spendable_msat).sort((a, b) => (a < b ? 1 : -1));
  const reason = await printer.step(`alice tries to send ${satText(large.toString())} sat in one piece`, () =>
    alice.call('pay', { bolt11, shards: 1, label: 'in one piece' }).then(() => undefined, refusalOf),
  );
  const unchanged = sameBalances(before, await balancesOf(network));
  printer.text(`the node says: ${reason ?? 'it is paid'}`);
  check(
    'a single HTLC of that size is refused, since no channel of alice’s holds it',
    reason !== undefined && largest < large,
  );
  check('nothing has moved', unchanged);
  return {
    refused: reason !== undefined,
    reason: reason ?? '',
    amount_msat: large,
    largest_msat: largest,
    balances_unchanged: unchanged,
  };
};

/** What both scenes that succeed show and check. */
const perform = async (stage: Stage, text: string, call: PayCall): Promise<PaymentFact> => {
  const { printer, check } = stage;
  const { fact } = await printer.step(text, () => payWatched(stage, call));
  const indent = (lines: readonly string[]) => lines.map((line) => `  ${line}`.trimEnd());
  printer.lines(`  ${summary(fact)}`, '', ...indent(shardLines(fact, printer.width - 2)), '');
  const frame = frameLines(fact, fact.shards.length - 1, printer.width - 2);
  if (frame.length > 0) printer.lines(...indent(frame), '');
  printer.lines(...drawing(fact, stage), '');
  if (fact.shards.every(({ blobs }) => blobs.length > 0)) {
    const { root, rootHash } = openShares(fact.shards);
    const fields = [
      { hex: root, name: 'BP', meaning: 'the xor of all shares' },
      { hex: rootHash, name: 'H(BP)', meaning: '' },
    ];
    printer.lines(...indent(fieldLines(fields, printer.width - 2)), '');
  }
  for (const [claim, holds] of paymentClaims(fact)) check(claim, fact.status === 'complete' && holds);
  return fact;
};

/** Scene 2: the same invoice, in shards. */
export const invoiced = (stage: Stage, bolt11: string): Promise<PaymentFact> => {
  const { printer, network } = stage;
  printer.title('2  As an atomic multi-path payment, scheme dynamic');
  const label = 'in shards';
  const { alice } = network.nodes;
  return perform(stage, `alice pays the same invoice in ${shards.large} shards`, {
    scheme: 'dynamic',
    label,
    call: () => alice.call('pay', { bolt11, scheme: 'dynamic', shards: shards.large, label }),
  });
};

/** Scene 3: no invoice. */
export const spontaneous = (stage: Stage): Promise<PaymentFact> => {
  const { printer, network } = stage;
  printer.title('3  Without an invoice, scheme fixed');
  const { alice, dave } = network.nodes;
  const label = 'a gift';
  const params = { destination: dave.id, amount_msat: gift, scheme: 'fixed', shards: shards.gift, label } as const;
  return perform(stage, `alice sends dave ${satText(gift.toString())} sat he never asked for`, {
    scheme: 'fixed',
    label,
    call: () => alice.call('keysend', params),
  });
};

/** Scene 4: all shards but one. */
export const withheld = async (stage: Stage): Promise<WithheldFact> => {
  const { printer, network, check } = stage;
  printer.title('4  One shard withheld');
  const { alice, dave } = network.nodes;
  const label = 'one withheld';
  const bolt11 = await invoiceFrom(stage, label, small, 'will not be paid');
  const before = await balancesOf(network);
  const params = { bolt11, scheme: 'dynamic', shards: shards.small, dev_withhold: 1, label } as const;
  const { fact, seen } = await printer.step(
    `alice keeps the last of ${shards.small} shards back; dave waits ${patience} s and gives up`,
    () => payWatched(stage, { scheme: 'dynamic', label, call: () => alice.call('pay', params) }),
  );
  const after = await balancesOf(network);
  const status = (await dave.call('listinvoices', { label })).invoices[0]?.status ?? 'unknown';
  printer.lines(...shardLines(fact, printer.width - 2).map((line) => `  ${line}`), '', ...drawing(fact, stage), '');
  printer.text(`the node says: ${fact.failure ?? 'it is paid'}`);
  check(`dave held ${shards.small - 1} of ${shards.small} shards`, seen.most === shards.small - 1);
  const claimed = fact.preimages.length + fact.shards.filter((one) => one.payment_preimage !== undefined).length;
  check(
    'nothing was claimed, and the invoice is unpaid',
    fact.status === 'failed' && claimed === 0 && status === 'unpaid',
  );
  check('everything has returned: all balances are as before', sameBalances(before, after));
  return {
    payment: fact,
    held: seen.most,
    expected: shards.small,
    invoice_status: status,
    balances_before_msat: before,
    balances_after_msat: after,
  };
};

/** Scene 5: AMP as lnd deploys it, an invoice that stays open. */
export const reusable = async (stage: Stage): Promise<ReusableFact> => {
  const { network, printer, check } = stage;
  printer.title('5  AMP as lnd deploys it: one invoice, paid twice');
  const { alice, dave } = network.nodes;
  const label = 'coffee';
  const terms = { amount_msat: coffee, label, description: 'any number of coffees', amp: 'deployed' } as const;
  const { bolt11 } = await dave.call('invoice', terms);
  const payments: PaymentFact[] = [];
  for (const name of ['first coffee', 'second coffee']) {
    const params = { bolt11, shards: shards.coffee, label: name } as const;
    const { fact } = await printer.step(`alice pays dave ${satText(coffee.toString())} sat: the ${name}`, () =>
      payWatched(stage, { scheme: 'deployed', label: name, call: () => alice.call('pay', params) }),
    );
    printer.lines(`  ${summary(fact)}`, '', ...shardLines(fact, printer.width - 2).map((line) => `  ${line}`), '');
    payments.push(fact);
  }
  const [invoice] = (await dave.call('listinvoices', { label })).invoices;
  const sets = (invoice?.sets ?? []).filter(({ state }) => state === 'settled');
  const htlcs = payments.flatMap((payment) => payment.shards);
  check(
    'both payments succeeded, and each preimage that came back opens its hash',
    payments.every(({ status }) => status === 'complete') &&
      htlcs.every((one) => hex(sha256(unhex(one.payment_preimage ?? ''))) === one.payment_hash),
  );
  check(
    'all payment hashes of both are pairwise different',
    new Set(htlcs.map((one) => one.payment_hash)).size === payments.length * shards.coffee,
  );
  check(
    'dave’s invoice lists two sets with set_ids of their own, each of the amount',
    new Set(sets.map((set) => set.set_id)).size === payments.length &&
      sets.every((set) => set.amount_received_msat === coffee),
  );
  return { payments, times_paid: Number(invoice?.times_paid ?? 0), sets: sets.map(({ set_id }) => set_id) };
};

/** Dave's invoice for scenes 1 and 2. */
export const askedLarge = (stage: Stage): Promise<string> =>
  stage.printer.step(`dave asks for ${satText(large.toString())} sat; each channel holds 1,000,000`, () =>
    invoiceFrom(stage, 'large', large, 'more than any channel holds'),
  );
