/**
 * The Chain port with short timeouts, for API calls and for openings that a peer waits for. A call to a bitcoind that hangs takes 30
 * seconds to fail; here it fails as `unreachable` after 5, although bitcoind may still execute it (a broadcast may still succeed).
 */
import type { ChainHash } from '../../wire/units.ts';
import type { Chain, Clock, Tip } from '../ports/ports.ts';
import { checkNetwork } from './bitcoind.ts';
import { ChainError } from './errors.ts';

/** Milliseconds until a call fails as `unreachable`. */
export const ANSWER_TIMEOUT_MS = 5_000;
/** The same for the tip in status output. */
const TIP_TIMEOUT_MS = 500;
/** The same for the network, before a new node makes its seed: it can be stopped only after that. */
const NETWORK_TIMEOUT_MS = 1_000;

export interface TimeoutParts {
  readonly chain: Chain;
  readonly clock: Clock;
  /** HOST:PORT of bitcoind, for messages. */
  readonly where: string;
}

/** The answer, or a ChainError `unreachable` after so many milliseconds. */
const withTimeout = <T>({ clock, where }: TimeoutParts, ms: number, answer: Promise<T>): Promise<T> =>
  new Promise((resolve, reject) => {
    const late = (): void =>
      reject(new ChainError({ code: 'unreachable', where, reason: `it takes longer than ${ms / 1000} seconds` }));
    const cancel = clock.after(ms, late);
    answer.then(resolve, reject).finally(cancel);
  });

/** The same chain, whose calls fail after `ANSWER_TIMEOUT_MS`; reading blocks has no such limit. */
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

/**
 * Throws ChainError `wrong_network` for a bitcoind of another network. One that does not answer in a second passes: a node that comes up
 * waits for it, and asks again.
 */
export const refuseOtherNetwork = async (parts: TimeoutParts, expected: ChainHash): Promise<void> => {
  try {
    await withTimeout(parts, NETWORK_TIMEOUT_MS, checkNetwork(parts.chain, expected));
  } catch (error) {
    if (error instanceof ChainError && error.fault.code === 'wrong_network') throw error;
  }
};

/** The best block, or why it is not known. */
export type TipOrReason = { readonly tip: Tip } | { readonly why: string };

/** Asks for the tip, one call at a time, and waits for at most `TIP_TIMEOUT_MS`. */
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
