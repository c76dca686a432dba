/**
 * BOLT 8, "Authenticated Key Exchange Handshake": Noise_XK over secp256k1. Each act takes the type its predecessor returns,
 * so no act can run out of turn; ephemeral keys come from the caller and must never be used twice.
 */
import { concat, utf8 } from './bytes.ts';
import { type CipherState, hkdf, nonceOf, TAG_BYTES } from './cipher.ts';
import { ecdh, isPoint, open, pointOf, seal, sha256 } from './crypto.ts';
import type { Point, SecretKey } from './units.ts';

/** Bytes of each act on the wire: version, key (sealed in act three), tag. */
export const ACT_BYTES = { one: 50, two: 50, three: 66 } as const;
export type Act = keyof typeof ACT_BYTES;
export type HandshakeReason = 'bad_length' | 'bad_version' | 'bad_key' | 'bad_ciphertext' | 'bad_tag';

const explain: Record<HandshakeReason, string> = {
  bad_length: 'is of the wrong length',
  bad_version: 'begins with an unknown handshake version',
  bad_key: 'has a key that is no point on the curve',
  bad_ciphertext: 'has a static key that does not decrypt',
  bad_tag: 'has an invalid tag: the peer has, or expects, another key',
};

/** An invalid act: the connection is closed without an answer. */
export class HandshakeError extends Error {
  override readonly name = 'HandshakeError';
  readonly act: Act;
  readonly reason: HandshakeReason;
  constructor(act: Act, reason: HandshakeReason) {
    super(`handshake act ${act} ${explain[reason]}`);
    this.act = act;
    this.reason = reason;
  }
}

/** The handshake hash (`h`) and the chaining key (`ck`). */
interface SymmetricState {
  readonly h: Uint8Array;
  readonly ck: Uint8Array;
}
/** The initiator, waiting for act two. */
export interface SentActOne extends SymmetricState {
  readonly phase: 'sent_act_one';
  readonly local: SecretKey;
  readonly remote: Point;
  readonly ephemeral: SecretKey;
}
/** The responder, waiting for act three. `temp` is the key under which the initiator's static key will come. */
export interface SentActTwo extends SymmetricState {
  readonly phase: 'sent_act_two';
  readonly ephemeral: SecretKey;
  readonly temp: Uint8Array;
}
/** The handshake is complete. */
export interface Session {
  readonly phase: 'session';
  readonly remote: Point;
  readonly send: CipherState;
  readonly receive: CipherState;
}

const VERSION = 0;
const NOTHING = new Uint8Array(0);
const PROTOCOL = 'Noise_XK_secp256k1_ChaChaPoly_SHA256';
const PROLOGUE = 'lightning';

const initialState = (responder: Point): SymmetricState => {
  const ck = sha256(utf8(PROTOCOL));
  return { ck, h: sha256(sha256(ck, utf8(PROLOGUE)), responder) };
};
const mixHash = ({ h, ck }: SymmetricState, bytes: Uint8Array): SymmetricState => ({ ck, h: sha256(h, bytes) });
const mixKey = ({ h, ck }: SymmetricState, secret: Uint8Array): readonly [SymmetricState, Uint8Array] => {
  const [next, temp] = hkdf(ck, secret);
  return [{ h, ck: next }, temp];
};

