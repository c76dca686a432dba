/**
 * The backup of a node's channels, in a file beside the store. The file is rewritten whenever its contents change, so that a copy made
 * after its last change is complete.
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
  /** Path of the backup file. */
  readonly file: string;
  readonly entropy: Entropy;
  /** Unix seconds. */
  readonly now: () => number;
  readonly log: Log;
  readonly channels: () => Iterable<Entry>;
  /** Addresses at which a peer may be reached. */
  readonly addresses: (peer: Point) => readonly Address[];
  readonly used: () => Contents['addresses'];
}

const ASIDE =
  'the backup file had channels that this node does not know, so it is kept under this name: `ampere recover` reads it';

const unwritten = (error: unknown): string =>
  `the backup of the channels could not be written: ${reasonOf(error)}. Until it is, channels that are not in it are lost with the ` +
  'disk; it is tried again with the next block. `ampere backup FILE` writes one elsewhere';

const haveSameAddresses = (a: readonly Address[], b: readonly Address[]): boolean =>
  a.length === b.length && a.every(({ host, port }, i) => host === b[i]?.host && port === b[i]?.port);

/** Whether two contents are made of the same values, so that they need not be encoded to be compared; false says nothing. */
const areSame = (a: Contents, b: Contents): boolean =>
  a.channels.length === b.channels.length &&
  a.addresses.every((used, branch) => used === b.addresses[branch]) &&
  a.channels.every(({ params, funding, addresses }, i) => {
    const other = b.channels[i];
    return params === other?.params && funding === other.funding && haveSameAddresses(addresses, other.addresses);
  });

/** Channels that may still owe us something. */
const isBackedUp = (state: Entry['machine']['state']): state is Funded => isFunded(state) && state.phase !== 'closed';

export class Backups {
  private readonly parts: BackupsParts;
  /** What the file holds, time 0; `contents` are the values it was compared with last, since they change seldom and blocks come often. */
  private last: { readonly plain: Uint8Array; readonly contents: Contents } | undefined;
  private writing: Promise<void> | undefined;
  /** Shown to operators from the time the file could not be written until it is. */
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

  /** Writes the file if its contents changed. Never throws: a failure is logged, and the next call tries again. */
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

  /** The contents as they are encrypted, or undefined where the file has them already. */
  private changed(contents: Contents): Uint8Array | undefined {
    const { last } = this;
    if (last !== undefined && areSame(contents, last.contents)) return undefined;
    const plain = encodeContents(contents);
    if (last === undefined || !equal(plain, last.plain)) return plain;
    this.last = { plain, contents };
    return undefined;
  }

  private async update(): Promise<void> {
    const { file, key, entropy, now, log } = this.parts;
    // A turn of the event loop later: the step of a channel that calls this has ended by then.
    await new Promise(setImmediate);
    try {
      const contents = this.contents(0);
      const plain = this.changed(contents);
      if (plain === undefined) {
        this.warning = undefined;
        return;
      }
      const bytes = sealBackup(this.contents(now()), key, entropy);
      const first = this.last === undefined;
      const aside = await writeBackup(file, bytes, (old) => first && this.saysMore(old));
      if (aside !== undefined) log.warn({ file: aside }, ASIDE);
      this.last = { plain, contents };
      if (this.warning !== undefined) log.info({ file }, 'the backup of the channels was written again');
      this.warning = undefined;
      log.debug({ file }, 'the backup of the channels was written');
    } catch (error) {
      this.warning = unwritten(error);
      log.error(
        { file, error },
        'the backup of the channels could not be written; it is tried again with the next block',
      );
    }
  }

  /** Resolves once the file is up to date, or could not be written. */
  async settled(): Promise<void> {
    while (this.writing !== undefined) await this.writing;
  }

  /**
   * Whether a backup may have a channel that this node does not know; true also where it cannot be read. After the loss of a disk that
   * file may be the only trace of the channels.
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
   * Writes a backup to another file. Returns how many channels it has, and the name under which a backup that was there is kept, if that
   * had a channel which this node does not know. Throws BackupError.
   */
  async writeTo(file: string): Promise<{ readonly channels: number; readonly aside: string | undefined }> {
    const { key, entropy, now } = this.parts;
    const contents = this.contents(now());
    const aside = await writeBackup(file, sealBackup(contents, key, entropy), (old) => this.saysMore(old));
    return { channels: contents.channels.length, aside };
  }

  /** The contents of a backup of this node. Throws BackupError. */
  read(file: Uint8Array): Contents {
    return openBackup(file, this.parts.key);
  }
}
