/**
 * One direction of a connection: chunks sent and not delivered yet. Nothing moves unless told; a cut loses what is under way,
 * a sender that closes lets it still arrive.
 */
import { join } from '../../wire/bytes.ts';

export class Pipe {
  private queue: Uint8Array[] = [];
  private readonly arrived: Uint8Array[] = [];
  private closing = false;
  private ended = false;
  private wake: () => void = () => undefined;

  /** Chunks under way, the oldest first. */
  get waiting(): readonly Uint8Array[] {
    return this.queue;
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
    const chunks = this.queue.splice(0, count);
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
