/** The invariants that must hold when a run has wound down. Every function returns the violations, in words; none where all is well. */

import type { PaymentRequest } from '../../amp/io.ts';
import { records } from '../../channel/model/persist.ts';
import { localCommitment, remoteCommitment } from '../../channel/rules/commitmentupdates.ts';
import { CHANNELS } from '../../node/channels/onchain.ts';
import { type InvoicePayment, type InvoiceRecord, isReusable } from '../../node/pay/invoicerecord.ts';
import type { PaymentRecord } from '../../node/pay/paymentrecord.ts';
import { networkOf } from '../../node/ports/network.ts';
import { keysOf } from '../../node/wallet/keys.ts';
import { equal, hex } from '../../wire/bytes.ts';
import {
  balances,
  endingsOf,
  overpaidClosings,
  overpaidSweeps,
  stolen,
  unclaimedOutputs,
  wallets,
} from './balances.ts';
import { names } from './names.ts';
import { unanswered } from './openings.ts';
import { DUSTY, SMALLEST } from './paying.ts';
import { channelOf, type Setup } from './setup.ts';
import { seedAt } from './stubs/seed.ts';
import type { World } from './world.ts';

/** A channel that is open: both ends hold the same commitments, and nothing is under way. */
const agreement = (world: World, link: number): readonly string[] => {
  if (world.severed.has(link) || [link, link + 1].some((place) => world.isUnresponsive(place))) return [];
  const channel = channelOf(link);
  const [left, right] = [world.channel(link, channel), world.channel(link + 1, channel)];
  if (left?.phase !== 'open' || right?.phase !== 'open')
    return left?.phase === right?.phase
      ? []
      : [`${channel} is ${left?.phase} on the left and ${right?.phase} on the right`];
  return [
    [left.core, right.core],
    [right.core, left.core],
  ].flatMap(([one, other]) => {
    if (one === undefined || other === undefined) return [];
    const theirs = remoteCommitment(other, 'current')?.txid;
    return theirs !== undefined && equal(localCommitment(one).txid, theirs) ? [] : [`${channel}: commitments differ`];
  });
};

/** The disk holds exactly what the states say must be kept. */
const durable = (world: World, place: number): readonly string[] => {
  const { node, disk, name } = world.site(place);
  return [...(node?.channels.entries.values() ?? [])].flatMap(({ key, machine }) => {
    const wanted = records(machine.state);
    const prefix = `${CHANNELS}${key}/`;
    const found = [...disk.durable].filter(([one]) => one.startsWith(prefix) && !one.startsWith(`${prefix}past/`));
    const same = found.length === wanted.size;
    const all = found.every(([one, value]) => equal(value, wanted.get(one.slice(prefix.length)) ?? new Uint8Array()));
    return same && all ? [] : [`${name}: the records of ${key} are not those of its state`];
  });
};

const isAmp = (scheme: PaymentRequest['scheme']): boolean => scheme !== 'single' && scheme !== 'mpp';

/** Whether everybody on the way looks after the payment. */
const isTrusted = (world: World, from: number, to: number): boolean =>
  world.isHonest(from) && world.isHonest(to) && (world.isHonest(1) || from === 1 || to === 1);

/** Whether parts of it may have been lost with a commitment that has no output for them. */
const isDusty = ({ amount }: PaymentRecord): boolean => amount < DUSTY;

/** All payments that a node lists, by id. */
const listedBy = async (world: World, place: number): Promise<ReadonlyMap<string, PaymentRecord>> => {
  const out = new Map<string, PaymentRecord>();
  for await (const record of world.node(place)?.payments.list() ?? []) out.set(record.id, record);
  return out;
};

/** An invoice, and every payment of it: more than one where it may be paid again. */
interface Paid {
  readonly invoice: InvoiceRecord;
  readonly payments: readonly InvoicePayment[];
}

/** More payments of one invoice than a run makes. */
const MANY = 1000;

/** All invoices of a node, by label. */
const invoicesOf = async (world: World, place: number): Promise<ReadonlyMap<string, Paid>> => {
  const out = new Map<string, Paid>();
  const invoices = world.node(place)?.invoices;
  for await (const invoice of invoices?.list() ?? []) {
    const payments = isReusable(invoice) ? await invoices?.payments(invoice, MANY) : invoice.paid && [invoice.paid];
    out.set(invoice.label, { invoice, payments: payments ?? [] });
  }
  return out;
};

