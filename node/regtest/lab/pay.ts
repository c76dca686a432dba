/** `ampere lab pay`: one node of a lab pays another, without an invoice or with one. */
import { satText, tableLines } from '../../base/table.ts';
import { AmpereMember, paidOf } from './amperemember.ts';
import { LabError } from './laberror.ts';
import type { LabFile } from './labfile.ts';
import type { Paid } from './member.ts';
import { membersOf, mustRun } from './members.ts';
import { nodeNamed } from './names.ts';

/** The name of a payment by an ordinary invoice, beside the schemes that `keysend` knows. */
export const byInvoice = 'invoice';

export interface PayWishes {
  readonly from: string;
  readonly to: string;
  readonly amountMsat: bigint;
  readonly scheme?: string;
  readonly shards?: number;
  readonly redundancy?: number;
  readonly strategy?: string;
  readonly prefer?: 'cheap' | 'balanced' | 'reliable';
}

export interface PaidLab extends Paid {
  readonly from: string;
  readonly to: string;
  readonly amountMsat: bigint;
  /** From the call to its answer. */
  readonly milliseconds: number;
}

const wrong = (field: string, expected: string): LabError =>
  new LabError({ code: 'bad_argument', field, expected }, `${field}: expected ${expected}`);

/** Makes a payment. Throws LabError, and CallError with the payer's words where it fails. */
export const labPay = async (lab: LabFile, wishes: PayWishes, env: NodeJS.ProcessEnv): Promise<PaidLab> => {
  const { amountMsat, scheme, shards, redundancy, strategy, prefer } = wishes;
  const [from, to] = [nodeNamed(lab.nodes, wishes.from), nodeNamed(lab.nodes, wishes.to)];
  if (from.name === to.name) throw wrong('TO', `another node than ${from.name}`);
  const members = membersOf(lab, env);
  const [payer, payee] = [members.get(from.name), members.get(to.name)];
  if (payer === undefined || payee === undefined || to.id === undefined)
    throw wrong('TO', 'a node of a lab that is up; `ampere lab up` brings it up');
  await Promise.all([payer, payee].map(mustRun));
  const begun = performance.now();
  const paid = async (): Promise<Paid> => {
    if (!(payer instanceof AmpereMember)) {
      if ((scheme ?? byInvoice) !== byInvoice || shards !== undefined)
        throw wrong('--scheme', `${byInvoice}, without --shards: ${from.name} is an lnd`);
      return payer.pay(await payee.invoice(amountMsat));
    }
    if (scheme === byInvoice) return { ...(await payer.pay(await payee.invoice(amountMsat))), scheme: byInvoice };
    return paidOf(
      await payer.call('keysend', {
        ...{ destination: to.id ?? '', amount_msat: amountMsat, label: 'lab pay' },
        ...(scheme !== undefined && { scheme }),
        ...(shards !== undefined && { shards }),
        ...(redundancy !== undefined && { redundancy, maxoverpayment: amountMsat }),
        ...(strategy !== undefined && { strategy }),
        ...(prefer !== undefined && { prefer }),
      }),
    );
  };
  const result = await paid();
  return { ...result, from: from.name, to: to.name, amountMsat, milliseconds: Math.round(performance.now() - begun) };
};

const sat = (msat: bigint): string => satText(String(msat));

/** A payment in lines for people; `nameOf` gives the name of a node id. */
export const paidLines = (paid: PaidLab, nameOf: (id: string) => string): readonly string[] => {
  const { from, to, amountMsat, sentMsat, parts, scheme, milliseconds } = paid;
  const routes = new Set(parts.map(({ nodes }) => nodes.join())).size;
  const many = (count: number, what: string) => `${count} ${what}${count === 1 ? '' : 's'}`;
  return [
    `${from} paid ${to} ${sat(amountMsat)} sat (${scheme}) in ${many(parts.length, 'HTLC')} over ${many(routes, 'route')}`,
    `${sat(sentMsat - amountMsat)} sat of fees, ${milliseconds} ms`,
    '',
    ...tableLines(
      [
        { title: 'HTLC', cell: ([at]) => String(at + 1), right: true },
        { title: 'amount sat', cell: ([, { amountMsat: amount }]) => sat(amount), right: true },
        { title: 'fee sat', cell: ([, { feeMsat: fee }]) => sat(fee), right: true },
        { title: 'route', cell: ([, { nodes }]) => [from, ...nodes.map(nameOf)].join(' → ') },
      ],
      [...parts.entries()],
    ),
  ];
};
