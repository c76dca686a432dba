/** What is said when a socket cannot be listened on. */

/** Why something could not begin to listen. */
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
