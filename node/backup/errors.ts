/** What can be wrong with a backup, as codes with their data; the sentences are for operators and name the field that is wrong. */
import type { ChainName } from '../../wire/chains.ts';

export type BackupFault =
  | { readonly code: 'unreadable'; readonly path: string; readonly reason: string }
  | { readonly code: 'unwritable'; readonly path: string; readonly reason: string }
  /** The file is something else, which is not to be overwritten. */
  | { readonly code: 'foreign_file'; readonly path: string }
  | { readonly code: 'no_backup' }
  | { readonly code: 'newer_version'; readonly found: number; readonly supported: number }
  | { readonly code: 'other_network'; readonly found: string; readonly expected: ChainName }
  | { readonly code: 'other_seed' }
  | { readonly code: 'damaged'; readonly detail: string };

const describe = (fault: BackupFault): string => {
  switch (fault.code) {
    case 'unreadable':
      return `${fault.path} cannot be read: ${fault.reason}`;
    case 'unwritable':
      return `${fault.path} cannot be written: ${fault.reason}`;
    case 'foreign_file':
      return `${fault.path} is there and is no backup: it is left as it is; name another file`;
    case 'no_backup':
      return 'magic: this is no channel backup';
    case 'newer_version':
      return `version: the backup is of version ${fault.found}, this node knows up to ${fault.supported}`;
    case 'other_network':
      return `chain_hash: the backup is of a node on ${fault.found}, this one is on ${fault.expected}`;
    case 'other_seed':
      return 'seed_id: the backup was made by a node with another seed; restore that seed first';
    case 'damaged':
      return `the backup is damaged: ${fault.detail}`;
  }
};

/** A backup that cannot be read or written. */
export class BackupError extends Error {
  override readonly name = 'BackupError';
  readonly fault: BackupFault;
  constructor(fault: BackupFault) {
    super(describe(fault));
    this.fault = fault;
  }
}
