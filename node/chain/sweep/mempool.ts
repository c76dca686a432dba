/**
 * Spends that no block holds yet: a preimage in the mempool is as good as one in a block, and a block may be late. Outputs are
 * asked for one after the other, at each block and every few seconds; a spend is told when it is another than the one before.
 */
import { hex } from '../../../wire/bytes.ts';
import type { Chain, ChainTx, Clock, Log, Outpoint } from '../../ports.ts';
import { ChainError } from '../errors.ts';
import { outpointKey } from '../watch.ts';

export interface MempoolParts {
  readonly chain: Chain;
  readonly clock: Clock;
  readonly log: Log;
  /** Told of each transaction that spends a watched output. */
  readonly tell: (owner: string, outpoint: Outpoint, spender: ChainTx) => void;
  /** Something failed that is not the chain's silence. */
  readonly fatal: (error: unknown) => void;
}

/** Milliseconds between two looks. */
const EVERY_MS = 5_000;

interface Watched {
  readonly outpoint: Outpoint;
  /** Id of the spender that was told of last. */
  told: string | undefined;
  /** A block holds a spend: there is nothing to look for. */
  mined: boolean;
}

export class MempoolWatch {
  private readonly parts: MempoolParts;
  /** By owner, then by outpoint. */
  private readonly owners = new Map<string, Map<string, Watched>>();
  private cancel: () => void = () => undefined;
  private started = false;
  private running: Promise<void> | undefined;

  constructor(parts: MempoolParts) {
    this.parts = parts;
  }

  /** Looks out for spends of these too. */
  watch(owner: string, outpoints: readonly Outpoint[]): void {
    const watched = this.owners.get(owner) ?? new Map<string, Watched>();
    this.owners.set(owner, watched);
    for (const outpoint of outpoints) {
      const key = outpointKey(outpoint.txid, outpoint.vout);
      if (!watched.has(key)) watched.set(key, { outpoint, told: undefined, mined: false });
    }
  }

  /** Whether a block of the best chain holds a spend of this. */
  mined(owner: string, outpoint: Outpoint, mined: boolean): void {
    const watched = this.owners.get(owner)?.get(outpointKey(outpoint.txid, outpoint.vout));
    if (watched !== undefined) watched.mined = mined;
  }

  forget(owner: string): void {
    this.owners.delete(owner);
  }

  start(): void {
    this.started = true;
    void this.look();
  }

  /** Ends; resolves when nothing is being asked any more. */
  async stop(): Promise<void> {
    this.started = false;
    this.cancel();
    await this.running;
  }

  /** Looks now; resolves when all have been asked for. One look at a time. Never rejects. */
  look(): Promise<void> {
    if (!this.started) return Promise.resolve();
    this.running ??= this.lookAtAll()
      .catch(this.parts.fatal)
      .finally(() => {
        this.running = undefined;
        this.cancel();
        if (this.started) this.cancel = this.parts.clock.after(EVERY_MS, () => void this.look());
      });
    return this.running;
  }

  private async lookAtAll(): Promise<void> {
    const { chain, log, tell } = this.parts;
    for (const [owner, outputs] of [...this.owners])
      for (const watched of [...outputs.values()]) {
        if (!this.started) return;
        if (watched.mined) continue;
        try {
          const spender = await chain.spender(watched.outpoint);
          const id = spender && hex(spender.txid);
          if (spender === undefined || id === undefined || watched.told === id) continue;
          watched.told = id;
          tell(owner, watched.outpoint, spender);
        } catch (error) {
          if (!(error instanceof ChainError)) throw error;
          log.debug({ reason: error.message }, 'the mempool could not be asked; it will be again');
          return;
        }
      }
  }
}
