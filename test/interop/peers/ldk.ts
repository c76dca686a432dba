/** LDK, as npm ships it, as one of the peers that the suite of cases runs over. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { networkOf } from '../../../node/ports/network.ts';
import { until } from '../../../node/regtest/demo/wait.ts';
import { addressOfScript } from '../../../node/wallet/address.ts';
import { hex } from '../../../wire/bytes.ts';
import { Ldk } from '../peer.ts';
import type {
  Address,
  Cannot,
  Kind,
  OpenTerms,
  Peer,
  PeerChannel,
  PeerFailure,
  PeerInvoice,
  PeerOptions,
  PeerPaid,
  PeerReceived,
} from './peer.ts';

const cannot = {
  'deployed AMP': 'LDK has no AMP: it refuses record 14 with invalid_onion_payload',
  restart: 'the LDK of npm keeps its channels in memory here, so there is nothing to start again from',
  'closing feerate': 'LDK takes the feerate of a close from its own estimate',
  'closing script': 'LDK pays a close to its own wallet here',
  'HTLCs of one expiry':
    'LDK takes HTLCs of one expiry back in one transaction, and cannot make that again without one that was fulfilled meanwhile',
  'closing at the dust limit':
    'LDK leaves out an output of just its dust limit, 354 sat, and takes no signature for a closing with it ("Invalid closing tx signature from peer")',
} as const satisfies Cannot;

const refusal = (ability: keyof typeof cannot): Promise<never> => Promise.reject(new Error(cannot[ability]));

const manifest = z.object({ version: z.string() });

class LdkPeer implements Peer {
  readonly kind = ldk;
  readonly name: string;
  private readonly ldk: Ldk;

  constructor(node: Ldk) {
    this.ldk = node;
    this.name = node.name;
  }

  get id(): string {
    return this.ldk.id;
  }

  get address(): Address {
    return this.ldk.address;
  }

  logTail(lines?: number): string {
    return this.ldk.logTail(lines);
  }

  async reach(height: number): Promise<void> {
    await until(`${this.name} to reach block ${height}`, async () =>
      (await this.ldk.call('sync')).height >= height ? true : undefined,
    );
  }

  async newAddress(): Promise<string> {
    const { script } = await this.ldk.call('purse');
    return addressOfScript(script, networkOf('regtest')) ?? '';
  }

  async hasCoins(count: number): Promise<void> {
    await until(`${this.name} to have ${count} coins`, async () =>
      (await this.ldk.call('purse')).coins.length >= count ? true : undefined,
    );
  }

  async connect(to: Address): Promise<void> {
    await this.ldk.call('connect', to);
  }

  async disconnect(id: string): Promise<void> {
    await this.ldk.call('disconnect', { id });
  }

  peers(): Promise<readonly string[]> {
    return this.ldk.call('peers');
  }

  async open(id: string, { sat, pushMsat = 0n, announce = true }: OpenTerms): Promise<string> {
    return (await this.ldk.call('open', { id, sat, pushMsat, announce })).channelId;
  }

  async channels(): Promise<readonly PeerChannel[]> {
    return (await this.ldk.call('channels')).map((one) => ({
      channelId: one.channelId,
      funding: { txid: one.fundingTxid ?? '', vout: one.fundingOutput ?? 0 },
      capacitySat: one.capacitySat,
      usable: one.usable,
      anchors: one.anchors,
      htlcs: one.pendingIn.length + one.pendingOut.length,
      theirSat: one.capacitySat - one.outboundMsat / 1000n - (one.ourReserveSat ?? 0n),
    }));
  }

  invoice(amountMsat: bigint): Promise<PeerInvoice> {
    return this.ldk.call('invoice', { amountMsat, description: 'biscuits' });
  }

  async pay(bolt11: string, amountMsat?: bigint): Promise<PeerPaid> {
    const given = { bolt11, ...(amountMsat !== undefined && { amountMsat }) };
    const { paymentHash, preimage, feeMsat = 0n } = await this.ldk.call('pay', given);
    return { paymentHash, preimage, feeMsat };
  }

  async keysend(id: string, amountMsat: bigint, records: Readonly<Record<number, string>> = {}): Promise<PeerPaid> {
    const extraTlvs = Object.entries(records).map(([type, value]) => [BigInt(type), value] as const);
    const { paymentHash, preimage, feeMsat = 0n } = await this.ldk.call('keysend', { id, amountMsat, extraTlvs });
    return { paymentHash, preimage, feeMsat };
  }

  async received(paymentHash: string): Promise<PeerReceived | undefined> {
    const of = this.ldk.reports.filter((one) => 'paymentHash' in one && one.paymentHash === paymentHash);
    const [claimed] = of.filter((one) => one.event === 'claimed');
    const [claimable] = of.filter((one) => one.event === 'claimable');
    if (claimed === undefined || claimable === undefined) return undefined;
    const records = Object.fromEntries(claimable.extraTlvs.map(([type, value]) => [Number(type), value]));
    return { ...claimed, isSpontaneous: claimable.spontaneous, records };
  }

  async failure(paymentHash: string): Promise<PeerFailure> {
    const { permanent, how } = await this.ldk.report('path_failed', (one) => one.paymentHash === paymentHash);
    return { isFinal: permanent, isOnWay: how === 'PathFailure_OnPath' };
  }

  async holdInvoice(amountMsat: bigint): Promise<PeerInvoice> {
    await this.ldk.call('hold', { on: true });
    return this.ldk.call('invoice', { amountMsat, description: 'held', finalCltv: 60 });
  }

  async isHeld(paymentHash: string): Promise<void> {
    await this.ldk.report('claimable', (one) => one.paymentHash === paymentHash);
    await this.ldk.call('hold', { on: false });
  }

  async settle(paymentHash: string): Promise<void> {
    await this.ldk.call('settle', { paymentHash });
  }

  async refuse(paymentHash: string): Promise<void> {
    await this.ldk.call('refuse', { paymentHash });
  }

  private async counterparty(channelId: string): Promise<string> {
    return (await this.ldk.channel(channelId)).peer;
  }

  async close(channelId: string): Promise<void> {
    await this.ldk.call('close', { channelId, peer: await this.counterparty(channelId) });
  }

  async forceClose(channelId: string): Promise<void> {
    await this.ldk.call('forceClose', { channelId, peer: await this.counterparty(channelId) });
  }

  async feerate(perKw: number): Promise<void> {
    await this.ldk.call('feerate', { perKw });
    await this.ldk.call('tick');
  }

  graph(): Promise<readonly { scid: string; directions: number }[]> {
    return this.ldk.call('graph');
  }

  async scripts(): Promise<readonly string[]> {
    return [hex((await this.ldk.call('purse')).script)];
  }

  async remembering(something: () => Promise<void>): Promise<void> {
    await this.ldk.call('keep', { on: true });
    await something();
    await this.ldk.call('keep', { on: false });
  }

  async publishOld(channelId: string): Promise<void> {
    await this.ldk.call('steal', { channelId });
  }

  kill(): Promise<never> {
    return refusal('restart');
  }

  restart(): Promise<never> {
    return refusal('restart');
  }

  stop(): Promise<void> {
    return this.ldk.stop();
  }
}

export const ldk: Kind = {
  name: 'LDK',
  cannot,
  missing: async () => undefined,
  version: async () => {
    const entry = fileURLToPath(import.meta.resolve('lightningdevkit/package.json'));
    return manifest.parse(JSON.parse(readFileSync(entry, 'utf8'))).version;
  },
  start: async ({ name, dir, bitcoind, anchors = true, scidAlias: scidPrivacy = false }: PeerOptions) =>
    new LdkPeer(await Ldk.start({ name, dir, bitcoind, anchors, scidPrivacy })),
};
