/** Errors of backups: a code with its data, and a message for operators that names the wrong field. */
import type { ChainName } from '../../wire/chains.ts';

export type BackupFault =
  | { readonly code: 'unreadable'; readonly path: string; readonly reason: string }
  | { readonly code: 'unwritable'; readonly path: string; readonly reason: string }
  /** The file is no backup, so it is not overwritten. */
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
      return `${fault.path} exists and is no backup, so it is not overwritten: name another file`;
    case 'no_backup':
      return 'magic: the file is no channel backup';
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
