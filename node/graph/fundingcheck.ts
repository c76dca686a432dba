/**
 * Looks up the funding outputs of all channels of the graph, one after the other. It is needed only where a part of what was stored was
 * lost or exchanged, and with it the news that channels were closed: they must not be routed through.
 */
import { ChainError } from '../chain/errors.ts';
import type { Chain, Log } from '../ports/ports.ts';
import { hasCaughtUp } from './fundinglookups.ts';
import type { Graph } from './graph.ts';

/** Milliseconds after which a chain that does not answer, or has yet to catch up, is asked again. */
const RETRY_MS = 30_000;

export interface FundingCheckParts {
  readonly graph: Graph;
  readonly chain: Pick<Chain, 'unspent' | 'tip'>;
  /** Height of the last block that the graph has applied. */
  readonly height: () => number;
  readonly log: Log;
  /** Runs something after that many milliseconds, unless the node ends before. */
  readonly later: (ms: number, run: () => void) => void;
}

/**
 * Takes out of the graph every channel whose funding output is spent or missing. Resolves with how many there were; not if the node ends
 * before. Rejects for bugs only.
 */
export const checkFundings = async ({ graph, chain, log, later, height }: FundingCheckParts): Promise<number> => {
  log.info(
    { channels: graph.size.channels },
    'each channel of the graph is looked up, since channels may have been closed unnoticed',
  );
  let closed = 0;
  for (const scid of graph.between(0, Number.MAX_SAFE_INTEGER)) {
    const isThere = async (): Promise<boolean> => {
      const channel = graph.channel(scid);
      return channel === undefined || (await chain.unspent(channel.funding, 'low')) !== undefined;
    };
    for (;;) {
      try {
        if (await isThere()) break;
        if (await hasCaughtUp(chain, height())) {
          graph.removeChannel(scid);
          closed++;
          break;
        }
      } catch (error) {
        if (!(error instanceof ChainError)) throw error;
      }
      await new Promise<void>((resolve) => later(RETRY_MS, resolve));
    }
  }
  log.info({ closed }, 'all channels of the graph were looked up, and those that are closed are gone');
  return closed;
};
