/** What is under way while a call is waited for: a line that is rewritten, on a terminal alone. */

import { type Client, openClient } from '../api/rpc/client.ts';
import { satText } from '../base/table.ts';
import type { Clock } from '../ports/ports.ts';
import type { Json } from './columns.ts';

/** Milliseconds before anything is said, and between two lines. */
const QUIET = 1000;
const EVERY = 500;

/** Milliseconds between two lines where nobody watches, as in a file. */
const SELDOM = 10_000;

const paying = new Set(['pay', 'xpay', 'keysend']);

interface Shard {
  readonly status?: unknown;
  readonly amount_sent_msat?: unknown;
}

const htlcs = (count: number): string => (count === 1 ? '1 HTLC' : `${count} HTLCs`);

/** How far the HTLCs of a payment are, as a row of listpays tells it. */
export const paymentText = ({ shards }: Json): string => {
  const all: readonly Shard[] = Array.isArray(shards) ? shards : [];
  const of = (status: string): readonly Shard[] => all.filter((shard) => shard.status === status);
  const sum = of('pending').reduce((total, shard) => total + BigInt(String(shard.amount_sent_msat ?? 0)), 0n);
  const parts = [
    of('pending').length > 0 ? `${htlcs(of('pending').length)} under way with ${satText(String(sum))} sat` : '',
    of('complete').length > 0 ? `${of('complete').length} arrived` : '',
    of('failed').length > 0 ? `${of('failed').length} failed` : '',
  ];
  return parts.filter((part) => part !== '').join(', ') || 'looking for a route';
};

/** The payment that a call made, among those under way since it began; undefined where none can be told. */
const paymentOf = async (client: Client, params: Json, since: number): Promise<Json | undefined> => {
  const bolt11 = params['bolt11'];
  const asked = typeof bolt11 === 'string' ? { bolt11 } : { status: 'pending' };
  const { pays } = (await client.raw('listpays', asked)) as { readonly pays?: readonly Json[] };
  return pays?.findLast(({ created_at: at }) => Number(at) >= since);
};

/** Says every ten seconds at most, and not before the first ten, what it is told: for logs of what takes long. `now` in milliseconds. */
export const seldom = (say: (text: string) => void, now: () => number): ((text: () => string) => void) => {
  let last = now();
  return (text) => {
    if (now() - last < SELDOM) return;
    last = now();
    say(text());
  };
};

export interface WaitedCall {
  readonly method: string;
  readonly params: Json;
  readonly socket: string;
  readonly clock: Clock;
}

/**
 * Waits for the answer of a call and says meanwhile for how long it has, and how far a payment is; the line is gone when there is an
 * answer. What goes wrong with the line costs the line.
 */
export const withProgress = async <T>(
  { method, params, socket, clock }: WaitedCall,
  say: ((text: string) => void) | undefined,
  answer: Promise<T>,
): Promise<T> => {
  if (say === undefined) return answer;
  const begun = clock.now();
  let client: Client | undefined;
  let isOver = false;
  let isSaid = false;
  let cancel: () => void = () => undefined;
  const look = async (): Promise<void> => {
    let far = '';
    if (paying.has(method)) {
      try {
        client ??= await openClient(socket);
        const payment = await paymentOf(client, params, Math.floor(begun / 1000) - 1);
        far = payment === undefined ? '' : `: ${paymentText(payment)}`;
      } catch {
        // The answer that is waited for will say what is wrong.
      }
    }
    if (isOver) {
      client?.close();
      return;
    }
    isSaid = true;
    say(`${method}: ${Math.floor((clock.now() - begun) / 1000)} s${far}`);
    cancel = clock.after(EVERY, () => void look());
  };
  cancel = clock.after(QUIET, () => void look());
  try {
    return await answer;
  } finally {
    isOver = true;
    cancel();
    client?.close();
    if (isSaid) say('');
  }
};
