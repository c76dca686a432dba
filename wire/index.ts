/**
 * `ampere/wire`: values and bytes. Units that the compiler tells apart, codecs, every message of the peer protocol, features, invoices,
 * cryptography and the transport's handshake. Nothing here waits, reads a clock or draws a random number.
 */

export { type Address, address } from './address.ts';

// Bytes.
export { compare, concat, equal, equalConstantTime, hex, reversed, text, unhex, utf8, xor, zeros } from './bytes.ts';
export { type ChainName, chainHashOf, chainNameOf } from './chains.ts';
export { type ChannelTypeFeature, channelType, channelTypeFeatures } from './channeltype.ts';
export { CipherError, type CipherState, Decryptor, encryptMessage } from './cipher.ts';
// Codecs (BOLT 1, "Fundamental Types" and "Type-Length-Value Format"), to make one for a message or a blob of one's own.
export {
  bool,
  bytes,
  bytes16,
  type Codec,
  decode,
  encode,
  list,
  many,
  map,
  optional,
  prefixed,
  Reader,
  rest,
  struct,
  u8,
  u16,
  u24,
  u32,
  u48,
  u64,
  type ValueOf,
  WireError,
  type WireFault,
  Writer,
} from './codec.ts';
// Cryptography, on the fastest backend that loads.
export {
  type Backends,
  backends,
  ecdh,
  hash160,
  hash256,
  hmacSha256,
  isPoint,
  isSecretKey,
  pointOf,
  recover,
  ripemd160,
  sha256,
  sign,
  signRecoverable,
  useBackends,
  verify,
} from './crypto.ts';
// Features (BOLT 9) and types of channels (BOLT 2).
export {
  bitsOf,
  type FeatureChoice,
  type FeatureFault,
  type FeatureName,
  featureBitmap,
  features,
  hasFeature,
  type Negotiation,
  negotiate,
  requiresFeature,
} from './features.ts';
export { InvoiceError, type InvoiceFault } from './invoice/errors.ts';
// Invoices (BOLT 11).
export {
  checkPayable,
  decodeInvoice,
  encodeInvoice,
  type Invoice,
  type InvoiceDraft,
  type InvoiceSigner,
  type Payer,
  type UnpayableReason,
} from './invoice.ts';
// Messages between peers (BOLT 1, 2, 4 and 7): one table, and types that follow from it.
export {
  decodeMessage,
  encodeMessage,
  type Message,
  type MessageName,
  type MessageOf,
  messages,
  type UnknownMessage,
} from './message.ts';
// The transport (BOLT 8): a handshake of three acts, then messages encrypted one after the other.
export {
  answerActOne,
  answerActTwo,
  HandshakeError,
  type HandshakeReason,
  readActThree,
  type SentActOne,
  type SentActTwo,
  type Session,
  sendActOne,
} from './noise.ts';
export { type SignedName, signedDigest } from './signed.ts';
export { bigsize, type RawRecord, type Records, rawRecords, tlvs, tu16, tu32, tu64 } from './tlv.ts';
// Units: amounts, keys, hashes and identifiers, each a type of its own.
export {
  addMsat,
  addSat,
  type Brand,
  type ChainHash,
  type ChannelId,
  chainHash,
  channelId,
  MAX_MONEY,
  type Msat,
  msat,
  type PaymentHash,
  type Point,
  type Preimage,
  paymentHash,
  point,
  preimage,
  type Sat,
  type SecretKey,
  type ShortChannelId,
  type Signature,
  sat,
  scidOf,
  scidParts,
  scidText,
  secretKey,
  shortChannelId,
  signature,
  subMsat,
  subSat,
  sumMsat,
  type Txid,
  toMsat,
  toSatFloor,
  txid,
} from './units.ts';
