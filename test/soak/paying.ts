/**
 * What honest people do meanwhile: a payment each second, to the node, from it and through it by turns; and by turns in one HTLC, by AMP
 * over frames, and by lnd's AMP.
 */
import type { NodeProcess } from '../../node/regtest/demo/process.ts';
import { within } from './watching.ts';

/** Above what is too small for an output, in each HTLC. */
const htlc = 2_000_000n;
/** HTLCs of a payment by AMP. */
const shards = 3;
const kinds = [undefined, 'eob', 'deployed'] as const;
/** Milliseconds after which a payment counts as lost. */
const patience = 90_000;

export interface Trio {
  readonly payer: NodeProcess;
  readonly target: NodeProcess;
  readonly payee: NodeProcess;
}

export class Payments {
  /** Milliseconds of those that were made. */
  readonly took: number[] = [];
  /** What became of those that were not. */
  readonly lost: string[] = [];
  private readonly ways: readonly (readonly [from: NodeProcess, to: NodeProcess])[];
  private readonly paid: { readonly to: NodeProcess; readonly label: string }[] = [];

  constructor({ payer, target, payee }: Trio) {
    this.ways = [
      [payer, payee],
      [payer, target],
      [target, payee],
    ];
  }

  /** How many it takes until each way was paid by in each manner. */
  get variety(): number {
    return this.ways.length * kinds.length;
  }

  /** Makes one payment, from the invoice to its preimage. */
  async pay(n: number): Promise<void> {
    const [from, to] = this.ways[n % this.ways.length] ?? [];
    if (from === undefined || to === undefined) return;
    const label = `payment ${n}`;
    const amp = kinds[Math.floor(n / this.ways.length) % kinds.length];
    const amount = amp === undefined ? htlc : htlc * BigInt(shards);
    const began = performance.now();
    try {
      const { bolt11 } = await within(
        patience,
        to.call('invoice', { amount_msat: amount, label, description: 'soak', ...(amp && { amp }) }),
      );
      const { status } = await within(patience, from.call('pay', { bolt11, ...(amp && { shards }) }));
      if (status !== 'complete') throw new Error(`it is ${status}`);
      this.took.push(performance.now() - began);
      this.paid.push({ to, label });
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      this.lost.push(`${from.name} to ${to.name}${amp === undefined ? '' : ` by AMP ${amp}`}, number ${n}: ${why}`);
    }
  }

  /** Looks whether those who were paid say so; what is amiss goes to `lost`. */
  async check(): Promise<void> {
    for (const { to, label } of this.paid) {
      const status = await within(patience, to.call('listinvoices', { label })).then(
        ({ invoices }) => invoices[0]?.status,
        () => 'not told',
      );
      if (status !== 'paid') this.lost.push(`${label} was made, and at ${to.name} it is ${status}`);
    }
  }
}
