/**
 * What a call can fail with. Numbers are JSON-RPC 2.0's and, for everything about Lightning, Core Lightning's, so that a
 * client that knows those knows ours.
 */

export const codes = {
  parse_error: -32700,
  invalid_request: -32600,
  method_not_found: -32601,
  invalid_params: -32602,
  internal_error: -32603,
  /** Too many calls waiting on one connection. */
  busy: -32000,

  /** Anything without a number of its own. */
  general: -1,
  shutting_down: -5,
  /** Not all of the node is there yet; bitcoind's number for the same. */
  starting: -28,

  pay_in_progress: 200,
  pay_hash_used: 201,
  pay_unparseable_onion: 202,
  pay_destination_failed: 203,
  pay_try_other_route: 204,
  pay_no_route: 205,
  pay_too_expensive: 206,
  pay_invoice_expired: 207,
  pay_unknown: 208,
  pay_failed: 209,
  pay_gave_up: 210,
  pay_status: 211,
  pay_insufficient_funds: 215,
  pay_unreachable: 216,
  pay_user_error: 217,

  fund_maximum: 300,
  fund_cannot_afford: 301,
  fund_dust: 302,
  fund_broadcast: 303,
  fund_syncing: 304,
  fund_not_connected: 305,
  fund_unknown_peer: 306,
  fund_state: 312,

  connect_no_address: 400,
  connect_failed: 401,
  connect_dropped: 402,

  chain: 500,

  invoice_label_exists: 900,
  invoice_preimage_exists: 901,
  invoice_no_private_channel: 902,
  invoice_expired: 903,
  invoice_wait_over: 904,
  invoice_unknown: 905,
  invoice_status: 906,
  invoice_no_description: 908,

  pubkey_not_found: 1301,
  rune_not_authorized: 1501,
  rune_not_permitted: 1502,
  rune_blacklisted: 1503,

  wait_timeout: 2000,
} as const;

export type ErrorName = keyof typeof codes;

/** A call that failed for a reason the caller should know. `data` must be JSON and hold no secret. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly reason: ErrorName;
  readonly data: Readonly<Record<string, unknown>> | undefined;
  constructor(reason: ErrorName, message: string, data?: Readonly<Record<string, unknown>>) {
    super(message);
    this.reason = reason;
    this.data = data;
  }
  /** The number on the wire. */
  get code(): number {
    return codes[this.reason];
  }
}

const isName = (name: string): name is ErrorName => Object.hasOwn(codes, name);

/** The name of an error's number; undefined for one that is not in the list. */
export const nameOf = (code: number): ErrorName | undefined =>
  Object.keys(codes)
    .filter(isName)
    .find((name) => codes[name] === code);
