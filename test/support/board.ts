/** An HTLC switch between two channels that are not there: what it is given, and what it tells them. */
import type { AtStake } from '../../amp/io.ts';
import type { Input } from '../../channel/model/io.ts';
import type { Htlc } from '../../channel/model/state.ts';
import { UNSIGNED } from '../../channel/model/updates.ts';
import type { OutgoingChannel } from '../../node/forward/forwardingpolicy.ts';
import { ForwardLinks } from '../../node/forward/forwardlinks.ts';
import { ForwardLog } from '../../node/forward/forwardlog.ts';
import type { ForwardNoteHandler } from '../../node/forward/forwardnotes.ts';
import { HtlcFailures } from '../../node/forward/htlcfailures.ts';
import { type ChannelDirectory, HtlcSwitch } from '../../node/forward/htlcswitch.ts';
import { ReplayLog } from '../../node/forward/replayprotection.ts';
import { memoryStore } from '../../node/store/memory.ts';
import { construct } from '../../onion/construct.ts';
import type { Registry } from '../../onion/eobprotocols.ts';
import { readFailure } from '../../onion/failureonion.ts';
import type { HopData } from '../../onion/packet.ts';
import { writeForward } from '../../onion/payload.ts';
import { concat, unhex, utf8 } from '../../wire/bytes.ts';
import { sha256 } from '../../wire/crypto.ts';
import { msat, paymentHash, type ShortChannelId, shortChannelId } from '../../wire/units.ts';
import { idOf, keyOf } from './graph.ts';
import { memoryLog } from './peers.ts';
import { heldClock } from './quiet.ts';

export const HEIGHT = 500;
export const hash = paymentHash(sha256(utf8('forwarded')));
export const alias = shortChannelId(77n);
/** The short_channel_id of the channel that HTLCs come by. */
export const came = shortChannelId(66n);
export const update = (scid: ShortChannelId): Uint8Array => concat(Uint8Array.of(1, 2), utf8(`update of ${scid}`));

export const channel: OutgoingChannel & { readonly key: string } = {
  key: 'out',
  status: 'usable',
  update: update(alias),
  policy: {
    feeBase: msat(1000n),
    feeProportional: 0,
    cltvExpiryDelta: 40,
    htlcMinimum: msat(1n),
    htlcMaximum: msat(1_000_000_000n),
    disabled: false,
  },
};

export const payload = { shortChannelId: alias, amtToForward: msat(100_000n), outgoingCltvValue: HEIGHT + 50 };
export const { packet, sharedSecrets } = construct({
  sessionKey: keyOf('session'),
  associatedData: hash,
  hops: [
    { node: idOf('us'), data: { kind: 'tlv', stream: writeForward(payload) } },
    { node: idOf('next'), data: { kind: 'tlv', stream: writeForward(payload) } },
  ],
});
/** An onion whose first hop, ours, has these data; the secrets are the same whatever they are. */
export const madeOf = (data: HopData) =>
  construct({
    sessionKey: keyOf('another session'),
    associatedData: hash,
    hops: [
      { node: idOf('us'), data },
      { node: idOf('next'), data: { kind: 'tlv', stream: writeForward(payload) } },
    ],
  });
/** The same, with these bytes for its TLV payload. */
export const made = (stream: string) => madeOf({ kind: 'tlv', stream: unhex(stream) });
export const bad = made('0200');
export const forHop = (stream: string): Uint8Array => made(stream).packet;
const arrived = {
  amount: msat(101_000n),
  paymentHash: hash,
  expiry: HEIGHT + 90,
  onion: packet,
  pathKey: undefined,
};

/** An HTLC switch whose incoming channels, `in` and any other but `out`, have HTLC 3, and what it told its channels. */
export const board = async (
  outgoing: typeof channel | undefined = channel,
  canPayForClaims: (one: AtStake) => boolean = () => true,
  store = memoryStore(),
  given: {
    readonly registry?: Registry<never, unknown>;
    readonly onForwardNote?: ForwardNoteHandler;
    /** Where the onions that came are kept. */
    readonly onions?: ReturnType<typeof memoryStore>;
  } = {},
) => {
  const { registry = new Map(), onForwardNote = () => undefined, onions = memoryStore() } = given;
  const clock = heldClock();
  const replays = await ReplayLog.load(onions);

  const here = { current: true, out: false, known: false, givenUp: false, gone: false, height: HEIGHT };
  const told: (readonly [channel: string, input: Input])[] = [];
  const incoming: Htlc = {
    ...arrived,
    way: 'in',
    id: 3n,
    origin: new Uint8Array(),
    added: UNSIGNED,
    order: 0,
    removal: undefined,
    preimage: undefined,
    acknowledged: false,
    over: false,
  };
  const channels: ChannelDirectory = {
    push: (key, input) => void told.push([key, input]),
    outgoing: (scid) => (scid === alias ? outgoing : undefined),
    incoming: (key, id) => (key !== 'out' && id === 3n && !here.gone ? incoming : undefined),
    offered: () => undefined,
    allOffered: () => [],
    peerOf: (key) => idOf(key === 'out' ? 'next' : 'peer'),
    shortIdOf: (key) => (key === 'in' ? came : undefined),
    isEnding: () => here.givenUp,
    updateOf: (key, named) => (key === 'out' ? update(named) : undefined),
  };
  const links = new ForwardLinks(channels);
  const failures = new HtlcFailures({ key: keyOf('us'), channels, clock, log: memoryLog() });
  const forwards = await ForwardLog.load({
    store,
    save: (changes) => void store.commit(changes),
    afterSaved: (run) => void store.commit([]).then(run),
    now: () => 1_700_000_000_000,
    scidOf: (key) => (key === 'in' ? came : undefined),
  });
  const htlcSwitch = new HtlcSwitch({
    key: keyOf('us'),
    registry,
    ...{ channels, links, failures, forwards },
    payments: { outcome: async () => undefined },
    receiver: { htlc: () => undefined, isOnRecord: () => here.known, resolved: () => undefined },
    replays,
    save: (changes) => void onions.commit(changes),
    height: () => here.height,
    isSynced: () => here.current,
    isHalted: () => here.out,
    clock,
    canPayForClaims,
    log: memoryLog(),
    limitedLog: memoryLog(),
    onFeeEarned: () => undefined,
    ...{ onForwardNote, onFinalNote: () => undefined },
  });
  const receive = (change: object = {}, from = 'in'): void =>
    htlcSwitch.received(from, {
      event: 'received',
      id: 3n,
      overexposed: false,
      underpaid: false,
      givenUp: false,
      closing: false,
      ...arrived,
      ...change,
    });
  /** The failure that the payer reads. */
  const failureOf = (onion: { readonly sharedSecrets: readonly Uint8Array[] }) => {
    const [key, input] = told.at(-1) ?? [];
    if (key !== 'in' || input?.type !== 'fail') throw new Error('nothing was failed back');
    const read = readFailure(onion.sharedSecrets, input.reason);
    return read.kind === 'attributed' && read.hop === 0 ? read.failure : read;
  };
  const failure = () => failureOf({ sharedSecrets });
  return { htlcSwitch, forwards, links, told, receive, failure, failureOf, here, clock, replays };
};
