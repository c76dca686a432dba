/** The file of gossip on disk and in memory. It stands beside the store: what is in it can be had again, and is not synced with it. */
import { constants, readSync } from 'node:fs';
import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { syncFolder } from '../base/files.ts';
import type { GossipFiles, GrowingFile } from '../ports/ports.ts';

const growing = async (file: FileHandle): Promise<GrowingFile> => ({
  size: (await file.stat()).size,
  // A few hundred bytes, mostly of what the system has in memory: quicker than a thread that is asked for them.
  read: (at, into) => readSync(file.fd, into, 0, into.length, at),
  write: async (at, bytes) => {
    for (let done = 0; done < bytes.length; ) {
      const { bytesWritten } = await file.write(bytes, done, bytes.length - done, at + done);
      done += bytesWritten;
    }
  },
  sync: () => file.datasync(),
  truncate: (size) => file.truncate(size),
  close: () => file.close(),
});

/** The file at that path, in a folder that exists. */
export const gossipFilesAt = (path: string): GossipFiles => {
  const [next, aside] = [`${path}.new`, `${path}.set-aside`];
  return {
    path,
    open: async () => {
      await rm(next, { force: true });
      // Read and written at any place, and made where it is missing: no letter says that.
      return growing(await open(path, constants.O_RDWR | constants.O_CREAT, 0o600));
    },
    create: async () => growing(await open(next, 'w+', 0o600)),
    replace: async () => {
      await rename(next, path);
      await syncFolder(dirname(path));
    },
    setAside: async () => {
      await rename(path, aside);
      return aside;
    },
  };
};

/** Bytes in memory that grow. */
interface Bytes {
  bytes: Uint8Array;
  length: number;
}

const put = (into: Bytes, at: number, bytes: Uint8Array): void => {
  const end = at + bytes.length;
  if (end > into.bytes.length) {
    const larger = new Uint8Array(Math.max(end, 2 * into.bytes.length));
    larger.set(into.bytes.subarray(0, into.length));
    into.bytes = larger;
  }
  into.bytes.fill(0, into.length, Math.max(into.length, at));
  into.bytes.set(bytes, at);
  into.length = Math.max(into.length, end);
};

/** What lies on a disk in memory, by name; it outlives the node that writes it. */
export type MemoryDisk = Map<string, Bytes>;

const inMemory = (kept: Bytes): GrowingFile => ({
  size: kept.length,
  read: (at, into) => {
    const found = kept.bytes.subarray(Math.min(at, kept.length), Math.min(at + into.length, kept.length));
    into.set(found);
    return found.length;
  },
  write: async (at, bytes) => put(kept, at, bytes),
  sync: async () => undefined,
  truncate: async (size) => {
    kept.length = Math.min(kept.length, size);
  },
  close: async () => undefined,
});

/** The file in memory, for tests and temporary nodes. */
export const gossipFilesInMemory = (disk: MemoryDisk = new Map()): GossipFiles => {
  const empty = (name: string): Bytes => {
    const made = { bytes: new Uint8Array(1024), length: 0 };
    disk.set(name, made);
    return made;
  };
  const move = (from: string, to: string): void => {
    const kept = disk.get(from);
    if (kept === undefined) throw new Error(`there is no file ${from}`);
    disk.delete(from);
    disk.set(to, kept);
  };
  return {
    path: 'gossip',
    open: async () => {
      disk.delete('gossip.new');
      return inMemory(disk.get('gossip') ?? empty('gossip'));
    },
    create: async () => inMemory(empty('gossip.new')),
    replace: async () => move('gossip.new', 'gossip'),
    setAside: async () => {
      move('gossip', 'gossip.set-aside');
      return 'gossip.set-aside';
    },
  };
};
