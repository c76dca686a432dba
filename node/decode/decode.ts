/**
 * Finds out what somebody pasted, and reads it. Each kind says how its bytes look; the first that fits is taken, and the others that fit
 * as well are told, so that a caller can force one.
 */

import type { Core } from '../../channel/model/state.ts';
import { decodeFailure, failureCode } from '../../onion/failuremessages.ts';
import { readFailure } from '../../onion/failureonion.ts';
import { PACKET_LENGTH } from '../../onion/packet.ts';
import { concat, equal, hex, u16be, unhex } from '../../wire/bytes.ts';
import { chainHashOf } from '../../wire/chains.ts';
import type { Contents } from '../backup/format.ts';
import { isBackup } from '../backup/format.ts';
import { readMessage } from '../peer/tracedmessage.ts';
import type { Network } from '../ports/network.ts';
import { inEnglish, MAX_RUNE, type Rune, restrictionsOf, runeFrom, runeId } from '../runes/rune.ts';
import { shownBackup } from './backup.ts';
import { DecodeError, type Tried } from './errors.ts';
import { decodeFeatures, looksLikeFeatures } from './features.ts';
import { decodeOnion, failureFields, type OnionKeys, pointIn } from './onion.ts';
import { decodeTransaction, transactionIn } from './transaction.ts';

type Fields = Readonly<Record<string, unknown>>;

/** What can be read beside invoices, by the names that force them. */
export const decodeTypes = [
  'node_id',
  'backup',
  'onion',
  'transaction',
  'message',
  'failure',
  'failure_message',
  'features',
  'rune',
] as const;
export type DecodeType = (typeof decodeTypes)[number];

/** What helps to read it. */
export interface DecodeHelp extends Omit<OnionKeys, 'showSecrets'> {
  readonly type: DecodeType | undefined;
  readonly network: Network;
  /** Of the route of a failed HTLC, the first hop first. */
  readonly sharedSecrets?: readonly Uint8Array[] | undefined;
  readonly channel?: Core | undefined;
  readonly showSecrets: boolean;
  /** Opens a backup. Throws BackupError. Absent where there is no seed to open it with. */
  readonly openBackup?: ((file: Uint8Array) => Contents) | undefined;
  /** The alias of a node that was announced. */
  readonly aliasOf?: ((id: Uint8Array) => string | undefined) | undefined;
}

/** `valid` as in Core Lightning's decode: false where it was told to be of this type and cannot be read. */
export type Decoded = Fields & { readonly type: string; readonly valid: boolean };

interface Kind {
  /** Whether bytes are of this kind, as far as one can see; why not otherwise. */
  readonly no: (bytes: Uint8Array, help: DecodeHelp) => string | undefined;
  readonly read: (bytes: Uint8Array, help: DecodeHelp) => Fields;
}

/** Lengths of a reason: 32 of HMAC, 2 and 2 of lengths, 256 of message and padding at least (BOLT 4). */
const REASON_BYTES = 292;
/** Bytes of a channel_update without its type: 64 of signature before the chain. */
const UPDATE_CHAIN_AT = 64;

/** Messages of BOLT 7 as they also stand without the two bytes of type. */
const withoutType = (bytes: Uint8Array): Uint8Array | undefined => {
  const chain = bytes.subarray(UPDATE_CHAIN_AT, UPDATE_CHAIN_AT + 32);
  if (bytes.length < 130 || !Object.values(chainHashOf).some((one) => equal(one, chain))) return undefined;
  const typed = concat(u16be(258), bytes);
  return readMessage(typed).error === undefined ? typed : undefined;
};

const kinds: Readonly<Record<Exclude<DecodeType, 'rune'>, Kind>> = {
  node_id: {
    no: (bytes) =>
      bytes.length === 33 && pointIn(bytes) !== undefined ? undefined : 'a node id is a point of 33 bytes',
    read: (bytes, { aliasOf }) => {
      if (pointIn(bytes) === undefined) throw new DecodeError('string', 'expected a point on the curve, 33 bytes');
      const alias = aliasOf?.(bytes);
      return { id: hex(bytes), ...(alias !== undefined && { alias }) };
    },
  },
  backup: {
    no: (bytes) => (isBackup(bytes) ? undefined : 'a backup begins with ampereCB'),
    read: (bytes, { openBackup, network }) => shownBackup(bytes, network, openBackup),
  },
  onion: {
    no: (bytes) =>
      bytes.length === PACKET_LENGTH && bytes[0] === 0
        ? undefined
        : `an onion packet has ${PACKET_LENGTH} bytes, the first 00`,
    read: decodeOnion,
  },
  transaction: {
    no: (bytes) => (transactionIn(bytes) ? undefined : 'no inputs, outputs and witnesses of these lengths'),
    read: (bytes, { network, channel }) => {
      const tx = transactionIn(bytes);
      if (tx === undefined)
        throw new DecodeError('string', 'expected a whole transaction, with its witnesses or without');
      return decodeTransaction(tx, network, channel);
    },
  },
  message: {
    no: (bytes) => {
      const { name, error } = readMessage(bytes);
      if (name !== 'unknown' && error === undefined) return undefined;
      return withoutType(bytes) === undefined ? (error ?? 'of no known type') : undefined;
    },
    read: (bytes) => {
      const { name, type, fields, error } = readMessage(bytes);
      const typed = name === 'unknown' || error !== undefined ? withoutType(bytes) : undefined;
      if (typed !== undefined)
        return { ...shownMessage(readMessage(typed)), remark: 'the two bytes of its type are missing' };
      return { ...shownMessage({ name, type, fields }), ...(error !== undefined && { malformed: error }) };
    },
  },
  failure: {
    no: (bytes, { sharedSecrets }) =>
      sharedSecrets !== undefined || bytes.length === REASON_BYTES
        ? undefined
        : `a failure reason has ${REASON_BYTES} bytes, unless shared_secrets says that it is one`,
    read: (bytes, { sharedSecrets }) => {
      if (sharedSecrets === undefined)
        return {
          hint: 'encrypted: shared_secrets, one for each hop of the route, show which hop sent it, and what it says',
        };
      const found = readFailure(sharedSecrets, bytes);
      if (found.kind === 'unattributable')
        throw new DecodeError(
          'shared_secrets',
          'no hop of these shared_secrets sent this failure: they are of another HTLC, or it was changed on its way',
        );
      return { hop: found.hop + 1, ...failureFields(found.failure, failureCode(found.failure)) };
    },
  },
  failure_message: {
    no: (bytes) =>
      bytes.length >= 2 && bytes.length <= 1024 && decodeFailure(bytes).name !== 'unknown'
        ? undefined
        : 'a failure message begins with a code of BOLT 4',
    read: (bytes) => failureFields(decodeFailure(bytes), failureCode(decodeFailure(bytes))),
  },
  features: {
    no: (bytes) => (looksLikeFeatures(bytes) ? undefined : 'too many bits, or none that is known'),
    read: decodeFeatures,
  },
};

