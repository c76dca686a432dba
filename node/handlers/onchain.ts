/** What an operator is told of a channel that is given up or on chain: which transaction, which output, what is waited for. */
import { Transaction } from 'bitcoinjs-lib';
import { publishable } from '../../channel/dance.ts';
import { DEEP } from '../../channel/fates.ts';
import type { Failed, Funded, Onchain as OnchainState } from '../../channel/state.ts';
import { displayedOutpoint, standingText } from '../chain/sweep/standing.ts';
import { outpointKey } from '../chain/watch.ts';
import type { Entry } from '../channels/entry.ts';
import type { WatchedOutput } from '../channels/onchain.ts';
import { spendText } from '../channels/said.ts';
import type { Node } from '../node.ts';
import { fundingLines } from './unfunded.ts';

/** The transaction that a channel that was given up has published; undefined where it must not publish any. */
export const publishedOf = ({ core, outdated, agreed }: Failed): Uint8Array | undefined =>
  outdated ? undefined : (agreed ?? publishable(core));

const idOf = (tx: Uint8Array): string => Transaction.fromBuffer(tx).getId();
const blocks = (count: number): string => (count === 1 ? '1 block' : `${count} blocks`);

const failedLines = (state: Failed): readonly string[] => {
  const tx = publishedOf(state);
  const waits =
    tx === undefined
      ? 'our commitment is outdated and not published; waits for the peer to publish its own'
      : `${state.agreed === undefined ? 'our commitment' : 'the closing transaction'} ${idOf(tx)} is published and waits for a block`;
  return [`given up: ${state.why}`, waits];
};

const outputLine = ({ outpoint, spend }: WatchedOutput, height: number): string => {
  const what = `output ${displayedOutpoint(outpoint)}`;
  if (spend === undefined) return `${what}: waits for whoever may spend it`;
  const by = spend.ours ? 'taken by our' : 'taken by somebody else with';
  return `${what}: ${by} ${spend.txid} in block ${spend.height}, ${height - spend.height + 1} deep`;
};

const onchainLines = (node: Node, { key }: Entry, state: OnchainState): readonly string[] => {
  const { height } = node.follower.top;
  const deep = (at: number): number => height - at + 1;
  const claims = node.onchain.standing(key);
  const claimed = new Set(claims.map(({ claim: { outpoint } }) => outpointKey(outpoint.txid, outpoint.index)));
  const outputs = node.onchain.outputsOf(key);
  const others = outputs.filter(
    ({ outpoint, spend }) =>
      !claimed.has(outpointKey(outpoint.txid, outpoint.index)) && (spend === undefined || deep(spend.height) < DEEP),
  );
  const last = Math.max(state.height, ...outputs.map(({ spend }) => spend?.height ?? 0));
  const done = claims.length === 0 && others.every(({ spend }) => spend !== undefined);
  return [
    `ONCHAIN: ${spendText[state.by]} (${idOf(state.tx)}, block ${state.height}, ${deep(state.height)} deep)`,
    ...claims.map(standingText),
    ...others.map((output) => outputLine(output, height)),
    ...(done
      ? [`every output is settled; the channel is forgotten after ${blocks(Math.max(0, DEEP - deep(last)))}`]
      : []),
  ];
};

/** The lines of `status` in listpeerchannels, what counts most first. */
export const statusLines = (node: Node, entry: Entry, state: Funded): string[] => {
  switch (state.phase) {
    case 'failed':
      return [
        ...failedLines(state),
        ...fundingLines(node, entry, state),
        ...node.onchain.standing(entry.key).map(standingText),
        ...entry.status,
      ];
    case 'onchain':
      return [...onchainLines(node, entry, state), ...entry.status];
    default:
      return [...fundingLines(node, entry, state), ...entry.status];
  }
};
