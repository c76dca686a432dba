/** `ampere trace`: follows the wire messages of a running node until it is interrupted or the node stops. */
import type { Client } from '../api/rpc/client.ts';
import { type TracedMessage, traceJson, traceText } from '../base/tracelines.ts';
import { UsageError } from './words.ts';

/** Seconds that one question waits for messages. */
const WAIT = 30;

interface Answer {
  readonly messages: readonly TracedMessage[];
  readonly next: number;
  readonly missed: number;
}

interface Peer {
  readonly id: string;
  readonly alias?: string;
}

/** The node id that is meant: whole, or the first digits of that of a connected peer. Throws UsageError. */
const peerOf = async (client: Client, word: string): Promise<string> => {
  if (/^0[23][0-9a-f]{64}$/i.test(word)) return word.toLowerCase();
  const { peers } = (await client.raw('listpeers', {})) as { readonly peers: readonly Peer[] };
  const meant = /^[0-9a-f]{4,}$/i.test(word) ? peers.filter(({ id }) => id.startsWith(word.toLowerCase())) : [];
  const [only, another] = meant;
  if (only === undefined || another !== undefined)
    throw new UsageError(
      `PEER: expected a node id, or the first digits (4 or more) of one of ${peers.length} connected peers; ${another === undefined ? 'none begins' : 'several begin'} with '${word.slice(0, 66)}'`,
    );
  return only.id;
};

/** Whether the words of a call ask for messages as they come, and not for one answer of the method. */
export const isFollowing = (method: string, params: object): params is { readonly peer?: unknown } =>
  method === 'trace' && Object.keys(params).every((name) => name === 'peer');

/** Prints messages as they come; on a screen their bytes are cut to its columns. Ends only by what it throws: ConnectionError once the node stops, CallError. */
export const followTrace = async (
  client: Client,
  { peer }: { readonly peer?: unknown },
  {
    json,
    columns,
    isScreen = false,
    out,
    err,
  }: { readonly json: boolean; readonly columns: number; readonly isScreen?: boolean } & Readonly<
    Record<'out' | 'err', (text: string) => void>
  >,
): Promise<void> => {
  const of = peer === undefined ? undefined : await peerOf(client, String(peer));
  let next = ((await client.raw('trace', { wait: 0 })) as Answer).next;
  for (;;) {
    const answer = (await client.raw('trace', { ...(of && { peer: of }), after: next, wait: WAIT })) as Answer;
    if (answer.missed > 0) err(`ampere: ${answer.missed} messages were missed here: this reader is too slow`);
    for (const message of answer.messages)
      out((json ? traceJson(message) : traceText(message, columns, isScreen)).trimEnd());
    next = answer.next;
  }
};
