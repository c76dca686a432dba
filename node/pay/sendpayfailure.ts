/** What the outcome of an HTLC of `sendpay` says about its route, as Core Lightning tells it: which node failed it, and which channel. */

import type { Outcome } from '../../amp/io.ts';
import { BADONION, encodeFailure, failureCode, failureNameOf, failures, PERM } from '../../onion/failuremessages.ts';
import { readFailure } from '../../onion/failureonion.ts';
import { hex } from '../../wire/bytes.ts';
import { type Point, type ShortChannelId, scidText } from '../../wire/units.ts';
import type { SendpayFailure, SendpayRecord } from './sendpayrecord.ts';

const NO_MESSAGE = new Uint8Array();

const here = (code: number, words: string): SendpayFailure => ({
  ...{ kind: 'routing', index: 0, code, message: NO_MESSAGE, words },
});

/** A failure of this node itself: the first channel could not carry the HTLC. */
export const unsendable = (words: string): SendpayFailure => here(failures.temporary_channel_failure.code, words);

/** No usable channel leads to the first hop. */
export const noFirstChannel = (words: string): SendpayFailure => here(failures.unknown_next_peer.code, words);

const refusals = {
  full: 'the first channel cannot carry the amount now',
  offline: 'the peer of the first channel is away',
  unavailable: 'the first channel takes no such HTLC, or is closing',
  lost: 'the node stopped before the HTLC was sent',
  preimage_known: 'the preimage of the payment hash is known here already',
} as const;

/** The failure in an outcome. The reason that came back is opened with the shared secrets, if there are any. */
export const failureOf = (
  { sharedSecrets }: Pick<SendpayRecord, 'sharedSecrets'>,
  outcome: Exclude<Outcome, { kind: 'fulfilled' }>,
): SendpayFailure => {
  switch (outcome.kind) {
    case 'refused':
      return unsendable(refusals[outcome.why]);
    case 'timed_out':
      return here(
        failures.permanent_channel_failure.code,
        'the first channel was closed on chain, and the HTLC was taken back there',
      );
    case 'malformed':
      return {
        ...{ kind: 'routing', index: 1, code: outcome.failureCode, message: NO_MESSAGE },
        words: 'the first node could not read the onion',
      };
    case 'failed': {
      const found = sharedSecrets.length === 0 ? undefined : readFailure(sharedSecrets, outcome.reason);
      if (found === undefined || found.kind === 'unattributable') return { kind: 'unreadable', reason: outcome.reason };
      const { hop, failure } = found;
      const message = encodeFailure(failure);
      return { kind: 'routing', index: hop + 1, code: failureCode(failure), message, words: 'a node reported it' };
    }
  }
};

/** What a caller should do with it: `unreadable` 202, `destination` 203 (do not try again), `route` 204 (try another route). */
export const verdictOn = (
  { route }: Pick<SendpayRecord, 'route'>,
  failure: SendpayFailure,
): 'unreadable' | 'destination' | 'route' => {
  if (failure.kind === 'unreadable' || (failure.index > 0 && (failure.code & BADONION) !== 0)) return 'unreadable';
  const isLast = route.length > 0 && failure.index === route.length;
  return isLast && (failure.code & PERM) !== 0 ? 'destination' : 'route';
};

/** BOLT 4's name of a failure code as Core Lightning writes it; undefined for an unknown one. */
export const failcodeName = (code: number): string | undefined => {
  const name = failureNameOf(code);
  return name === undefined ? undefined : `WIRE_${name.toUpperCase()}`;
};

/** Where on its route an HTLC failed. */
export interface Erring {
  readonly node: Point | undefined;
  readonly channel: ShortChannelId | undefined;
  /** 0 where the channel was taken from the lesser node id to the greater. */
  readonly direction: 0 | 1 | undefined;
}

/**
 * The node that a failure came from and the channel that it is about: the one behind that node, or the last one where the destination
 * failed it. A node that could not read its onion is named in place of the one that reported it (BOLT 4, BADONION).
 */
export const erringOf = (
  us: Point,
  { route }: Pick<SendpayRecord, 'route'>,
  { index, code }: { readonly index: number; readonly code: number },
): Erring => {
  const nodes = [us, ...route.map(({ node }) => node)];
  if (route.length === 0) return { node: index === 0 ? us : undefined, channel: undefined, direction: undefined };
  const at = Math.min(index, route.length - 1);
  const from = nodes[at];
  const to = nodes[at + 1];
  const blamed = index > 0 && (code & BADONION) !== 0 && index < route.length ? index + 1 : index;
  return {
    node: nodes[blamed],
    channel: route[at]?.scid,
    direction: from === undefined || to === undefined ? undefined : hex(from) < hex(to) ? 0 : 1,
  };
};

/** A failure in a sentence. */
export const failureWords = (us: Point, record: Pick<SendpayRecord, 'route'>, failure: SendpayFailure): string => {
  if (failure.kind === 'unreadable')
    return 'failed: the failure that came back cannot be decrypted; onionreply has it as it came';
  const name = failcodeName(failure.code) ?? `failure code ${failure.code}`;
  if (failure.index === 0) return `failed: ${name} (${failure.words})`;
  const { node, channel } = erringOf(us, record, failure);
  const where =
    node === undefined ? `node ${failure.index} of the route` : `node ${failure.index} of the route, ${hex(node)}`;
  return `failed: ${name} at ${where}${channel === undefined ? '' : `, channel ${scidText(channel)}`}`;
};
