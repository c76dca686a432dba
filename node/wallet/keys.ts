/**
 * Every key of a node, derived from one BIP 39 seed. The wallet's keys are where any BIP 84 wallet looks for them. The keys of the
 * Lightning node have a purpose number of their own and hardened derivation, so that a wallet key reveals nothing of them:
 *
 *     m/84'/COIN'/0'/0/i     receiving addresses            m/84'/COIN'/0'/1/i     change
 *     m/9735'/COIN'/0'       the node's identity            m/9735'/COIN'/1'       the root of labelled secrets
 */
import { concat, hex, utf8 } from '../../wire/bytes.ts';
import { hmacSha256, pointOf, ripemd160, sha256 } from '../../wire/crypto.ts';
import type { Point, SecretKey } from '../../wire/units.ts';
import { childrenOf, hardenedPath, masterKey } from './extendedkeys.ts';

/** Where a coin's key lies below m/84'/COIN'/0': branch 0 is for receiving, branch 1 for change. */
export interface KeyPath {
  readonly branch: 0 | 1;
  readonly index: number;
}

export interface NodeKeys {
  /** The node's own key; `nodeId` is its public key, BOLT 7's node_id. */
  readonly identity: SecretKey;
  readonly nodeId: Point;
  /** The P2WPKH script of a path, 22 bytes. */
  script(path: KeyPath): Uint8Array;
  /** The key that spends a path's script. */
  spendingKey(path: KeyPath): SecretKey;
  /**
   * The 32-byte seed of a channel: HMAC-SHA256(labelled root, "channel" 0 id). The id is random and kept with the channel,
   * so a node restored from an old backup never uses the keys of a channel that the backup lacks for a new one.
   */
  channelSeed(id: Uint8Array): Uint8Array;
  /** A 32-byte secret for one purpose: HMAC-SHA256(labelled root, label 0 data). */
  labelled(label: string, data?: Uint8Array): Uint8Array;
}

/** A P2WPKH script (BIP 141): 0, then the 20-byte hash of the key. */
export const witnessKeyScript = (key: Uint8Array): Uint8Array => concat(Uint8Array.of(0, 20), ripemd160(sha256(key)));

/**
 * The keys of a seed of 16 to 64 bytes on a network with this SLIP 44 coin type. `identity` stands in for the derived one
 * where an experiment on regtest forces it. Throws RangeError on another length.
 */
export const keysOf = (seed: Uint8Array, coin: 0 | 1, identity?: SecretKey): NodeKeys => {
  if (seed.length < 16 || seed.length > 64) throw new RangeError(`seed: expected 16 to 64 bytes, got ${seed.length}`);
  const root = masterKey(seed);
  const account = childrenOf(hardenedPath(root, [84, coin, 0]));
  const branches = [childrenOf(account(0)), childrenOf(account(1))] as const;
  const own = identity ?? hardenedPath(root, [9735, coin, 0]).key;
  const secrets = hardenedPath(root, [9735, coin, 1]).key;
  const child = ({ branch, index }: KeyPath): SecretKey => branches[branch](index).key;
  const labelled = (label: string, data: Uint8Array = new Uint8Array()) =>
    hmacSha256(secrets, utf8(label), Uint8Array.of(0), data);
  // The same few scripts are looked up repeatedly.
  const scripts = new Map<string, Uint8Array>();
  const script = (path: KeyPath): Uint8Array => {
    const name = `${path.branch}/${path.index}`;
    const known = scripts.get(name) ?? witnessKeyScript(pointOf(child(path)));
    scripts.set(name, known);
    return known;
  };
  return {
    identity: own,
    nodeId: pointOf(own),
    script,
    spendingKey: child,
    channelSeed: (id) => labelled('channel', id),
    labelled,
  };
};

/** How many addresses past the last one known to be used are looked for: BIP 44's gap limit. */
export const addressGap = 20;

/** The scripts of the wallet, by path: up to `addressGap` addresses past the highest index that was noted or found. */
export interface ScriptIndex {
  /** The path of a script of the wallet; undefined for any other. */
  pathOf(script: Uint8Array): KeyPath | undefined;
  /** Makes sure that this path and the gap after it are known, and gives its script. */
  scriptOf(path: KeyPath): Uint8Array;
}

/** Looks scripts up for these keys. Each script is derived once. */
export const addressBook = (keys: NodeKeys): ScriptIndex => {
  const paths = new Map<string, KeyPath>();
  const scripts = [[], []] as readonly [Uint8Array[], Uint8Array[]];
  const reach = ({ branch, index }: KeyPath): void => {
    for (let next = scripts[branch].length; next <= index + addressGap; next++) {
      const script = keys.script({ branch, index: next });
      scripts[branch].push(script);
      paths.set(hex(script), { branch, index: next });
    }
  };
  reach({ branch: 0, index: 0 });
  reach({ branch: 1, index: 0 });
  return {
    pathOf: (script) => {
      if (script.length !== 22) return undefined;
      const path = paths.get(hex(script));
      if (path !== undefined) reach(path);
      return path;
    },
    scriptOf: (path) => {
      reach(path);
      return scripts[path.branch][path.index] ?? keys.script(path);
    },
  };
};
