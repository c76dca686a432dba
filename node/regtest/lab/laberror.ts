/** What can be wrong with a lab, in words for whoever runs it. */

export type LabFault =
  | { readonly code: 'no_lab'; readonly dir: string }
  | { readonly code: 'not_running'; readonly dir: string }
  | { readonly code: 'other_lab'; readonly dir: string }
  | { readonly code: 'bad_file'; readonly file: string; readonly field: string; readonly expected: string }
  | { readonly code: 'bad_argument'; readonly field: string; readonly expected: string }
  | { readonly code: 'unknown_node'; readonly name: string }
  | { readonly code: 'not_regtest'; readonly network: string }
  | { readonly code: 'busy'; readonly pid: number }
  | { readonly code: 'no_port'; readonly from: number }
  | { readonly code: 'died'; readonly name: string; readonly log: string }
  | { readonly code: 'no_program'; readonly program: string }
  | { readonly code: 'refused'; readonly by: string };

/** Its message is for people; `fault` says the same to programs. */
export class LabError extends Error {
  override readonly name = 'LabError';
  readonly fault: LabFault;
  constructor(fault: LabFault, message: string) {
    super(message);
    this.fault = fault;
  }
}