/** One final result for each payment, the same for everybody. */
const results = async (world: World, unilateral: boolean): Promise<readonly string[]> => {
  const lists = await Promise.all(names.map((_, place) => listedBy(world, place)));
  const invoicesByLabel = await Promise.all(names.map((_, place) => invoicesOf(world, place)));
  return [...world.observed.payments.values()].flatMap(({ id, from, to, invoiceNumber, scheme }) => {
    const { observed } = world;
    if (world.isThief(from) || world.isUnresponsive(from)) return [];
    const kept = observed.kept.get(id);
    const listed = lists[from]?.get(id);
    // The payer died before anything of it was kept: it never was.
    if (kept === undefined) return listed === undefined ? [] : [`${id} is listed and not kept`];
    if (kept.result === undefined || listed?.status !== kept.status)
      return [`${id} has no final result: ${kept.status}`];
    if ((isDusty(kept) && unilateral) || !isTrusted(world, from, to)) return [];
    const told = observed.told.get(id);
    if (told !== undefined && told.status !== kept.status)
      return [`${id} was answered ${told.status}, is ${kept.status}`];
    const { delivered, parts, preimages } = kept.result;
    if (kept.status === 'complete' && (delivered !== kept.amount || parts === 0))
      return [`${id} is complete with ${delivered}`];
    if (kept.status === 'failed' && parts > 0) return [`${id} failed although ${delivered} msat were claimed`];
    if (invoiceNumber === undefined || kept.status !== 'complete') return [];
    const paid = invoicesByLabel[to]
      ?.get(`${invoiceNumber}`)
      ?.payments.some(
        (payment) =>
          preimages.every((one) => payment.preimages.some((theirs) => equal(one, theirs))) &&
          (!isAmp(scheme) || preimages.length === payment.preimages.length),
      );
    return paid ? [] : [`${id} is complete and its invoice is not`];
  });
};

/** An invoice was paid by as many payments as its payee has of it: one, unless it may be paid again. */
const invoices = async (world: World, unilateral: boolean): Promise<readonly string[]> => {
  if (world.faulty !== undefined) return [];
  const { observed } = world;
  const invoicesByLabel = await Promise.all(names.map((_, place) => invoicesOf(world, place)));
  return invoicesByLabel.flatMap((own, place) =>
    [...own.values()].flatMap(({ invoice: { label }, payments }) => {
      const by = [...observed.payments.values()].filter(
        ({ id, to, invoiceNumber }) =>
          to === place && `${invoiceNumber}` === label && observed.kept.get(id)?.status === 'complete',
      );
      if (unilateral && payments.some(({ received }) => received < DUSTY)) return [];
      return by.length === payments.length
        ? []
        : [`${names[place]}'s invoice ${label} was paid by ${by.length} payments, and has ${payments.length}`];
    }),
  );
};

/**
 * Reasons for which honest nodes give a channel or a connection up: somebody said so, time ran out (on a chain, or for a message that
 * was on its way through a long sleep of everybody), the peer saw its end in a block first, the network its closing not, or the
 * funder was away while its feerate became too low.
 */
const fair =
  /force_close|htlc_deadline|peer_silent|offer_withdrawn|closing_not_mined|commitment_underpaid|channel_ready_timeout|funding output was spent/;

/** Channels that were given up, and connections, for other reasons; links of an unresponsive node are not counted here. */
const failures = async ({ lines, unresponsiveLinks, faulty }: World): Promise<readonly string[]> => {
  const { coin } = networkOf('regtest');
  const ids = await Promise.all(
    names.map(async (_, place) => hex(keysOf(await seedAt(place), coin).nodeId).slice(0, 16)),
  );
  // A line names its channel by what the chain calls it, which a reorg changes, and the peer.
  const isAbout = (line: string, place: number, other: number): boolean =>
    line.startsWith(`${names[place]} `) && line.includes(`"peer":"${ids[other]}`);
  return lines.filter(
    (line) =>
      /channel failed|disconnecting the peer/.test(line) &&
      !fair.test(line) &&
      ![...unresponsiveLinks].some((link) => isAbout(line, link, link + 1) || isAbout(line, link + 1, link)) &&
      !(unresponsiveLinks.size > 0 && line.startsWith(`${names[faulty ?? -1]} `)),
  );
};

/** An unresponsive node harms nobody but its own peers: no channel between others is force closed because of it. */
const disturbed = (world: World, base: Setup): readonly string[] =>
  world.unresponsiveLinks.size === 0 || world.mayForceClose
    ? []
    : endingsOf(world, base)
        .filter(({ link, unilateral }) => unilateral && world.isHonest(link) && world.isHonest(link + 1))
        .map(({ link }) => `${channelOf(link)} went to the chain, and only other nodes were unresponsive`);

/** All that is wrong. */
export const violations = async (world: World, base: Setup): Promise<readonly string[]> => {
  const unilateral = endingsOf(world, base).some((ending) => ending.unilateral);
  return [
    ...world.violations,
    ...world.observed.complaints,
    ...world.observed.disagreements(unilateral ? SMALLEST : 0n),
    ...world.wires.links.flatMap((_, link) => agreement(world, link)),
    ...names.flatMap((_, place) => durable(world, place)),
    ...(await results(world, unilateral)),
    ...(await invoices(world, unilateral)),
    ...balances(world, base),
    ...overpaidClosings(world, base),
    ...overpaidSweeps(world, base),
    ...unclaimedOutputs(world, base),
    ...stolen(world, base),
    ...wallets(world, base),
    ...unanswered(world),
    ...(await failures(world)),
    ...disturbed(world, base),
  ];
};
