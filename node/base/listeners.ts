/** Those who want to hear of something, told one after the other. What one of them throws goes to the one who tells. */
export class Listeners<T> {
  private readonly all: ((event: T) => void)[] = [];

  /** Calls `listener` with everything that is told from now on. */
  add(listener: (event: T) => void): void {
    this.all.push(listener);
  }

  tell(event: T): void {
    for (const listener of this.all) listener(event);
  }
}
