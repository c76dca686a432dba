/**
 * The backup of a node's channels, kept up to date in a file beside the store: written anew whenever it would say something
 * else, so that whoever copies the file away after a change of it has all there is.
 */
import type { Funded } from '../../channel/model/state.ts';
import { equal } from '../../wire/bytes.ts';
import type { Point } from '../../wire/units.ts';
import { reasonOf } from '../base/fileserror.ts';
import { type Entry, isFunded } from '../channels/entry.ts';
import type { Address, Entropy, Log } from '../ports/ports.ts';
import { BackupError } from './errors.ts';
import { writeBackup } from './file.ts';
import {
  type BackedUp,
  type BackupKey,
  type Contents,
  encodeContents,
  MOST_ADDRESSES,
  openBackup,
  sealBackup,
} from './format.ts';

export interface BackupsParts {
  readonly key: BackupKey;
  /** The file that is kept up to date. */
  readonly file: string;
  readonly entropy: Entropy;
  /** Unix seconds. */
  readonly now: () => number;
  readonly log: Log;
  readonly channels: () => Iterable<Entry>;
  /** Where a peer may be reached. */
  readonly addresses: (peer: Point) => readonly Address[];
  readonly used: () => Contents['addresses'];
}

const ASIDE =
  'the backup that was here holds what this node does not know, and is kept under this name: `ampere recover` takes it back';

const unwritten = (error: unknown): string =>
  `the backup of the channels could not be written: ${reasonOf(error)}. Until it is, channels that are not in it are lost with the ` +
  'disk; it is tried again with the next block. `ampere backup FILE` writes one elsewhere';

/** Channels that may still owe us something. */
const isBackedUp = (state: Entry['machine']['state']): state is Funded => isFunded(state) && state.phase !== 'closed';

export class Backups {
  private readonly parts: BackupsParts;
  private last: Uint8Array | undefined;
  private writing: Promise<void> | undefined;
  /** For operators, from when the file could not be written until it is. */
  warning: string | undefined;
  private again = false;

  constructor(parts: BackupsParts) {
    this.parts = parts;
  }

  private contents(time: number): Contents {
    const { channels, addresses, used } = this.parts;
    const kept: BackedUp[] = [];
    for (const { machine } of channels()) {
      const { state } = machine;
      if (!isBackedUp(state)) continue;
      const { params, funding } = state.core;
      kept.push({ params, funding, addresses: addresses(params.peer).slice(0, MOST_ADDRESSES) });
    }
    return { time, addresses: used(), channels: kept };
  }

  /** Something may have changed: the file is written if so. Never throws; what fails is logged and tried at the next call. */
  refresh(): void {
    if (this.writing !== undefined) this.again = true;
    else
      this.writing = this.update().finally(() => {
        this.writing = undefined;
        if (!this.again) return;
        this.again = false;
        this.refresh();
      });
  }

  private async update(): Promise<void> {
    const { file, key, entropy, now, log } = this.parts;
    // One turn of the event loop: a step of a channel that is under way ends first.
    await new Promise(setImmediate);
    try {
      const plain = encodeContents(this.contents(0));
      if (this.last !== undefined && equal(plain, this.last)) {
        this.warning = undefined;
        return;
      }
      const bytes = sealBackup(this.contents(now()), key, entropy);
      const first = this.last === undefined;
      const aside = await writeBackup(file, bytes, (old) => first && this.saysMore(old));
      if (aside !== undefined) log.warn({ file: aside }, ASIDE);
      this.last = plain;
      if (this.warning !== undefined) log.info({ file }, 'the backup of the channels can be written again');
      this.warning = undefined;
      log.debug({ file }, 'the backup of the channels is written');
    } catch (error) {
      this.warning = unwritten(error);
      log.error(
        { file, error },
        'the backup of the channels could not be written; it is tried again with the next block',
      );
    }
  }

  /** Resolves once the file says all that it should by now, or could not be written. */
  async settled(): Promise<void> {
    while (this.writing !== undefined) await this.writing;
  }

  /**
   * Whether a backup may hold what this node does not know: a channel, or anything at all where it cannot be read. After a
   * disk was lost that file may be all there is.
   */
  private saysMore(old: Uint8Array): boolean {
    const known = new Set([...this.parts.channels()].map(({ key }) => key));
    try {
      return this.read(old).channels.some(({ params }) => !known.has(params.key));
    } catch (error) {
      if (error instanceof BackupError) return true;
      throw error;
    }
  }

  /**
   * Writes a backup to another file. Gives how many channels are in it, and the name under which what was there is kept,
   * if that held a channel this node does not know. Throws BackupError.
   */
  async writeTo(file: string): Promise<{ readonly channels: number; readonly aside: string | undefined }> {
    const { key, entropy, now } = this.parts;
    const contents = this.contents(now());
    const aside = await writeBackup(file, sealBackup(contents, key, entropy), (old) => this.saysMore(old));
    return { channels: contents.channels.length, aside };
  }

  /** What a backup of this node's holds. Throws BackupError. */
  read(file: Uint8Array): Contents {
    return openBackup(file, this.parts.key);
  }
}
