/**
 * What is for experiments alone: methods, and parameters whose names begin with `dev_`. Every caller of a node that was not
 * started with --dev (regtest only) gets a refusal. Methods have Core Lightning's names where it has them.
 */
import { z } from 'zod';
import { crashPoint, cutRule, holdPoint, savePoint } from '../../config/devrules.ts';
import { methods } from '../method.ts';
import * as param from '../params.ts';
import * as field from '../results.ts';

export const devShards = {
  dev_withhold: param
    .integer(0, 255)
    .optional()
    .describe('plan this many shards and never send them, to see the payee give the set up'),
};

const commitment = z.object({
  tx: field.hexText,
  txid: field.txid,
  commitment_number: field.u64,
  /** Those with an output in it, in the order of the outputs. */
  htlcs: z.array(
    z.object({
      direction: z.enum(['in', 'out']),
      id: field.u64,
      amount_msat: field.amountMsat,
      expiry: field.u32,
      payment_hash: field.hash,
      output: field.u32,
      /** The HTLC-timeout or HTLC-success transaction; the latter only where the preimage is known. */
      tx: field.hexText.optional(),
      txid: field.txid.optional(),
    }),
  ),
});

const number = param
  .integer(0, 2 ** 48 - 1)
  .optional()
  .describe('a commitment remembered earlier; else the latest');
const preimages = param.many(param.preimage32, 1000).default([]).describe('preimages for HTLC-success transactions');

const line = <T>(kind: string, read: (text: string) => T) =>
  param.param<string, T>(kind, (value) => {
    if (typeof value !== 'string') throw new RangeError('a text');
    return read(value);
  });

const savesLeft = z.object({ waiting: field.u64, armed: z.array(field.text) });

export const devMethods = methods({
  'dev-disconnect': {
    doc: 'Cuts connections at messages, as --dev-disconnect does; without rules it tells which are left.',
    example: ['-WIRE_REVOKE_AND_ACK'],
    params: z.strictObject({
      rules: param
        .many(line('rule', cutRule), 1000)
        .optional()
        .describe('in place of those there are, such as -WIRE_REVOKE_AND_ACK; an empty list for none'),
    }),
    result: z.object({
      rules: z.array(field.text),
      /** Messages we sent since the rules were set, by name. */
      sent: z.record(z.string(), field.u64),
    }),
  },
  'dev-crash': {
    doc: 'Ends the process as a power cut does: now, or at a save, as --dev-crash does.',
    example: ['before:channel/*/head*2'],
    params: z.strictObject({
      point: line('before:keys', crashPoint)
        .optional()
        .describe('when, such as after:channel/*/head*2; now if left out'),
    }),
    result: savesLeft,
  },
  'dev-hold-saves': {
    doc: 'Holds every save, so that nothing which rests on it leaves the node, as --dev-hold-save does.',
    example: ['channel/*/head@500'],
    params: z.strictObject({
      point: line('keys@ms', holdPoint)
        .optional()
        .describe('from which save on, and how long; from now on if left out'),
    }),
    result: savesLeft,
  },
  'dev-release-saves': {
    doc: 'Lets saves that are held go on.',
    example: [],
    params: z.strictObject({}),
    result: savesLeft,
  },
  'dev-fail-save': {
    doc: 'Fails a save as a full disk would; the node then stops.',
    example: ['channel/*/head'],
    params: z.strictObject({ point: line('keys', savePoint).describe('which save, such as channel/*/head') }),
    result: savesLeft,
  },
  'dev-record-saves': {
    doc: 'Tells the keys of every save since it was last called, in order.',
    example: ['true'],
    params: z.strictObject({ on: param.flag.default(true).describe('go on, so that the next call tells more') }),
    result: z.object({ commits: z.array(z.array(field.text)) }),
  },
  'dev-ignore-htlcs': {
    doc: 'Leaves every HTLC of a peer alone, neither passed on nor answered, until it is told not to.',
    example: ['0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798', 'true'],
    params: z.strictObject({
      id: param.nodeId.describe('the peer'),
      ignore: param.flag.describe('false takes up those left alone so far, too'),
    }),
    result: z.object({}),
  },
  'dev-fail-process-onionpacket': {
    doc: 'Finds every onion unreadable: HTLCs are answered with update_fail_malformed_htlc, until it is told not to.',
    example: ['true'],
    params: z.strictObject({ fail: param.flag.describe('false reads onions again') }),
    result: z.object({}),
  },
  'dev-feerate': {
    doc: 'Changes the feerate of the commitments of a channel that we opened.',
    example: ['103x1x0', '5000'],
    params: z.strictObject({
      id: param.channelRef.describe('the channel, or its peer'),
      feerate: param.u32.describe('satoshi per 1,000 weight'),
    }),
    result: z.object({ id: field.nodeId, feerate: field.u32 }),
  },
  'dev-dump-state': {
    doc: 'Tells the state of every channel, payment and set as it stands in memory, and which records are stored.',
    example: ['secrets=true'],
    params: z.strictObject({ secrets: param.flag.default(false).describe('keys, seeds and preimages, too') }),
    result: z.object({
      channels: z.array(z.record(z.string(), z.unknown())),
      payments: z.array(z.record(z.string(), z.unknown())),
      sets: z.array(z.record(z.string(), z.unknown())),
      store: z.record(z.string(), z.number()),
    }),
  },
  'dev-sign-last-tx': {
    doc: 'Signs our commitment transaction of a channel, with its HTLC transactions, and publishes nothing.',
    example: ['103x1x0'],
    params: z.strictObject({ id: param.channelRef.describe('the channel, or its peer'), number, preimages }),
    result: commitment,
  },
  'dev-remember-commitment': {
    doc: 'Keeps all it takes to sign the commitment we have now, also once it is revoked.',
    example: ['103x1x0'],
    params: z.strictObject({ id: param.channelRef.describe('the channel, or its peer') }),
    result: z.object({ commitment_number: field.u64, remembered: z.array(field.u64) }),
  },
  'dev-broadcast-commitment': {
    doc: 'Publishes our commitment transaction, the latest or, as a thief would, one remembered earlier.',
    example: ['103x1x0', 'number=7'],
    params: z.strictObject({
      id: param.channelRef.describe('the channel, or its peer'),
      number,
      preimages,
      htlcs: param.flag.default(false).describe('publish the HTLC transactions behind it, too'),
    }),
    result: commitment.extend({ refused: z.array(z.object({ txid: field.txid, why: field.text })) }),
  },
});
