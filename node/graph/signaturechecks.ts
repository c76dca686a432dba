/**
 * Checks many signatures together on a thread of their own, so that the thousands of a first sync hold up neither channels nor payments.
 * The thread is started when there is enough to do and ended when there is nothing more; where it cannot be had (the program runs from
 * its sources, or the thread broke), the caller checks one by one.
 */
import { Worker } from 'node:worker_threads';
import { isBuilt, packaged } from '../base/packaged.ts';
import type { Log } from '../ports/ports.ts';

/** A check: a signature of 64 bytes, the digest of 32 that it signs, and the signer's point of 33. */
export const CHECK_BYTES = 64 + 32 + 33;

/** What a thread is given: checks one behind the other. */
export interface ChecksToDo {
  readonly number: number;
  readonly checks: Uint8Array;
}

/** What it answers: a byte for each check, 1 where the signature holds. */
export interface ChecksDone {
  readonly number: number;
  readonly valid: Uint8Array;
}

export interface SignatureChecks {
  /** A byte for each check, 1 where the signature holds; undefined where nobody can check them apart. */
  check(checks: Uint8Array): Promise<Uint8Array | undefined>;
}

export interface SignatureThreadParts {
  readonly log: Log;
  /** Runs something after that many milliseconds. */
  readonly later: (ms: number, run: () => void) => void;
  /** The program of the thread; that of the build unless told. */
  readonly program?: string | undefined;
}

/** Milliseconds without work after which the thread ends. */
const IDLE_MS = 20_000;

/** The program of the thread where this one is built. */
const builtProgram = (): string | undefined => (isBuilt ? packaged('dist/node/graph/signatureworker.js') : undefined);

export class SignatureThread implements SignatureChecks {
  private readonly parts: SignatureThreadParts;
  private readonly program: string | undefined;
  private worker: Worker | undefined;
  private readonly waiting = new Map<number, (valid: Uint8Array | undefined) => void>();
  private number = 0;
  private isOver = false;

  constructor(parts: SignatureThreadParts) {
    this.parts = parts;
    this.program = parts.program ?? builtProgram();
  }

  check(checks: Uint8Array): Promise<Uint8Array | undefined> {
    if (this.isOver || this.program === undefined) return Promise.resolve(undefined);
    const worker = this.worker ?? this.start(this.program);
    const number = this.number++;
    return new Promise((resolve) => {
      this.waiting.set(number, resolve);
      worker.postMessage({ number, checks } satisfies ChecksToDo);
    });
  }

  /** Ends the thread; what it has not checked is left to the caller. */
  async stop(): Promise<void> {
    this.isOver = true;
    await this.end();
  }

  private start(program: string): Worker {
    // A heap for the program alone: what it is given does not pile up.
    const worker = new Worker(program, { resourceLimits: { maxOldGenerationSizeMb: 32, maxYoungGenerationSizeMb: 4 } });
    worker.unref();
    worker.on('message', ({ number, valid }: ChecksDone) => {
      this.waiting.get(number)?.(valid);
      this.waiting.delete(number);
      if (this.waiting.size === 0) this.endIfIdle(this.number);
    });
    worker.on('error', (error) => this.broke(error));
    worker.on('exit', () => {
      if (this.worker === worker) this.broke(new Error('the thread ended by itself'));
    });
    this.worker = worker;
    return worker;
  }

  private endIfIdle(number: number): void {
    this.parts.later(IDLE_MS, () => {
      if (this.number === number) void this.end();
    });
  }

  private broke(error: unknown): void {
    if (this.isOver) return;
    this.isOver = true;
    this.parts.log.warn(
      { error },
      'the thread that checks signatures of gossip broke; they are checked beside all else',
    );
    void this.end();
  }

  private async end(): Promise<void> {
    const { worker } = this;
    this.worker = undefined;
    for (const resolve of this.waiting.values()) resolve(undefined);
    this.waiting.clear();
    await worker?.terminate();
  }
}
