/** Stands in for the look at the disk's room, which no run needs: a real one would bring the file system's own time into a run. */
export class Disk {
  readonly warning = undefined;
  look(): Promise<void> {
    return Promise.resolve();
  }
}
