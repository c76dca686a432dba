/** How far the start of a node is, in words for `getinfo` (`warning_starting`) and for calls that are refused meanwhile. */
export class Progress {
  private doing: (() => string) | undefined = () => 'reads its records';

  /** What the node is doing, such as "waits for bitcoind at 127.0.0.1:8332"; undefined once it has started. */
  get now(): string | undefined {
    return this.doing?.();
  }

  /** Sets what the node is doing from now on. */
  at(doing: () => string): void {
    this.doing = doing;
  }

  /** The node has started. */
  done(): void {
    this.doing = undefined;
  }
}
