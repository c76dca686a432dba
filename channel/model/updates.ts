/**
 * The life of an update (BOLT 2, "Normal Operation"), without cryptography: proposed, in one side's commitment, in the other's,
 * irrevocably committed. An update carries the numbers of the first commitments that contain it; its state is a comparison with
 * `head`, and a restart, a retransmission or a penalty years later reads the same two numbers.
 */
import { type CommitmentView, inNextLocal, inNextRemote } from './spec.ts';
import type { CommitmentState, Core, FeeChange, Htlc, Removal, UpdateMarks } from './state.ts';

export type Htlcs = ReadonlyMap<bigint, Htlc>;

/** In no commitment yet. */
export const UNSIGNED: UpdateMarks = { local: undefined, remote: undefined };

/** Whether some commitment contains it: other updates do not outlive the connection. */
export const isSigned = ({ local, remote }: UpdateMarks): boolean => local !== undefined || remote !== undefined;

/** Whether both sides hold it and neither can go back (BOLT 2: "irrevocably committed"). */
export const isIrrevocable = (
  { local, remote }: UpdateMarks,
  head: Pick<CommitmentState, 'local' | 'remote'>,
): boolean => local !== undefined && remote !== undefined && local <= head.local && remote <= head.remote;

/** Every value through `change`, undefined to drop it; the same map when nothing changed. */
const mapHtlcs = (htlcs: Htlcs, change: (htlc: Htlc) => Htlc | undefined): Htlcs => {
  let next: Map<bigint, Htlc> | undefined;
  for (const [id, htlc] of htlcs) {
    const changed = change(htlc);
    if (changed === htlc) continue;
    next ??= new Map(htlcs);
    if (changed === undefined) next.delete(id);
    else next.set(id, changed);
  }
  return next ?? htlcs;
};

/** The map with one HTLC put in or replaced. */
export const withHtlc = (htlcs: Htlcs, htlc: Htlc): Htlcs => new Map(htlcs).set(htlc.id, htlc);

type Side = keyof UpdateMarks;

/** Writes `number` on every update that `view` contains and `side` did not yet. */
const mark = (core: Core, side: Side, number: number, view: CommitmentView): Core => {
  const marked = (by: 'us' | 'them', marks: UpdateMarks): UpdateMarks =>
    marks[side] === undefined && view(by, marks) ? { ...marks, [side]: number } : marks;
  const htlc =
    (addedBy: 'us' | 'them', endedBy: 'us' | 'them') =>
    (htlc: Htlc): Htlc => {
      const added = marked(addedBy, htlc.added);
      const marks = htlc.removal === undefined ? undefined : marked(endedBy, htlc.removal.marks);
      if (added === htlc.added && marks === htlc.removal?.marks) return htlc;
      const removal: Removal | undefined =
        htlc.removal === undefined || marks === undefined ? undefined : { ...htlc.removal, marks };
      return { ...htlc, added, removal };
    };
  const feesBy = core.params.role === 'funder' ? 'us' : 'them';
  return {
    ...core,
    incoming: mapHtlcs(core.incoming, htlc('them', 'us')),
    outgoing: mapHtlcs(core.outgoing, htlc('us', 'them')),
    fees: core.fees.map((fee): FeeChange => {
      const marks = marked(feesBy, fee.marks);
      return marks === fee.marks ? fee : { ...fee, marks };
    }),
  };
};

/** The peer signed our commitment `number`: it contains all that our next one was to contain. */
export const markLocal = (core: Core, number: number): Core => {
  const marked = mark(core, 'local', number, inNextLocal(core.head.remote));
  return { ...marked, fees: latest(marked.fees) };
};

/** Keeps only the last of the feerates that just our commitment has, so that a peer cannot pile them up. */
const latest = (fees: readonly FeeChange[]): readonly FeeChange[] => {
  const waiting = fees.filter(({ marks }) => marks.local !== undefined && marks.remote === undefined);
  return waiting.length < 2 ? fees : fees.filter((fee) => !waiting.includes(fee) || fee === waiting.at(-1));
};

/** We sign the peer's commitment `number`. */
export const markRemote = (core: Core, number: number): Core => mark(core, 'remote', number, inNextRemote);

const everyMarks = function* (core: Core): Generator<readonly [by: 'us' | 'them', marks: UpdateMarks]> {
  for (const { added, removal } of core.outgoing.values()) {
    yield ['us', added];
    if (removal !== undefined) yield ['them', removal.marks];
  }
  for (const { added, removal } of core.incoming.values()) {
    yield ['them', added];
    if (removal !== undefined) yield ['us', removal.marks];
  }
  const feesBy = core.params.role === 'funder' ? 'us' : 'them';
  for (const { marks } of core.fees) yield [feesBy, marks];
};

