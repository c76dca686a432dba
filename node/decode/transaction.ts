/** A transaction: what it spends and pays, and, where its channel is known, what each output is to that channel (BOLT 3, BOLT 5). */
import { Transaction } from 'bitcoinjs-lib';
import { closeTypeOf, commitmentNumberOf, spendingCommitment } from '../../channel/claims/closetype.ts';
import type { ClassifiedOutput } from '../../channel/model/chainview.ts';
import type { CloseType, Core } from '../../channel/model/state.ts';
import { localCommitment } from '../../channel/rules/commitmentupdates.ts';
import { transactionId } from '../../channel/tx/transaction.ts';
import { equal, hex, reversed } from '../../wire/bytes.ts';
import { scidText } from '../../wire/units.ts';
import type { Network } from '../ports/network.ts';
import { addressOfScript } from '../wallet/address.ts';

type Fields = Readonly<Record<string, unknown>>;

const kindOfScript = (script: Uint8Array): string => {
  const [first = 0, second = 0] = script;
  if (first === 0x6a) return 'nulldata';
  if (first === 0 && second === 20 && script.length === 22) return 'witness_v0_keyhash';
  if (first === 0 && second === 32 && script.length === 34) return 'witness_v0_scripthash';
  if (first === 0x51 && second === 32 && script.length === 34) return 'witness_v1_taproot';
  if (script.length === 25 && first === 0x76) return 'pubkeyhash';
  if (script.length === 23 && first === 0xa9) return 'scripthash';
  return 'other';
};

const closes: Readonly<Record<CloseType, string>> = {
  mutual: 'closing transaction, signed by both',
  local: 'our commitment',
  remote: "the peer's commitment",
  remote_next: "the peer's next commitment, which it has not taken up yet",
  revoked: 'a REVOKED commitment of the peer',
  unknown: 'a commitment of the peer that this node cannot know',
  unrecognized: 'neither a commitment nor a closing that this node signed',
};

const shownHtlc = (output: ClassifiedOutput): Fields => {
  if (output.kind !== 'htlc') return {};
  const { way, id, amount, paymentHash, expiry } = output.htlc;
  return {
    htlc: {
      direction: way,
      id,
      amount_msat: amount,
      payment_hash: hex(paymentHash),
      cltv_expiry: expiry,
    },
  };
};

/** Roles of the outputs of a commitment, by their index. An anchor or output that is not ours has the name without a side. */
const commitmentRoles = (core: Core, by: CloseType, tx: Transaction): ReadonlyMap<number, Fields> => {
  const roles = new Map<number, Fields>();
  const read = spendingCommitment(core, by, tx);
  for (const output of read?.outputs ?? [])
    roles.set(output.index, {
      role: output.kind === 'anchor' ? 'to_local_anchor or to_remote_anchor, ours' : output.kind,
      ...shownHtlc(output),
    });
  const isOurs = read?.whose.holder === 'local';
  for (const [index, { value }] of tx.outs.entries())
    if (!roles.has(index))
      roles.set(index, {
        role:
          value === 330n
            ? 'anchor of the peer'
            : isOurs
              ? 'to_remote'
              : 'to_local of the peer, or an HTLC not known any more',
      });
  // Of our own latest commitment every output is known.
  const latest = localCommitment(core);
  if (equal(latest.txid, transactionId(tx)))
    for (const [index, output] of latest.transaction.outputs.entries())
      roles.set(index, { ...roles.get(index), role: output.kind });
  return roles;
};

const closingRoles = (core: Core, tx: Transaction): ReadonlyMap<number, Fields> => {
  const { local, shutdownScript } = core.params;
  const ours = local.upfrontScript ?? shutdownScript;
  return new Map(
    tx.outs.map(({ script }, index) => [
      index,
      { role: equal(new Uint8Array(script), ours) ? 'paid to us' : 'paid to the peer' },
    ]),
  );
};

/** What the transaction is to the channel, and the roles of its outputs. */
const inChannel = (core: Core, tx: Transaction): readonly [Fields, ReadonlyMap<number, Fields>] => {
  const { funding, lockin, channelId } = core;
  const channel = { channel_id: hex(channelId), ...(lockin.scid && { short_channel_id: scidText(lockin.scid) }) };
  const none: ReadonlyMap<number, Fields> = new Map();
  if (equal(transactionId(tx), funding.txid))
    return [{ ...channel, is: 'the funding transaction' }, new Map([[funding.index, { role: 'funding' }]])];
  if (tx.ins.some(({ hash, index }) => equal(new Uint8Array(hash), funding.txid) && index === funding.index)) {
    const by = closeTypeOf(core, tx);
    const number = commitmentNumberOf(core, tx);
    const isCommitment = by !== 'mutual' && by !== 'unrecognized' && number !== undefined;
    const about = {
      ...{ ...channel, is: closes[by] },
      ...(isCommitment && { commitment_number: number }),
      ...(isCommitment && { revoked: by === 'revoked' || (by === 'local' && number < core.head.local) }),
    };
    return [about, isCommitment ? commitmentRoles(core, by, tx) : by === 'mutual' ? closingRoles(core, tx) : none];
  }
  const latest = localCommitment(core);
  const claimed = tx.ins.flatMap(({ hash, index }) =>
    equal(new Uint8Array(hash), latest.txid) ? [latest.transaction.outputs[index]?.kind ?? 'unknown'] : [],
  );
  if (claimed.length > 0) return [{ ...channel, is: `spends of our commitment: ${claimed.join(', ')}` }, none];
  return [{ ...channel, is: 'spends neither the funding output nor our latest commitment' }, none];
};

/** The transaction in these bytes, or undefined. */
export const transactionIn = (bytes: Uint8Array): Transaction | undefined => {
  try {
    const tx = Transaction.fromBuffer(bytes);
    // What is shorter or longer than one does not come out the same.
    return tx.ins.length > 0 && equal(new Uint8Array(tx.toBuffer()), bytes) ? tx : undefined;
  } catch {
    return undefined;
  }
};

/** Its fields; `core` is the channel that it has to do with, as far as the caller says so. */
export const decodeTransaction = (tx: Transaction, network: Network, core: Core | undefined): Fields => {
  const [channel, roles] = core === undefined ? [undefined, new Map<number, Fields>()] : inChannel(core, tx);
  return {
    txid: tx.getId(),
    version: tx.version,
    locktime: tx.locktime,
    weight: tx.weight(),
    ...(channel && { channel }),
    inputs: tx.ins.map(({ hash, index, sequence, witness }) => ({
      txid: hex(reversed(new Uint8Array(hash))),
      vout: index,
      sequence,
      witness: witness.map((item) => hex(new Uint8Array(item))),
    })),
    outputs: tx.outs.map(({ script: bytes, value }, index) => {
      const script = new Uint8Array(bytes);
      const address = addressOfScript(script, network);
      return {
        ...{ index, amount_sat: value, ...roles.get(index) },
        ...{ type: kindOfScript(script), ...(address !== undefined && { address }), script: hex(script) },
      };
    }),
  };
};
