/** An onion packet layer by layer (BOLT 4): with the key of a node one layer, with the session key and the nodes of the route all. */
import type { Schemes } from '../../amp/scheme.ts';
import { schemes } from '../../amp/schemes.ts';
import { decodeBlob } from '../../amp/shares.ts';
import type { Extra, Frame } from '../../onion/eobframe.ts';
import type { Failure } from '../../onion/failuremessages.ts';
import { hopSecrets } from '../../onion/keys.ts';
import { HOPS_LENGTH, type HopData, PACKET_LENGTH, type Peeled } from '../../onion/packet.ts';
import { readFinal, readForward } from '../../onion/payload.ts';
import { peel, peelShared } from '../../onion/peel.ts';
import { equal, hex, u16be } from '../../wire/bytes.ts';
import { Reader, WireError } from '../../wire/codec.ts';
import { bigsize } from '../../wire/tlv.ts';
import { type Point, point, type SecretKey, scidText } from '../../wire/units.ts';
import { DecodeError } from './errors.ts';

type Fields = Readonly<Record<string, unknown>>;

/** A blob: what the protocol's scheme makes of it, and its bytes. */
const shownBlob = (protocol: number, raw: Uint8Array, known: Schemes): Fields => {
  const scheme = [...known.values()].find((one) => one.protocol === protocol);
  if (scheme === undefined) return { raw: hex(raw) };
  const { setId, share, marker } = decodeBlob(raw);
  return {
    [scheme.fields.setId]: hex(setId),
    [scheme.fields.share]: hex(share),
    marker,
    meaning: scheme.fields.marker(marker),
    raw: hex(raw),
  };
};

const shownExtra = ({ protocol, paymentId, blobs }: Extra): Fields => {
  const scheme = [...schemes.values()].find((one) => one.protocol === protocol);
  return {
    protocol,
    ...(scheme && { scheme: scheme.name }),
    payment_id: hex(paymentId),
    blobs: blobs.map((blob) => shownBlob(protocol, blob, schemes)),
  };
};

const shownFrame = ({ shortChannelId, amtToForward, outgoingCltvValue, extra }: Frame, isFinal: boolean): Fields => ({
  format: '65-byte frame',
  ...(!isFinal && { short_channel_id: scidText(shortChannelId) }),
  amt_to_forward: amtToForward,
  outgoing_cltv_value: outgoingCltvValue,
  ...(extra && { extra_onion_blobs: shownExtra(extra) }),
});

/** The records of a stream as they stand there, as far as they can be told apart. */
const rawRecords = (stream: Uint8Array): readonly Fields[] => {
  const r = new Reader(stream);
  const out: Fields[] = [];
  try {
    while (r.left > 0) {
      const type = bigsize.read(r);
      out.push({ type, value: hex(r.bytes(Number(bigsize.read(r)))) });
    }
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    out.push({ malformed: error.message });
  }
  return out;
};

const shownFailure = ({ name, ...data }: Failure): Fields => ({
  name,
  ...Object.fromEntries(
    Object.entries(data).map(([field, value]) => [field, value instanceof Uint8Array ? hex(value) : value]),
  ),
});

const shownStream = (stream: Uint8Array, isFinal: boolean): Fields => {
  const records = rawRecords(stream);
  const format = 'TLV stream';
  if (!isFinal) {
    const read = readForward(stream);
    if ('refuse' in read) return { format, refused_with: shownFailure(read.refuse), records };
    const { shortChannelId, amtToForward, outgoingCltvValue } = read.accept;
    return {
      ...{ format, short_channel_id: scidText(shortChannelId), amt_to_forward: amtToForward },
      ...{ outgoing_cltv_value: outgoingCltvValue, records },
    };
  }
  const read = readFinal(stream);
  if ('refuse' in read) return { format, refused_with: shownFailure(read.refuse), records };
  const { amtToForward, outgoingCltvValue, paymentData, paymentMetadata, amp, keysend } = read.accept;
  return {
    ...{ format, amt_to_forward: amtToForward, outgoing_cltv_value: outgoingCltvValue },
    ...(paymentData && { payment_secret: hex(paymentData.paymentSecret), total_msat: paymentData.totalMsat }),
    ...(paymentMetadata && { payment_metadata: hex(paymentMetadata) }),
    ...(amp && { amp: { root_share: hex(amp.share), set_id: hex(amp.setId), child_index: amp.childIndex } }),
    ...(keysend && { keysend_preimage: hex(keysend) }),
    records,
  };
};

