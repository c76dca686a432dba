/**
 * How many incomplete sets are held, and which gives way when there is no room for another. Sets that pay an invoice have room of
 * their own: whoever has no invoice can neither take it nor push anybody out of it.
 */
import { equal } from '../wire/bytes.ts';
import type { Refusal } from './events.ts';
import type { ReceiverLimits } from './limits.ts';
import { type HeldSet, type HtlcInput, isIncomplete } from './sets.ts';

/** A set by the name under which it is held. */
type Named = readonly [name: string, set: HeldSet];

/** The one to lose first: the least valuable, and of several such the oldest. */
const cheapest = (sets: readonly Named[]): Named | undefined =>
  sets.reduce<Named | undefined>((least, one) => {
    if (least === undefined) return one;
    const [{ total, firstSeen }, other] = [one[1], least[1]];
    return total < other.total || (total === other.total && firstSeen < other.firstSeen) ? one : least;
  }, undefined);

/**
 * Makes room for one more incomplete set: the names of those that give way, or why the newcomer has to. None gives way to one
 * that is worth less: so whoever wants to keep others out must lock more than they send, in every single set.
 */
export const roomFor = (
  newcomer: HeldSet,
  held: Iterable<Named>,
  limits: ReceiverLimits,
): readonly string[] | Refusal => {
  const spontaneous = newcomer.invoice === undefined;
  const room = [...held].filter(([, set]) => isIncomplete(set) && (set.invoice === undefined) === spontaneous);
  // Of the same invoice, or without one from the same peer: beside these nobody else is to suffer.
  const near = room.filter(([, set]) =>
    spontaneous ? equal(set.peer, newcomer.peer) : set.invoice === newcomer.invoice,
  );
  const pushed = (from: readonly Named[], why: Refusal): readonly string[] | Refusal => {
    const least = cheapest(from);
    return least === undefined || least[1].total > newcomer.total ? why : [least[0]];
  };
  if (near.length >= (spontaneous ? limits.setsPerPeer : limits.setsPerInvoice))
    return pushed(near, spontaneous ? 'too_many_sets_of_peer' : 'too_many_sets_of_invoice');
  return room.length >= limits.sets ? pushed(room, 'too_many_sets') : [];
};

/** Whether an HTLC is too small to be held for others that are to follow, where no invoice asks for it. */
export const isDust = ({ amount, payload, invoice }: HtlcInput, { leastShare }: ReceiverLimits): boolean =>
  payload.kind !== 'ordinary' && invoice === undefined && amount < leastShare;
