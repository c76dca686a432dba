/** The error of a socket that cannot listen. */

/** A server could not listen. */
export type ListenFault =
  | 'already_running'
  | 'path_too_long'
  | 'not_loopback'
  | 'port_taken'
  | 'unusable'
  | 'bad_token_file';

export class ListenError extends Error {
  override readonly name = 'ListenError';
  readonly fault: ListenFault;
  constructor(fault: ListenFault, message: string) {
    super(message);
    this.fault = fault;
  }
}
