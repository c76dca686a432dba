/** Errors of the store: a code with its data, and a message for operators. */
export type StoreFault =
  | { readonly code: 'locked'; readonly path: string }
  | { readonly code: 'cannot_open'; readonly path: string; readonly reason: string }
  | { readonly code: 'newer_schema'; readonly found: number; readonly supported: number }
  | { readonly code: 'other_network'; readonly expected: string; readonly found: string }
  | { readonly code: 'corrupt'; readonly key: string; readonly detail: string }
  | { readonly code: 'corrupt_files'; readonly detail: string }
  | { readonly code: 'write_failed'; readonly reason: string }
  | { readonly code: 'closed' };

const describe = (fault: StoreFault): string => {
  switch (fault.code) {
    case 'locked':
      return `another process is using ${fault.path}; is this node already running?`;
    case 'cannot_open':
      return `cannot open the store at ${fault.path}: ${fault.reason}`;
    case 'newer_schema':
      return `the store was written by a newer version (schema ${fault.found}, this one knows up to ${fault.supported})`;
    case 'other_network':
      return `the store belongs to a node on ${fault.found}, not on ${fault.expected}`;
    case 'corrupt':
      return `stored record ${fault.key} is damaged: ${fault.detail}`;
    case 'corrupt_files':
      return `the store's files are damaged: ${fault.detail}`;
    case 'write_failed':
      return `writing to the store failed, and it accepts no more writes: ${fault.reason}`;
    case 'closed':
      return 'the store is closed';
  }
};

/** An operation that the store could not perform. */
export class StoreError extends Error {
  override readonly name = 'StoreError';
  readonly fault: StoreFault;
  constructor(fault: StoreFault) {
    super(describe(fault));
    this.fault = fault;
  }
}