/** Acts one and two have one form: an ephemeral key in the clear and a tag under what it shares with the other's key. */
const writeEphemeral = (
  before: SymmetricState,
  ephemeral: SecretKey,
  other: Point,
): readonly [packet: Uint8Array, after: SymmetricState, temp: Uint8Array] => {
  const key = pointOf(ephemeral);
  const [state, temp] = mixKey(mixHash(before, key), ecdh(other, ephemeral));
  const tag = seal(temp, nonceOf(0), state.h, NOTHING);
  return [concat(Uint8Array.of(VERSION), key, tag), mixHash(state, tag), temp];
};
const readEphemeral = (
  act: 'one' | 'two',
  before: SymmetricState,
  packet: Uint8Array,
  own: SecretKey,
): readonly [key: Point, after: SymmetricState, temp: Uint8Array] => {
  checkFrame(act, packet);
  const key = packet.slice(1, 34);
  const tag = packet.slice(34);
  if (!isPoint(key)) throw new HandshakeError(act, 'bad_key');
  const [state, temp] = mixKey(mixHash(before, key), ecdh(key, own));
  if (open(temp, nonceOf(0), state.h, tag) === undefined) throw new HandshakeError(act, 'bad_tag');
  return [key, mixHash(state, tag), temp];
};
const checkFrame = (act: Act, packet: Uint8Array): void => {
  if (packet.length !== ACT_BYTES[act]) throw new HandshakeError(act, 'bad_length');
  if (packet[0] !== VERSION) throw new HandshakeError(act, 'bad_version');
};

/** The two ciphers: the initiator sends with the first key, the responder with the second. */
const split = (ck: Uint8Array): readonly [CipherState, CipherState] => {
  const [first, second] = hkdf(ck, NOTHING);
  return [
    { key: first, chainingKey: ck, nonce: 0 },
    { key: second, chainingKey: ck, nonce: 0 },
  ];
};

/** Makes act one: `local` and `remote` are the static keys, `ephemeral` a fresh secret. RangeError when `remote` is off the curve. */
export const sendActOne = (
  local: SecretKey,
  remote: Point,
  ephemeral: SecretKey,
): readonly [packet: Uint8Array, next: SentActOne] => {
  const [packet, state] = writeEphemeral(initialState(remote), ephemeral, remote);
  return [packet, { phase: 'sent_act_one', ...state, local, remote, ephemeral }];
};

/** Reads act one and makes act two; `ephemeral` is a fresh secret. Throws HandshakeError. */
export const answerActOne = (
  local: SecretKey,
  packet: Uint8Array,
  ephemeral: SecretKey,
): readonly [packet: Uint8Array, next: SentActTwo] => {
  const [theirs, state] = readEphemeral('one', initialState(pointOf(local)), packet, local);
  const [answer, after, temp] = writeEphemeral(state, ephemeral, theirs);
  return [answer, { phase: 'sent_act_two', ...after, ephemeral, temp }];
};

/** Reads act two and makes act three, after which the initiator may send messages. Throws HandshakeError. */
export const answerActTwo = (state: SentActOne, packet: Uint8Array): readonly [packet: Uint8Array, next: Session] => {
  const [theirs, before, temp] = readEphemeral('two', state, packet, state.ephemeral);
  const sealed = seal(temp, nonceOf(1), before.h, pointOf(state.local));
  const [after, last] = mixKey(mixHash(before, sealed), ecdh(theirs, state.local));
  const tag = seal(last, nonceOf(0), after.h, NOTHING);
  const [send, receive] = split(after.ck);
  return [concat(Uint8Array.of(VERSION), sealed, tag), { phase: 'session', remote: state.remote, send, receive }];
};

/** Reads act three, which tells the responder the initiator's key. Throws HandshakeError. */
export const readActThree = (state: SentActTwo, packet: Uint8Array): Session => {
  checkFrame('three', packet);
  const sealed = packet.slice(1, ACT_BYTES.three - TAG_BYTES);
  const remote = open(state.temp, nonceOf(1), state.h, sealed);
  if (remote === undefined) throw new HandshakeError('three', 'bad_ciphertext');
  if (!isPoint(remote)) throw new HandshakeError('three', 'bad_key');
  const [after, last] = mixKey(mixHash(state, sealed), ecdh(remote, state.ephemeral));
  if (open(last, nonceOf(0), after.h, packet.slice(ACT_BYTES.three - TAG_BYTES)) === undefined)
    throw new HandshakeError('three', 'bad_tag');
  const [receive, send] = split(after.ck);
  return { phase: 'session', remote, send, receive };
};
