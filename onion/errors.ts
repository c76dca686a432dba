/** Errors of building an onion. Errors in a received packet are never thrown: they are returned as values. */

export type OnionFault =
  | { readonly code: 'no_hops' }
  | { readonly code: 'too_large'; readonly size: number; readonly limit: number }
  | { readonly code: 'packet_length'; readonly length: number; readonly expected: number }
  | { readonly code: 'padding_length'; readonly length: number; readonly expected: number }
  | { readonly code: 'protocol_range'; readonly protocol: number }
  | { readonly code: 'blob_count'; readonly count: number }
  | { readonly code: 'blob_length'; readonly length: number }
  | { readonly code: 'payment_id_length'; readonly length: number }
  | { readonly code: 'payload_length'; readonly length: number }
  | { readonly code: 'failure_length'; readonly length: number };

const describe = (fault: OnionFault): string => {
  switch (fault.code) {
    case 'no_hops':
      return 'an onion needs at least one hop';
    case 'too_large':
      return `hop payloads take ${fault.size} bytes, ${fault.limit} fit into the packet`;
    case 'packet_length':
      return `onion packet of ${fault.length} bytes, expected ${fault.expected}`;
    case 'padding_length':
      return `initial padding of ${fault.length} bytes, expected ${fault.expected}`;
    case 'protocol_range':
      return `EOB protocol ${fault.protocol}, expected 1 to 15`;
    case 'blob_count':
      return `${fault.count} extra onion blobs at one hop, expected 1 to 16`;
    case 'blob_length':
      return `extra onion blob of ${fault.length} bytes, expected 65`;
    case 'payment_id_length':
      return `payment_id of ${fault.length} bytes, expected 11`;
    case 'payload_length':
      return `TLV payload of ${fault.length} bytes, expected at least 2`;
    case 'failure_length':
      return `failure message of ${fault.length} bytes does not fit its u16 length`;
  }
};

/** An onion or a failure packet cannot be built from the given values. */
export class OnionError extends Error {
  override readonly name = 'OnionError';
  readonly fault: OnionFault;
  constructor(fault: OnionFault) {
    super(describe(fault));
    this.fault = fault;
  }
}
