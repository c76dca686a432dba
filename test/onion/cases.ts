/** Every published onion, whatever its file looks like, as one shape: what its sender put in and what each hop must see. */
import { readFileSync } from 'node:fs';
import type { Frame } from '../../onion/eobframe.ts';
import { HOPS_LENGTH, type HopData, type OnionHop } from '../../onion/packet.ts';
import { unhex, zeros } from '../../wire/bytes.ts';
import { decode, Reader, struct, u32 } from '../../wire/codec.ts';
import { pointOf } from '../../wire/crypto.ts';
import { msat as msatField, shortChannelId as scidField } from '../../wire/fields.ts';
import { bigsize } from '../../wire/tlv.ts';
import { msat, point, type SecretKey, secretKey, shortChannelId } from '../../wire/units.ts';

export interface Step {
  readonly sharedSecret?: string | undefined;
  /** The packet this hop passes on; undefined where the file does not say. */
  readonly next?: string | undefined;
}

export interface Case {
  readonly name: string;
  readonly sessionKey: SecretKey;
  readonly associatedData: Uint8Array;
  readonly padding?: Uint8Array;
  readonly hops: readonly OnionHop[];
  readonly nodeKeys: readonly SecretKey[];
  readonly packet: string;
  readonly steps: readonly Step[];
}

/** A vector file, trusted to have the shape that its reader below expects. */
export const load = <T>(name: string): T =>
  JSON.parse(readFileSync(new URL(`../vectors/${name}.json`, import.meta.url), 'utf8')) as T;

const forwarded = struct({ short_channel_id: scidField, amt_to_forward: msatField, outgoing_cltv_value: u32 });

/** A frame whose first 20 bytes behind the realm are given. */
export const frameOf = (front: string): HopData => {
  const fields = decode(forwarded, unhex(front).slice(0, 20));
  const frame: Frame = {
    shortChannelId: fields.short_channel_id,
    amtToForward: fields.amt_to_forward,
    outgoingCltvValue: fields.outgoing_cltv_value,
    extra: undefined,
  };
  return { kind: 'frame', frame };
};

/** A payload that stands in the file with its length in front. */
const prefixedStream = (payload: string): HopData => {
  const r = new Reader(unhex(payload));
  const length = bigsize.read(r);
  if (length !== BigInt(r.left)) throw new Error(`length prefix ${length} before ${r.left} bytes`);
  return { kind: 'tlv', stream: r.rest() };
};

interface BoltHop {
  readonly type?: 'legacy' | 'tlv' | 'raw';
  readonly realm?: number;
  readonly pubkey: string;
  readonly payload: string;
  readonly hop_shared_secret?: string;
}
interface BoltFile {
  readonly vectors: {
    readonly generate: {
      readonly session_key: string;
      readonly associated_data: string;
      readonly hops: readonly BoltHop[];
    };
    readonly onion: string;
    readonly decode: readonly string[];
  };
}

const boltData = (hop: BoltHop): HopData => {
  if (hop.type === 'legacy' || hop.realm === 0) return frameOf(hop.payload);
  return hop.type === undefined ? prefixedStream(hop.payload) : { kind: 'tlv', stream: unhex(hop.payload) };
};

/** One of BOLT 4's own files. The older ones start from zeros where today's start from the pad key's stream. */
const boltCase = (name: string): Case => {
  const { generate, onion, decode } = load<BoltFile>(name).vectors;
  return {
    name,
    sessionKey: secretKey(unhex(generate.session_key)),
    associatedData: unhex(generate.associated_data),
    ...(name.endsWith('-zeroinit') && { padding: zeros(HOPS_LENGTH) }),
    hops: generate.hops.map((hop) => ({ node: point(unhex(hop.pubkey)), data: boltData(hop) })),
    nodeKeys: decode.map((key) => secretKey(unhex(key))),
    packet: onion,
    steps: generate.hops.map((hop) => ({ sharedSecret: hop.hop_shared_secret })),
  };
};

