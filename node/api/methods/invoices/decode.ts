/** `decode`: what an invoice says, and what anything else is that somebody pastes. */

import { z } from 'zod';
import { hex, unhex } from '../../../../wire/bytes.ts';
import { isSecretKey } from '../../../../wire/crypto.ts';
import { payerFeatures } from '../../../../wire/features.ts';
import { checkPayable } from '../../../../wire/invoice.ts';
import { point, type SecretKey, secretKey } from '../../../../wire/units.ts';
import { readBackup } from '../../../backup/file.ts';
import type { Contents } from '../../../backup/format.ts';
import { coreOf } from '../../../channels/entry.ts';
import type { Node } from '../../../core/running.ts';
import { type Decoded, type DecodeHelp, decodeBytes, decodeText, decodeTypes } from '../../../decode/decode.ts';
import { DecodeError } from '../../../decode/errors.ts';
import { ApiError } from '../../errors.ts';
import { method } from '../../method.ts';
import * as param from '../../params.ts';
import * as field from '../../results.ts';
import { found } from '../channels/findchannel.ts';
import { decodedFields, decodedInvoice } from './decodedinvoice.ts';
import { ampOf, readInvoice } from './invoicetext.ts';

/** Characters of what is decoded: a transaction as large as a block. */
const MOST_CHARACTERS = 2_000_000;
/** Hops of the longest route. */
const MOST_HOPS = 27;

const pasted = param.param<string, string>('text', (given) => {
  if (typeof given !== 'string' || given.length > MOST_CHARACTERS)
    throw new RangeError(`a text of at most ${MOST_CHARACTERS} characters`);
  return given;
});
const key = param.param<string, SecretKey | 'this'>('this|secret', (given) => {
  if (given === 'this') return 'this';
  const bytes = typeof given === 'string' && /^[0-9a-fA-F]{64}$/.test(given) ? unhex(given.toLowerCase()) : undefined;
  if (bytes === undefined || !isSecretKey(bytes)) throw new RangeError('"this", or a private key: 64 hex digits');
  return secretKey(bytes);
});

const typeNames = ['invoice', ...decodeTypes] as const;
type TypeName = (typeof typeNames)[number];
/** One of many words: help names them in the words behind it. */
const typeWord = param.param<TypeName, TypeName>('type', (given) => {
  const named = typeNames.find((one) => one === given);
  if (named === undefined) throw new RangeError(`one of ${typeNames.join(', ')}`);
  return named;
});

const params = z.strictObject({
  string: pasted
    .optional()
    .describe(
      'an invoice, alone or in a URI; or in hex a message, onion, transaction, failure, feature vector; a rune',
    ),
  type: typeWord
    .optional()
    .describe(`what to take it for, where it could be more than one thing: ${typeNames.join(', ')}`),
  channel: param.channelRef.optional().describe('of a transaction: the channel that it has to do with'),
  payment_hash: param.hash32.optional().describe('of an onion: the payment hash of its HTLC'),
  nodekey: key.optional().describe('of an onion: the key of the node that got it, which opens one layer; or this node'),
  session_key: param.secret32.optional().describe('of an onion: the key it was made with, which opens all layers'),
  hops: param.many(param.nodeId, MOST_HOPS).optional().describe('beside session_key: the nodes of the route'),
  shared_secrets: param
    .many(param.secret32, MOST_HOPS)
    .optional()
    .describe('of a failure reason: one for each hop of the route'),
  file: param.file.optional().describe('a backup, in place of string'),
});

/** The fields of an invoice; those of anything else follow its kind. */
const result = z.looseObject({
  type: field.text,
  valid: field.flag,
  /** Why an invoice is not valid. */
  warning: field.text.optional(),
  ...z.object(decodedFields).partial().shape,
  /** What its feature bits ask of the payer, in our words. */
  amp: z.enum(['eob', 'deployed']).optional(),
});

type Result = z.output<typeof result>;

/** What it needs of a node; beside the first two it does without, where there is no node. */
export type DecodeParts = Pick<Node, 'network' | 'now'> &
  Partial<Pick<Node, 'keys' | 'channels' | 'graph'>> & {
    readonly backups?: { read(file: Uint8Array): Contents } | undefined;
  };

const decodedText = (node: DecodeParts, string: string): Result => {
  const read = readInvoice('string', string);
  const obstacles = checkPayable(read, {
    network: node.network.name,
    now: node.now(),
    features: payerFeatures(read.features),
  });
  const amp = ampOf(read.features);
  return {
    type: 'bolt11 invoice',
    valid: true,
    ...(obstacles.length > 0 && { warning: obstacles.map(({ code }) => code).join(', ') }),
    ...decodedInvoice(read),
    ...(amp && { amp }),
  };
};

const aliasIn = ({ graph }: DecodeParts, id: Uint8Array): string | undefined => {
  const alias = graph?.node(hex(point(id)))?.alias;
  return alias === undefined ? undefined : String(alias);
};

const helpOf = (node: DecodeParts, given: z.output<typeof params>): DecodeHelp => {
  const { type, channel, nodekey, session_key, hops, payment_hash, shared_secrets } = given;
  const absent = (name: string): never => {
    throw new ApiError('invalid_params', `${name}: needs a running node that has it`, { field: name });
  };
  const { keys, channels, backups } = node;
  return {
    type: type === 'invoice' ? undefined : type,
    network: node.network,
    channel: channel && (channels ? coreOf(found({ channels }, channel).machine.state) : absent('channel')),
    nodeKey: nodekey === 'this' ? (keys?.identity ?? absent('nodekey')) : nodekey,
    sessionKey: session_key && secretKey(session_key),
    ...{ hops, associatedData: payment_hash, sharedSecrets: shared_secrets },
    // What this node shares with the sender of an HTLC is not for whoever may ask it to decode.
    showSecrets: nodekey !== 'this',
    openBackup: backups && ((file) => backups.read(file)),
    aliasOf: (id) => aliasIn(node, id),
  };
};

const decodedAny = (string: string, help: DecodeHelp): Decoded | undefined => {
  try {
    return decodeText(string, help);
  } catch (error) {
    if (error instanceof DecodeError)
      throw new ApiError('invalid_params', error.message, { field: error.fault.field, tried: error.fault.tried });
    throw error;
  }
};

export const decode = method({
  doc: 'What an invoice says; or a wire message, an onion, a failure, a transaction, a feature vector, a node id, a rune, a backup.',
  example: ['BOLT11'],
  params,
  result,
  handler: async (node: DecodeParts, given): Promise<Result> => {
    const { string, file, type } = given;
    if ((string === undefined) === (file === undefined))
      throw new ApiError('invalid_params', 'string: expected either string or file', { field: 'string' });
    const help = helpOf(node, given);
    if (file !== undefined) return decodeBytes(await readBackup(file), { ...help, type: 'backup' });
    const text = string ?? '';
    return (type === 'invoice' ? undefined : decodedAny(text, help)) ?? decodedText(node, text);
  },
});