const shownMessage = ({
  name,
  type,
  fields,
}: Pick<ReturnType<typeof readMessage>, 'name' | 'type' | 'fields'>): Fields => ({
  name,
  message_type: type,
  ...(fields && { fields }),
});

const shownRune = (rune: Rune): Fields => ({
  ...(runeId(rune) && { unique_id: runeId(rune)?.id }),
  restrictions: restrictionsOf(rune).map((alternatives) => alternatives.map(inEnglish).join(' OR ')),
});

/** The rune in a text, or undefined. One without restrictions has no mark to know it by but its padding. */
const runeIn = (text: string): Rune | undefined => {
  if (text.length < 44 || text.length > MAX_RUNE || /^ln/i.test(text)) return undefined;
  try {
    return runeFrom(text);
  } catch {
    return undefined;
  }
};

const names: Readonly<Record<DecodeType, string>> = {
  node_id: 'node id',
  backup: 'backup',
  onion: 'onion packet',
  transaction: 'transaction',
  message: 'message',
  failure: 'failure reason',
  failure_message: 'failure message',
  features: 'feature vector',
  rune: 'rune',
};

/** The type that is meant where only one can use what was given beside it. */
const meantBy = ({ type, sharedSecrets, nodeKey, sessionKey, channel }: DecodeHelp): DecodeType | undefined => {
  if (type !== undefined) return type;
  if (nodeKey !== undefined || sessionKey !== undefined) return 'onion';
  if (sharedSecrets !== undefined) return 'failure';
  return channel === undefined ? undefined : 'transaction';
};

/** Bytes that can be read. Throws DecodeError, BackupError. */
export const decodeBytes = (bytes: Uint8Array, help: DecodeHelp): Decoded => {
  const meant = meantBy(help);
  if (meant === 'rune') throw new DecodeError('string', 'a rune is a text in base64, not hex');
  if (meant !== undefined) return { type: names[meant], valid: true, ...kinds[meant].read(bytes, help) };
  const tried: Tried[] = [];
  const fitting: Exclude<DecodeType, 'rune'>[] = [];
  for (const type of decodeTypes) {
    if (type === 'rune') continue;
    const why = kinds[type].no(bytes, help);
    if (why === undefined) fitting.push(type);
    else tried.push({ type, why });
  }
  const [taken, ...also] = fitting;
  if (taken === undefined)
    throw new DecodeError(
      'string',
      `string: ${bytes.length} bytes that are nothing known${bytes.length === 32 ? ' (as a payment_hash, a preimage, a txid or a channel_id has)' : ''}. Tried ${tried.map(({ type, why }) => `${type}: ${why}`).join('; ')}. type=… forces one`,
      tried,
    );
  return {
    type: names[taken],
    valid: true,
    ...kinds[taken].read(bytes, help),
    ...(also.length > 0 && {
      also: also.map((type) => names[type]),
      note: `taken for a ${names[taken]}; to read it as something else: ${also.map((type) => `type=${type}`).join(', ')}`,
    }),
  };
};

/** What a text says that is hex or a rune; undefined for any other, such as an invoice. Throws DecodeError, BackupError. */
export const decodeText = (given: string, help: DecodeHelp): Decoded | undefined => {
  const text = given.trim();
  const digits = /^(?:0x)?((?:[0-9a-f]{2})+)$/i.exec(text)?.[1];
  if (digits !== undefined && help.type !== 'rune') return decodeBytes(unhex(digits.toLowerCase()), help);
  const rune = runeIn(text);
  if (rune !== undefined && (help.type === undefined || help.type === 'rune'))
    return { type: names.rune, valid: true, string: text, ...shownRune(rune) };
  if (help.type !== undefined)
    throw new DecodeError(
      'string',
      `string: expected ${help.type === 'rune' ? 'a rune in base64' : 'an even number of hex digits'}`,
    );
  return undefined;
};
