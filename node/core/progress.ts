/** How far a node has come up, in words for whoever asks it meanwhile. */
export class Progress {
  private doing: (() => string) | undefined = () => 'reads what it keeps';

  /** What it is at, such as "waits for bitcoind at 127.0.0.1:8332"; undefined once it does all that a node does. */
  get now(): string | undefined {
    return this.doing?.();
  }

  /** From now on it is at this. */
  at(doing: () => string): void {
    this.doing = doing;
  }

  /** It is up. */
  done(): void {
    this.doing = undefined;
  }
}
