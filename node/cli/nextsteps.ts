/** What happens next, and with which command it is seen: a line behind the results of calls that only begin something. */

import type { MethodName } from '../api/table.ts';
import { type Json, plain } from './columns.ts';

const blocks = (count: unknown): string => (count === 1 ? '1 block' : `${plain(count)} blocks`);

/** A sentence; `ampere` is how this node is called. */
type Said = (ampere: string) => string;

const ofClose: Readonly<Record<string, Said>> = {
  mutual: (ampere) =>
    `The closing transaction waits for a block, and pays this node at once: ${ampere} listfunds shows it.`,
  unilateral: (ampere) =>
    `This node's commitment waits for a block, and what it pays here for the delay behind it; ${ampere} listpeerchannels shows how far it is.`,
  unopened: () => 'The channel was never open, and no transaction is needed.',
};

const steps: Partial<Record<MethodName, (result: Json, ampere: string) => string | undefined>> = {
  fundchannel: ({ mindepth, warning_unpublished: unpublished }, ampere) =>
    unpublished === undefined && mindepth !== undefined
      ? `The channel can be used once its funding transaction has ${blocks(mindepth)}: ${ampere} listpeerchannels shows when.`
      : `${ampere} listpeerchannels shows when the channel can be used.`,
  close: ({ type }, ampere) => ofClose[plain(type)]?.(ampere),
  withdraw: (_, ampere) => `The transaction waits for a block; ${ampere} listtransactions shows when it has one.`,
  newaddr: (_, ampere) => `Coins sent there can be spent once they have a block: ${ampere} listfunds shows them.`,
};

/**
 * A sentence about what comes of this result; undefined where nothing is to come. The command in it can be typed as it stands: `ampere`
 * is how this node is called, such as `ampere @alice`.
 */
export const nextStep = (name: string, result: Json, ampere = 'ampere'): string | undefined =>
  steps[name as MethodName]?.(result, ampere);