const shownData = (data: HopData, isFinal: boolean): Fields =>
  data.kind === 'frame' ? shownFrame(data.frame, isFinal) : shownStream(data.stream, isFinal);

/** A layer for people: what the hop reads, and the packet that it passes on. */
const shownLayer = (peeled: Peeled, hop: number, about: Fields): Fields => {
  const at = { hop: hop + 1, ...about };
  switch (peeled.kind) {
    case 'malformed':
      return { ...at, refused_with: shownFailure(peeled.failure) };
    case 'refused':
      return { ...at, refused_with: shownFailure(peeled.failure) };
    case 'final':
      return { ...at, last: true, payload: shownData(peeled.data, true) };
    case 'forward':
      return { ...at, last: false, payload: shownData(peeled.data, false), next_packet: hex(peeled.next) };
  }
};

/** What opens a packet. */
export interface OnionKeys {
  /** Of the node that got the packet. */
  readonly nodeKey?: SecretKey | undefined;
  readonly sessionKey?: SecretKey | undefined;
  /** Of the route, in order. */
  readonly hops?: readonly Point[] | undefined;
  /** The payment hash of its HTLC, which its HMACs cover; nothing where it is undefined. */
  readonly associatedData?: Uint8Array | undefined;
  /** Whether the shared secrets are shown, which open a failure that comes back. */
  readonly showSecrets: boolean;
}

const explained = (peeled: Peeled): void => {
  if (peeled.kind !== 'malformed') return;
  throw new DecodeError(
    'string',
    `the first layer does not open (${peeled.failure.name}): the key is of another node or session, or payment_hash, which the onion is bound to, is missing or another`,
  );
};

const withSession = (packet: Uint8Array, sessionKey: SecretKey, keys: OnionKeys): readonly Fields[] => {
  const { hops = [], associatedData = new Uint8Array(0), showSecrets } = keys;
  if (hops.length === 0)
    throw new DecodeError('hops', 'session_key: expected hops beside it, the node ids of the route');
  const layers: Fields[] = [];
  let left = packet;
  for (const [hop, { ephemeralKey, sharedSecret }] of hopSecrets(sessionKey, hops).entries()) {
    if (hop === 0 && !equal(ephemeralKey, packet.subarray(1, 34)))
      throw new DecodeError('session_key', 'session_key: the packet was made with another one');
    const peeled = peelShared({ packet: left, associatedData, ephemeralKey, sharedSecret });
    if (hop === 0) explained(peeled);
    const about = { node: hex(hops[hop] ?? sharedSecret), ...(showSecrets && { shared_secret: hex(sharedSecret) }) };
    layers.push(shownLayer(peeled, hop, about));
    if (peeled.kind !== 'forward') break;
    left = peeled.next;
  }
  return layers;
};

/** The packet, with as many layers as the keys open. Throws DecodeError. */
export const decodeOnion = (packet: Uint8Array, keys: OnionKeys): Fields => {
  if (packet.length !== PACKET_LENGTH)
    throw new DecodeError('string', `an onion packet has ${PACKET_LENGTH} bytes, this has ${packet.length}`);
  const head = {
    version: packet[0],
    public_key: hex(packet.subarray(1, 34)),
    hmac: hex(packet.subarray(34 + HOPS_LENGTH)),
  };
  const { nodeKey, sessionKey, associatedData = new Uint8Array(0), showSecrets } = keys;
  if (sessionKey !== undefined) return { ...head, layers: withSession(packet, sessionKey, keys) };
  if (nodeKey === undefined)
    return {
      ...head,
      hint: 'encrypted: nodekey (or nodekey=this) opens one layer, session_key with hops opens all; with payment_hash',
    };
  const peeled = peel({ nodeKey, packet, associatedData });
  explained(peeled);
  const secret = showSecrets && 'sharedSecret' in peeled ? { shared_secret: hex(peeled.sharedSecret) } : {};
  return { ...head, layers: [shownLayer(peeled, 0, secret)] };
};

/** A failure message by its name and fields (BOLT 4, "Failure Messages"). */
export const failureFields = (failure: Failure, code: number): Fields => ({
  failure: shownFailure(failure),
  failure_code: code,
  failure_code_hex: hex(u16be(code)),
});

/** A point, or undefined where the bytes are none. */
export const pointIn = (bytes: Uint8Array): Point | undefined => {
  try {
    return point(bytes);
  } catch {
    return undefined;
  }
};
