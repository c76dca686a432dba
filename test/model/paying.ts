/** Invoices and payments of a run: what a caller of the nodes' API would ask for, drawn from a few numbers. */
import { DEPLOYED } from '../../amp/deployed.ts';
import type { InvoiceTerms, PaymentRequest } from '../../amp/io.ts';
import { LEAST_SHARE } from '../../amp/limits.ts';
import { outletOf } from '../../node/channels/views.ts';
import type { Node } from '../../node/core/node.ts';
import { hex, u32be, utf8, zeros } from '../../wire/bytes.ts';
import { sha256 } from '../../wire/crypto.ts';
import { MAX_EXPIRY_AHEAD, msat, paymentHash, preimage } from '../../wire/units.ts';
import type { World } from './world.ts';

export interface PayMove {
  readonly do: 'pay';
  readonly from: number;
  /** Which of the other two nodes is paid. */
  readonly to: 0 | 1;
  /** A sum in millisatoshi, or so many hundredths of what the payer's channels could send. */
  readonly amount: { readonly msat: bigint } | { readonly percent: number };
  readonly scheme: PaymentRequest['scheme'];
  readonly shards: number;
  /** By which the amount is cut; undefined: by what the outlets carry. */
  readonly strategy?: string | undefined;
  /** `bare`: no invoice, an AMP alone can do that. The others are payments that must not succeed, or perhaps not. */
  readonly twist: 'none' | 'bare' | 'short' | 'unknown' | 'withheld' | 'again';
}

const secret = (n: number, what: string): Uint8Array => sha256(utf8(what), u32be(n));

/** Seconds a payment is tried for, and a set waits for its last share. */
export const PATIENCE = 60;

/** From here on no part of a payment is so small that it has no output of its own in a commitment. */
export const DUSTY = 10_000_000n;
/** Its smallest part, in millisatoshi. */
export const SMALLEST = 5_000_000n;

/** What kind of invoice a payment is for. */
const kindFor = (scheme: PaymentRequest['scheme']): InvoiceTerms['kind'] =>
  scheme === DEPLOYED ? 'deployed_amp' : scheme === 'single' || scheme === 'mpp' ? 'ordinary' : 'eob_amp';

/** Makes an invoice on a node that is up; its number names it. */
const invoice = async (
  world: World,
  payee: Node,
  place: number,
  n: number,
  amount: bigint,
  kind: InvoiceTerms['kind'],
) => {
  const isAmp = kind !== 'ordinary';
  const hash = isAmp ? secret(n, 'hash') : sha256(secret(n, 'preimage'));
  void payee.invoices.add({
    label: `${n}`,
    kind,
    bolt11: '',
    description: '',
    amount: msat(amount),
    paymentHash: paymentHash(hash),
    paymentSecret: secret(n, 'secret'),
    preimage: isAmp ? undefined : preimage(secret(n, 'preimage')),
    minFinalCltv: payee.config.cltvFinal,
    expiresAt: payee.now() + 3600,
  });
  // It is looked whether there is one of this name; whoever asked for an invoice has it once it is durable.
  await world.drain();
  await world.flush(place, Number.POSITIVE_INFINITY);
};

const requestOf = (
  node: Node,
  move: PayMove,
  n: number,
  invoiceNumber: number,
  payee: Node,
  amount: bigint,
): PaymentRequest => {
  const { scheme, twist } = move;
  const terms = {
    id: `payment ${n}`,
    destination: payee.keys.nodeId,
    amount: msat(twist === 'short' ? amount / 2n + 1n : amount),
    maxFee: msat(amount / 100n + 5000n),
    shards: scheme === 'single' ? undefined : move.shards,
    strategy: move.strategy,
    maxShards: scheme === 'single' ? 1 : 6,
    minShard: msat(amount >= DUSTY ? SMALLEST : twist === 'bare' ? LEAST_SHARE : 1000n),
    finalCltv: node.config.cltvFinal + 3,
    maxDelay: MAX_EXPIRY_AHEAD,
    entropy: secret(n, 'entropy'),
    deadline: node.now() + PATIENCE,
    withhold: twist === 'withheld' ? 1 : 0,
  };
  if (scheme === DEPLOYED) {
    const paymentSecret = twist === 'bare' ? secret(n, 'bare') : secret(invoiceNumber, 'secret');
    return { ...terms, scheme, paymentSecret, metadata: undefined };
  }
  if (scheme !== 'single' && scheme !== 'mpp') {
    const paymentId = twist === 'bare' ? zeros(11) : secret(invoiceNumber, 'secret').slice(0, 11);
    return { ...terms, scheme, paymentId };
  }
  const hash = twist === 'unknown' ? secret(n, 'unknown') : sha256(secret(invoiceNumber, 'preimage'));
  return {
    ...terms,
    scheme,
    paymentHash: paymentHash(hash),
    paymentSecret: secret(invoiceNumber, 'secret'),
    metadata: undefined,
  };
};

/**
 * An invoice that somebody tried to pay before. A caller does not pay an ordinary one twice at once, nor in parts one that
 * others may be paying: its set cannot tell payers withoutChain.
 */
const paidBefore = ({ observed }: World, move: PayMove, to: number): number | undefined => {
  const found = [...observed.payments.values()].findLast(
    (one) =>
      one.to === to &&
      one.scheme === move.scheme &&
      move.scheme !== 'mpp' &&
      (one.from !== move.from || observed.kept.get(one.id)?.status === 'failed'),
  );
  return found?.invoiceNumber;
};

/** Begins a payment if both nodes are up; an offline payee cannot make an invoice. */
export const pay = async (world: World, move: PayMove): Promise<void> => {
  const to = (move.from + 1 + move.to) % 3;
  const [payer, payee] = [world.node(move.from), world.node(to)];
  if (payer === undefined || payee === undefined || world.isThief(move.from) || world.isThief(to)) return;
  const { observed } = world;
  const n = observed.payments.size;
  const outlets = [...payer.channels.entries.values()].flatMap(
    (entry) => outletOf(entry, payer.channels.context()) ?? [],
  );
  const most = outlets.reduce((sum, { spendable }) => sum + spendable, 0n);
  const amount = 'msat' in move.amount ? move.amount.msat : (most * BigInt(move.amount.percent)) / 100n;
  if (amount < 2n) return;
  const kind = kindFor(move.scheme);
  const bare = kind !== 'ordinary' && (move.twist === 'bare' || move.twist === 'unknown');
  // Paying once more what was paid before: the payee takes it once, unless its invoice is for an AMP as lnd deploys it.
  const again = move.twist === 'again' ? paidBefore(world, move, to) : undefined;
  const invoiceNumber = again ?? n;
  if (!bare && again === undefined && move.twist !== 'unknown') await invoice(world, payee, to, n, amount, kind);
  const request = requestOf(payer, bare ? { ...move, twist: 'bare' } : move, n, invoiceNumber, payee, amount);
  observed.payments.set(request.id, {
    id: request.id,
    from: move.from,
    to,
    scheme: move.scheme,
    invoiceNumber: bare || move.twist === 'unknown' ? undefined : invoiceNumber,
  });
  world.trace(
    `${world.site(move.from).name} pays ${world.site(to).name} ${request.amount} msat, ${move.scheme} ${request.id}`,
  );
  const note = {
    paymentHash: 'paymentHash' in request ? request.paymentHash : secret(n, 'note'),
    label: hex(secret(n, 'label')).slice(0, 8),
    bolt11: undefined,
    description: undefined,
    hints: [],
  };
  void payer.payments.start(request, note).then((record) => observed.answer(request.id, record));
  await world.drain();
};
