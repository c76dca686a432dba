/** Methods for experiments alone: a node has them only when it was started with --dev. */
import type { Transaction } from 'bitcoinjs-lib';
import type { Funded } from '../../channel/model/state.ts';
import { hex, unhex } from '../../wire/bytes.ts';
import { txid } from '../../wire/units.ts';
import { ApiError } from '../api/errors.ts';
import { found } from '../api/methods/channels/findchannel.ts';
import type { DevHandlers, Result } from '../api/table.ts';
import { ChainError } from '../chain/errors.ts';
import { type Entry, isFunded } from '../channels/entry.ts';
import type { Node } from '../core/node.ts';
import { remember, remembered, rememberedNumbers, type SignedCommitment, signedCommitment } from './commitments.ts';
import type { DisconnectRules } from './disconnectrules.ts';
import { dumpState } from './dump.ts';
import { withFees } from './fees.ts';
import type { IgnoredHtlcs } from './ignoredhtlcs.ts';
import type { OnionCorruption } from './onioncorruption.ts';
import type { StoreFaults } from './storefaults.ts';

const fundedOf = ({ machine: { state } }: Entry): Funded => {
  if (!isFunded(state)) throw new ApiError('general', 'the channel has no commitment yet');
  return state;
};

/** The channel's state now, or when its commitment of that number was remembered. */
const stateAt = async ({ ports: { store } }: Node, entry: Entry, number: number | undefined): Promise<Funded> => {
  const now = fundedOf(entry);
  const state = number === undefined ? now : await remembered(store, entry.key, number);
  if (state === undefined)
    throw new ApiError('general', `commitment ${number} was not remembered: call dev-remember-commitment in time`);
  return state;
};

const shownTx = (tx: Transaction) => ({ tx: tx.toHex(), txid: tx.getId() });

const shownCommitment = ({ number, tx, htlcs }: SignedCommitment): Result<'dev-sign-last-tx'> => ({
  ...shownTx(tx),
  commitment_number: number,
  htlcs: htlcs.map((htlc) => ({
    direction: htlc.way,
    id: Number(htlc.id),
    amount_msat: htlc.amount,
    expiry: htlc.expiry,
    payment_hash: hex(htlc.paymentHash),
    output: htlc.output,
    ...(htlc.tx && shownTx(htlc.tx)),
  })),
});

/** Broadcasts these in order, and returns those that bitcoind rejects, with its reason. Inputs of the wallet become spent. */
const publish = async ({ ports: { chain }, wallet }: Node, transactions: readonly Transaction[]) => {
  const refused: { txid: string; why: string }[] = [];
  for (const tx of transactions)
    try {
      await chain.broadcast(unhex(tx.toHex()));
      if (tx.ins.length > 1) await wallet.sending({ txid: txid(new Uint8Array(tx.getHash())), tx });
    } catch (error) {
      if (!(error instanceof ChainError)) throw error;
      refused.push({ txid: tx.getId(), why: error.message });
    }
  return refused;
};

/** What the methods control. */
export interface DevTools {
  readonly cuts: DisconnectRules;
  readonly saves: StoreFaults;
  readonly ignoring: IgnoredHtlcs;
  readonly spoiling: OnionCorruption;
  /** Ends the process as a power cut would. */
  readonly die: () => void;
}

const savesLeft = ({ saves }: DevTools): Result<'dev-hold-saves'> => ({
  waiting: saves.waiting,
  armed: saves.left.map(({ point, action }) => `${action.do} ${point.text}`),
});

export const devHandlers = (node: Node, levers: DevTools): DevHandlers => ({
  'dev-disconnect': async ({ rules }) => {
    const { cuts } = levers;
    if (rules !== undefined) cuts.set(rules);
    return { rules: cuts.left.map(({ text }) => text), sent: Object.fromEntries(cuts.sent) };
  },
  'dev-crash': async ({ point }) => {
    if (point === undefined) levers.die();
    else levers.saves.arm({ point, action: { do: 'die', when: point.when } });
    return savesLeft(levers);
  },
  'dev-hold-saves': async ({ point }) => {
    if (point === undefined) levers.saves.hold(undefined);
    else levers.saves.arm({ point, action: { do: 'hold', milliseconds: point.milliseconds } });
    return savesLeft(levers);
  },
  'dev-release-saves': async () => {
    levers.saves.release();
    return savesLeft(levers);
  },
  'dev-fail-save': async ({ point }) => {
    levers.saves.arm({ point, action: { do: 'fail' } });
    return savesLeft(levers);
  },
  'dev-record-saves': async ({ on }) => ({ commits: levers.saves.record(on).map((keys) => [...keys]) }),
  'dev-ignore-htlcs': async ({ id, ignore }) => {
    levers.ignoring.set(hex(id), ignore);
    return {};
  },
  'dev-fail-process-onionpacket': async ({ fail }) => {
    levers.spoiling.set(fail);
    return {};
  },
  'dev-feerate': async ({ id, feerate }) => {
    const entry = found(node, id);
    await entry.machine.deliver({ type: 'update_fee', feerate });
    return { id: entry.peer, feerate };
  },
  'dev-dump-state': async ({ secrets }) => dumpState(node, secrets),
  'dev-sign-last-tx': async ({ id, number, preimages }) =>
    shownCommitment(signedCommitment((await stateAt(node, found(node, id), number)).core, preimages)),
  'dev-remember-commitment': async ({ id }) => {
    const { store } = node.ports;
    const entry = found(node, id);
    return {
      commitment_number: await remember(store, entry.key, fundedOf(entry)),
      remembered: [...(await rememberedNumbers(store, entry.key))],
    };
  },
  'dev-broadcast-commitment': async ({ id, number, preimages, htlcs }) => {
    const state = await stateAt(node, found(node, id), number);
    const alone = signedCommitment(state.core, preimages);
    const commitment = htlcs ? { ...alone, htlcs: await withFees(node, state, alone.htlcs) } : alone;
    const behind = htlcs ? commitment.htlcs.flatMap(({ tx }) => tx ?? []) : [];
    return { ...shownCommitment(commitment), refused: await publish(node, [commitment.tx, ...behind]) };
  },
});
