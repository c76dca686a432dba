/** Attacks of a peer that has a channel: HTLCs that must fail, as fast as they fail, and sets of shares that are never whole. */
import { encodeBlob } from '../../../amp/shares.ts';
import { openRpc } from '../../../node/chain/rpc.ts';
import { construct } from '../../../onion/construct.ts';
import type { HopData } from '../../../onion/packet.ts';
import { writeFinal, writeForward } from '../../../onion/payload.ts';
import { zeros } from '../../../wire/bytes.ts';
import { pointOf } from '../../../wire/crypto.ts';
import { msat, type PaymentHash, paymentHash, sat, scidOf } from '../../../wire/units.ts';
import type { Attack, Attacker } from '../attacker.ts';
import { bought, Mallory, requestOf } from '../mallory.ts';

const amount = sat(1_000_000n);
/** Blocks that an HTLC has still to go. */
const term = 100;
/** How often the chain is looked at, in milliseconds. */
const glance = 500;

interface Offered {
  readonly amount: bigint;
  readonly hash: PaymentHash;
  readonly onion: Uint8Array;
}
type Make = (one: Attacker, height: number, n: number) => Offered;

/** Opens a channel that is paid for, and offers as many HTLCs at a time as that, each of them made new. */
const offering =
  (together: number, make: Make): Attack =>
  async (one) => {
    const { chain: place, target } = one.world;
    const chain = openRpc({ ...place, auth: place });
    const hear = (message: Uint8Array): void => {
      mallory?.hear(message);
      pump();
    };
    let mallory: Mallory | undefined;
    let height = 0;
    let made = 0;
    const pump = (): void => {
      const core = mallory?.core;
      if (mallory === undefined || core === undefined || mallory.state.phase !== 'open') return;
      if (core.link.status !== 'online' || !core.lockin.sent || !core.lockin.received || height === 0) return;
      // Filled when half of it has come back: what is offered together is signed together.
      if (core.outgoing.size > together / 2) return;
      let refused = false;
      mallory.onEvent = ({ event }) => {
        refused ||= event === 'offer_refused';
      };
      for (let i = core.outgoing.size; i < together && !refused; i++) {
        const { hash, amount: value, onion } = make(one, height, made++);
        mallory.give({
          ...{ type: 'offer', amount: msat(value), paymentHash: hash, expiry: height + term, onion },
          origin: zeros(1),
        });
        one.done.messages++;
      }
      mallory.sign();
    };
    const look = async (): Promise<never> => {
      while (true) {
        await mallory?.look(chain).catch(() => undefined);
        height = mallory?.tip ?? 0;
        // Who was refused a channel comes again.
        if (mallory?.state.phase === 'abandoned') mallory.line?.end();
        pump();
        await one.wait(glance);
      }
    };
    const talk = one.lines(
      1,
      () => hear,
      async (line) => {
        if (mallory?.core === undefined)
          mallory = new Mallory(requestOf(target.id, one.bytes(32), one.bytes(32), amount), line, bought(chain));
        else mallory.back(line);
        void line.ended.then(() => mallory?.lost());
      },
    );
    await Promise.all([look(), talk]);
  };

const onionFor = (one: Attacker, hash: PaymentHash, data: readonly HopData[]): Uint8Array => {
  const nodes = [one.world.target.id, pointOf(one.key(1))];
  const hops = data.map((hop, i) => ({ node: nodes[i] ?? one.world.target.id, data: hop }));
  return construct({ sessionKey: one.key(one.below(1 << 24) + 1000), associatedData: hash, hops }).packet;
};

const unpayable = (one: Attacker, hash: PaymentHash, value: bigint, height: number): Uint8Array => {
  const final = {
    amtToForward: msat(value),
    outgoingCltvValue: height + term,
    paymentData: { paymentSecret: one.bytes(32), totalMsat: msat(value) },
  };
  return onionFor(one, hash, [{ kind: 'tlv', stream: writeFinal(final) }]);
};

const toNowhere = (one: Attacker, hash: PaymentHash, value: bigint, height: number): Uint8Array => {
  const to = { amtToForward: msat(value / 2n), outgoingCltvValue: height + 10 };
  const forward = writeForward({ ...to, shortChannelId: scidOf(1, 1 + one.below(1000), 0) });
  return onionFor(one, hash, [
    { kind: 'tlv', stream: forward },
    { kind: 'tlv', stream: writeFinal(to) },
  ]);
};

/** To hashes nobody knows, over channels there are not, and with onions that are none, by turns. */
const failing: Make = (one, height, n) => {
  const hash = paymentHash(one.bytes(32));
  const value = 1000n;
  const onion = [unpayable, toNowhere, () => one.bytes(1366)][n % 3] ?? unpayable;
  return { amount: value, hash, onion: onion(one, hash, value, height) };
};

/** One share of two, the other of which never comes: in a blob behind a frame, or as lnd's AMP has it, by turns. */
const half: Make = (one, height, n) => {
  const hash = paymentHash(one.bytes(32));
  const value = 500_000n;
  const said = { amtToForward: msat(value), outgoingCltvValue: height + term };
  const [setId, share] = [one.bytes(32), one.bytes(32)];
  const extra = { protocol: 1, paymentId: zeros(11), blobs: [encodeBlob({ setId, share, marker: 2 })] };
  const paymentData = { paymentSecret: one.bytes(32), totalMsat: msat(2n * value) };
  const hop: HopData =
    n % 2 === 0
      ? { kind: 'frame', frame: { ...said, shortChannelId: scidOf(0, 0, 0), extra } }
      : { kind: 'tlv', stream: writeFinal({ ...said, paymentData, amp: { setId, share, childIndex: n } }) };
  return { amount: value, hash, onion: onionFor(one, hash, [hop]) };
};

export const failingHtlcs: Attack = offering(200, failing);
export const heldSets: Attack = offering(100, half);
