/**
 * One direction of a connection: chunks sent and not delivered yet. Nothing moves unless told; a cut loses what is under way,
 * a sender that closes lets it still arrive, one that does not respond keeps it to itself.
 */
import { join } from '../../wire/bytes.ts';

/** How a sender stops responding: from the first chunk that `begins` it, only those that pass are sent. */
export interface Muting {
  readonly begins: (chunk: Uint8Array) => boolean;
  readonly passes: (chunk: Uint8Array) => boolean;
}

export class Pipe {
  private queue: Uint8Array[] = [];
  private readonly arrived: Uint8Array[] = [];
  private readonly muting: () => Muting | undefined;
  private closing = false;
  private ended = false;
  private wake: () => void = () => undefined;

  /** `muting` says whether the sender does not respond just now. */
  constructor(muting: () => Muting | undefined = () => undefined) {
    this.muting = muting;
  }

  /** Chunks under way that would arrive, the oldest first. */
  get waiting(): readonly Uint8Array[] {
    const muting = this.muting();
    if (muting === undefined) return this.queue;
    const first = this.queue.findIndex(muting.begins);
    return first < 0 ? this.queue : this.queue.filter((chunk, i) => i < first || muting.passes(chunk));
  }

  /** Whether nothing will ever arrive any more. */
  get over(): boolean {
    return this.ended;
  }

  push(chunk: Uint8Array): void {
    if (!this.closing && !this.ended) this.queue.push(chunk);
  }

  /** Lets the reader have the oldest chunks in one piece. */
  deliver(count: number): void {
    const chunks = this.waiting.slice(0, count);
    this.queue = this.queue.filter((chunk) => !chunks.includes(chunk));
    if (chunks.length > 0) this.arrived.push(join(chunks));
    if (this.closing && this.queue.length === 0) this.ended = true;
    this.wake();
  }

  /** The sender closed. */
  close(): void {
    this.closing = true;
    if (this.queue.length === 0) this.ended = true;
    this.wake();
  }

  /** Loses what is under way. */
  cut(): void {
    this.queue = [];
    this.close();
  }

  async *read(): AsyncGenerator<Uint8Array, void> {
    for (;;) {
      const chunk = this.arrived.shift();
      if (chunk !== undefined) yield chunk;
      else if (this.ended) return;
      else
        await new Promise<void>((resolve) => {
          this.wake = resolve;
        });
    }
  }
}