export interface TraceHop {
  readonly pubkey: string;
  readonly hop_payload: string;
  readonly hop_shared_secret: string;
  readonly hop_blinding_factor: string;
  readonly hop_ephemeral_pubkey: string;
  readonly rhokey: string;
  readonly mukey: string;
  readonly routing_info_unencrypted: string;
  readonly routing_info_encrypted: string;
  readonly hmac_data: string;
  readonly hmac: string;
}
export interface TraceFile {
  readonly vectors: {
    readonly parameters: { readonly sessionkey: string; readonly associated_data: string; readonly filler: string };
    readonly hops: Readonly<Record<string, TraceHop>>;
    readonly final_packet: string;
  };
}

export const tracedPacket = (hop: TraceHop): string =>
  `00${hop.hop_ephemeral_pubkey}${hop.routing_info_encrypted}${hop.hmac}`;

const traceCase = (): Case => {
  const name = 'bolt04-onion-v0-legacy-trace';
  const { parameters, hops, final_packet } = load<TraceFile>(name).vectors;
  const rows = Object.values(hops);
  const nodeKeys = rows.map((_, i) => secretKey(new Uint8Array(32).fill(0x41 + i)));
  return {
    name,
    sessionKey: secretKey(unhex(parameters.sessionkey)),
    associatedData: unhex(parameters.associated_data),
    padding: zeros(HOPS_LENGTH),
    hops: rows.map((hop) => ({ node: point(unhex(hop.pubkey)), data: frameOf(hop.hop_payload.slice(2)) })),
    nodeKeys,
    packet: final_packet,
    steps: rows.map((hop, i) => {
      const behind = rows[i + 1];
      return { sharedSecret: hop.hop_shared_secret, next: behind && tracedPacket(behind) };
    }),
  };
};

interface EobHop {
  readonly node: number;
  readonly tlv?: string;
  readonly short_channel_id: string;
  readonly amt_to_forward: number;
  readonly outgoing_cltv: number;
  readonly unused: string;
  readonly eobs: readonly string[];
}
interface EobFile {
  readonly nodes: readonly { readonly private_key: string; readonly public_key: string }[];
  readonly onions: readonly {
    readonly name: string;
    readonly session_key: string;
    readonly associated_data: string;
    readonly hops: readonly EobHop[];
    readonly packet: string;
    readonly steps: readonly {
      readonly shared_secret: string;
      readonly last: boolean;
      readonly next_packet: string | null;
    }[];
  }[];
}

const eobData = (hop: EobHop): HopData => {
  if (hop.tlv !== undefined) return { kind: 'tlv', stream: unhex(hop.tlv) };
  const unused = unhex(hop.unused);
  const signal = unused[0] ?? 0;
  const frame: Frame = {
    shortChannelId: shortChannelId(BigInt(`0x${hop.short_channel_id}`)),
    amtToForward: msat(BigInt(hop.amt_to_forward)),
    outgoingCltvValue: hop.outgoing_cltv,
    extra:
      signal === 0
        ? undefined
        : { protocol: signal & 0x0f, paymentId: unused.slice(1), blobs: hop.eobs.map((blob) => unhex(blob)) },
  };
  return { kind: 'frame', frame };
};

const eobCases = (): readonly Case[] => {
  const { nodes, onions } = load<EobFile>('eob-amp');
  const keys = nodes.map(({ private_key }) => secretKey(unhex(private_key)));
  const keyOf = (node: number): SecretKey => keys[node] ?? secretKey(zeros(0));
  return onions.map((onion) => ({
    name: `eob-amp: ${onion.name}`,
    sessionKey: secretKey(unhex(onion.session_key)),
    associatedData: unhex(onion.associated_data),
    hops: onion.hops.map((hop) => ({ node: pointOf(keyOf(hop.node)), data: eobData(hop) })),
    nodeKeys: onion.hops.map(({ node }) => keyOf(node)),
    packet: onion.packet,
    steps: onion.steps.map((step) => ({ sharedSecret: step.shared_secret, next: step.next_packet ?? undefined })),
  }));
};

export const traced = traceCase();

export const cases: readonly Case[] = [
  boltCase('bolt04-onion-tlv'),
  boltCase('bolt04-onion-mixed-legacy-tlv'),
  boltCase('bolt04-onion-mixed-legacy-tlv-zeroinit'),
  boltCase('bolt04-onion-v0-legacy-65byte'),
  boltCase('bolt04-onion-v0-legacy-65byte-zeroinit'),
  traced,
  ...eobCases(),
];
