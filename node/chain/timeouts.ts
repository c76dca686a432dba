/**
 * A chain for those who cannot wait for it: callers of the API, and peers that wait with us for a channel. A bitcoind that hangs keeps
 * a question for half a minute before it counts as unreachable; here it counts as that after seconds, though what it was given may
 * still be taken.
 */
import type { Chain, Clock, Tip } from '../ports/ports.ts';
import { ChainError } from './errors.ts';

/** Milliseconds that a question is waited for. */
export const ANSWER_TIMEOUT_MS = 5_000;
/** The same for how far the chain is, which nobody waits for. */
const TIP_TIMEOUT_MS = 500;

export interface TimeoutParts {
  readonly chain: Chain;
  readonly clock: Clock;
  /** HOST:PORT of bitcoind, for messages. */
  readonly where: string;
}

/** What was asked, or a ChainError `unreachable` after so many milliseconds. */
const withTimeout = <T>({ clock, where }: TimeoutParts, ms: number, answer: Promise<T>): Promise<T> =>
  new Promise((resolve, reject) => {
    const late = (): void =>
      reject(new ChainError({ code: 'unreachable', where, reason: `it takes longer than ${ms / 1000} seconds` }));
    const cancel = clock.after(ms, late);
    answer.then(resolve, reject).finally(cancel);
  });

/** The same chain, whose estimates and verdicts come in seconds or not at all; blocks are read as before. */
export const withTimeouts = (parts: TimeoutParts): Chain => {
  const { chain } = parts;
  const soon =
    <A extends readonly unknown[], T>(ask: (...given: A) => Promise<T>) =>
    (...given: A): Promise<T> =>
      withTimeout(parts, ANSWER_TIMEOUT_MS, ask(...given));
  return {
    ...chain,
    tip: soon(chain.tip),
    testAccept: soon(chain.testAccept),
    broadcast: soon(chain.broadcast),
    broadcastPackage: soon(chain.broadcastPackage),
    feerate: soon(chain.feerate),
    relayFeerate: soon(chain.relayFeerate),
    unspent: soon(chain.unspent),
    mempoolSpender: soon(chain.mempoolSpender),
  };
};

/** How far the chain is, or why it does not say. */
export type TipOrReason = { readonly tip: Tip } | { readonly why: string };

/** Looks how far the chain is, for whoever asks; one question at a time, and none is waited for longer than a moment. */
export const tipProbe = (parts: TimeoutParts): (() => Promise<TipOrReason>) => {
  const { chain, clock } = parts;
  let asked: { readonly at: number; readonly answer: Promise<Tip> } | undefined;
  return async () => {
    if (asked === undefined) {
      const question = { at: clock.now(), answer: chain.tip() };
      asked = question;
      const over = (): void => {
        if (asked === question) asked = undefined;
      };
      question.answer.then(over, over);
    }
    try {
      const left = Math.max(0, asked.at + TIP_TIMEOUT_MS - clock.now());
      return { tip: await withTimeout(parts, Math.min(TIP_TIMEOUT_MS, left), asked.answer) };
    } catch (error) {
      return { why: error instanceof Error ? error.message : String(error) };
    }
  };
};