const some = (core: Core, test: (by: 'us' | 'them', marks: UpdateMarks) => boolean): boolean => {
  for (const [by, marks] of everyMarks(core)) if (test(by, marks)) return true;
  return false;
};

/** Whether the peer's next commitment would contain anything that its last one does not. */
export const hasChangesForRemote = (core: Core): boolean =>
  some(core, (by, marks) => marks.remote === undefined && inNextRemote(by, marks));

/** Whether we sent updates that no signature of ours covers yet. */
export const hasUnsignedOfOurs = (core: Core): boolean =>
  some(core, (by, marks) => by === 'us' && marks.remote === undefined);

/** Whether an HTLC stands in some commitment that may still be published, or is on its way into one. */
export const hasLiveHtlcs = ({ incoming, outgoing, head }: Core): boolean =>
  [...incoming.values(), ...outgoing.values()].some(
    ({ removal }) => removal === undefined || !isIrrevocable(removal.marks, head),
  );

/** Whether the peer revoked for an update of ours and still owes a commitment_signed that contains it. */
export const isAwaitingCommitmentSigned = (core: Core): boolean =>
  some(
    core,
    (by, { local, remote }) => by === 'us' && local === undefined && remote !== undefined && remote <= core.head.remote,
  );

/**
 * Whether nothing is in flight: no HTLC in either commitment, every update done on both sides, no revocation owed to us.
 * Only then a closing may be negotiated.
 */
export const hasNothingInFlight = (core: Core): boolean => {
  if (core.head.signedAt !== undefined) return false;
  if (some(core, (_, marks) => !isIrrevocable(marks, core.head))) return false;
  const open = ({ removal }: Htlc) => removal === undefined;
  return ![...core.incoming.values()].some(open) && ![...core.outgoing.values()].some(open);
};

const gone = (htlc: Htlc, head: CommitmentState): boolean =>
  htlc.removal !== undefined && isIrrevocable(htlc.removal.marks, head) && (htlc.way === 'in' || htlc.acknowledged);

/**
 * Folds finished updates into balance and feerate: HTLCs removed from both commitments (an outgoing one only once its resolution is
 * acknowledged) and feerates that both sides have. So the state is bounded by what is in flight.
 */
export const dropFinished = (core: Core): Core => {
  const { head } = core;
  let moved = 0n;
  const drop = (sign: bigint) => (htlc: Htlc) => {
    if (!gone(htlc, head)) return htlc;
    if (htlc.removal?.ending.kind === 'fulfill') moved += sign * htlc.amount;
    return undefined;
  };
  const incoming = mapHtlcs(core.incoming, drop(1n));
  const outgoing = mapHtlcs(core.outgoing, drop(-1n));
  const doneFees = core.fees.filter(({ marks }) => isIrrevocable(marks, head));
  const feerate = doneFees.at(-1)?.feerate ?? head.feerate;
  if (moved === 0n && doneFees.length === 0 && incoming === core.incoming && outgoing === core.outgoing) return core;
  return {
    ...core,
    incoming,
    outgoing,
    fees: core.fees.filter((fee) => !doneFees.includes(fee)),
    head: { ...head, toUs: head.toUs + moved, feerate },
  };
};

/**
 * What a disconnect leaves (BOLT 2, "Message Retransmission"): updates that no commitment contains are reversed, except
 * our own removals, which are sent again, and preimages. `dropped` are our own adds.
 */
export const reverseUncommitted = (core: Core): { readonly core: Core; readonly dropped: readonly Htlc[] } => {
  const dropped: Htlc[] = [];
  const outgoing = mapHtlcs(core.outgoing, (htlc) => {
    if (!isSigned(htlc.added)) {
      dropped.push(htlc);
      return undefined;
    }
    const { removal } = htlc;
    if (removal === undefined || isSigned(removal.marks)) return htlc;
    const preimage = removal.ending.kind === 'fulfill' ? removal.ending.preimage : htlc.preimage;
    return { ...htlc, removal: undefined, preimage };
  });
  const incoming = mapHtlcs(core.incoming, (htlc) => (isSigned(htlc.added) ? htlc : undefined));
  const { signedIn, signedOut } = core.head;
  return {
    core: {
      ...core,
      incoming,
      outgoing,
      fees: core.fees.filter(({ marks }) => isSigned(marks)),
      counters: { ...core.counters, nextIn: signedIn, nextOut: signedOut },
    },
    dropped,
  };
};

/** Before a channel goes on chain: keeps the preimages of fulfills on their way to the peer, to claim with on chain. */
export const keepPreimages = (core: Core): Core => {
  const incoming = mapHtlcs(core.incoming, (htlc) =>
    htlc.removal?.ending.kind === 'fulfill' && htlc.preimage === undefined
      ? { ...htlc, preimage: htlc.removal.ending.preimage }
      : htlc,
  );
  return incoming === core.incoming ? core : { ...core, incoming };
};
