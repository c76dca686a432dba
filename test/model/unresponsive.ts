/**
 * A peer that stops responding: it keeps its connections and answers pings, gossips perhaps, and from some message on says nothing about
 * channels, on every connection anew. What it hears it takes in. Its process has no time of its own and publishes nothing.
 */
import { decodeMessage } from '../../wire/message.ts';
import type { Muting } from './pipe.ts';
import { messagesOf } from './stubs/plaintransport.ts';
import type { World } from './world.ts';

/** The messages that channels wait for, by phase. */
export const awaited = {
  opening: ['accept_channel', 'funding_created', 'funding_signed', 'channel_ready'],
  normal: ['commitment_signed', 'revoke_and_ack', 'update_fulfill_htlc', 'update_fail_htlc'],
  closing: ['shutdown', 'closing_signed'],
  again: ['channel_reestablish'],
} as const;

type Awaited = (typeof awaited)[keyof typeof awaited][number];

export interface StopRespondingMove {
  readonly do: 'stopResponding';
  readonly link: number;
  readonly side: 0 | 1;
  /** The first message that does not come; `anything`: none does from now on. */
  readonly at: Awaited | 'anything';
}

const aboutChannels = new Set<string>([
  ...Object.values(awaited).flat(),
  ...['open_channel', 'update_add_htlc', 'update_fail_malformed_htlc', 'update_fee', 'error'],
]);

/** The name of the message that a chunk is; empty for the caller's name. */
export const nameOfChunk = (chunk: Uint8Array): string => {
  const [raw] = messagesOf(chunk);
  return raw === undefined || raw.length === 33 ? '' : decodeMessage(raw).name;
};

const mutingFrom = (at: StopRespondingMove['at']): Muting => ({
  begins: (chunk) => (at === 'anything' ? aboutChannels.has(nameOfChunk(chunk)) : nameOfChunk(chunk) === at),
  passes: (chunk) => !aboutChannels.has(nameOfChunk(chunk)),
});

/** The faulty node, if it is one of this link, stops responding. */
export const stopResponding = (
  { wires, unresponsiveLinks, faulty }: World,
  { link, side, at }: StopRespondingMove,
): void => {
  if (link + side !== faulty) return;
  unresponsiveLinks.add(link);
  wires.mutings.set(`${link}/${side}`, mutingFrom(at));
};

/** It responds again: what it would have sent meanwhile, it sends now. One that proposed dishonest closing fees goes on as it should. */
export const respondAgain = ({ wires }: World): void => {
  wires.mutings.clear();
  wires.alter = undefined;
};
