/**
 * The script interpreter: bitcore-lib's, an optional dependency that nothing else loads. It decides on P2PKH, P2SH and
 * witness version 0. Of taproot a spend by the key is checked here (BIP 341), which is what wallets make; one by a script is refused with
 * a message.
 */
import { Transaction } from 'bitcoinjs-lib';
import { hex } from '../../../wire/bytes.ts';
import { verify, verifySchnorr } from '../../../wire/crypto.ts';
import { point, signature } from '../../../wire/units.ts';
import type { Coin } from './coins.ts';

/** `standard`: the rules for relay; `consensus`: those for blocks. */
export type ScriptRules = 'standard' | 'consensus';

/** bitcoind's reject reason where a transaction's scripts are invalid for these coins; undefined where they are valid. */
export type ScriptCheck = (tx: Transaction, spent: readonly Coin[], rules: ScriptRules) => string | undefined;

/** No interpreter is installed. */
export class NoInterpreter extends Error {
  override readonly name = 'NoInterpreter';
  readonly fault = { code: 'no_interpreter' } as const;
  constructor(cause: unknown) {
    super('the embedded chain needs the optional package bitcore-lib: npm install --include=optional', { cause });
  }
}

/** What is used of bitcore-lib, which has no types. */
interface Num {
  toBuffer(options: { size: number }): Uint8Array;
}
interface EcdsaSignature {
  readonly r: Num;
  readonly s: Num;
  readonly nhashtype: number;
  hasDefinedHashtype(): boolean;
}
interface Key {
  readonly compressed: boolean;
  toBuffer(): Uint8Array;
}
interface Code {
  toBuffer(): Buffer;
}
interface Spending {
  verifySignature(sig: EcdsaSignature, key: Key, index: number, code: Code, version: number, sat: number): boolean;
}
interface Verifier {
  verify(
    scriptSig: Code,
    scriptPubKey: Code,
    tx: Spending,
    index: number,
    flags: number,
    witness: readonly Buffer[],
    sat: number,
  ): boolean;
  readonly errstr: string;
}
interface Bitcore {
  readonly Script: { fromBuffer(bytes: Buffer): Code; readonly Interpreter: InterpreterFactory };
  readonly Transaction: {
    new (bytes: Buffer): Spending;
    readonly SighashWitness: {
      sighash(tx: Spending, type: number, index: number, code: Buffer, satoshis: Buffer): Uint8Array;
    };
  };
  readonly encoding: { BufferWriter: new () => Writer };
  readonly crypto: { Signature: { Version: { WITNESS_V0: number } } };
}
interface Writer {
  writeVarintNum(n: number): Writer;
  write(bytes: Buffer): Writer;
  toBuffer(): Buffer;
}
interface InterpreterFactory extends Readonly<Record<string, unknown>> {
  (): Verifier;
}

const mandatory = ['P2SH', 'DERSIG', 'NULLDUMMY', 'CHECKLOCKTIMEVERIFY', 'CHECKSEQUENCEVERIFY', 'WITNESS'] as const;
/** STRICTENC and WITNESS_PUBKEYTYPE are below, in words of ours: bitcore-lib would decompress each key two times more. */
const relayed = [
  ...mandatory,
  'LOW_S',
  'MINIMALDATA',
  'DISCOURAGE_UPGRADABLE_NOPS',
  'DISCOURAGE_UPGRADABLE_WITNESS_PROGRAM',
  'MINIMALIF',
  'NULLFAIL',
] as const;

/** Valid transactions by wtxid: an outpoint has one script and amount forever, on any chain, so the result never changes. */
const rememberedVerdicts = 5_000;

const u64le = (n: bigint): Buffer => {
  const out = Buffer.alloc(8);
  out.writeBigUInt64LE(n);
  return out;
};

const isTaproot = (script: Uint8Array): boolean => script.length === 34 && script[0] === 0x51 && script[1] === 32;

/** The reason why the key of a taproot output did not sign this input; undefined where it did. */
const checkTaproot = (tx: Transaction, spent: readonly Coin[], index: number): string | undefined => {
  const [signed = new Uint8Array(), ...more] = tx.ins[index]?.witness ?? [];
  if (more.length > 0) return 'this chain cannot check taproot spends by a script';
  if (tx.ins[index]?.script.length !== 0) return 'Witness requires empty scriptSig';
  const type = signed.length === 64 ? Transaction.SIGHASH_DEFAULT : signed[64];
  // SIGHASH_DEFAULT has one encoding only, that without its byte.
  if (signed.length > 65 || type === undefined || (signed.length === 65 && type === 0))
    return 'Invalid Schnorr signature size or hash type';
  const scripts = spent.map(({ script }) => script);
  const amounts = spent.map(({ value }) => value);
  const digest = tx.hashForWitnessV1(index, scripts, amounts, type);
  const key = (spent[index]?.script ?? new Uint8Array()).subarray(2);
  return verifySchnorr(signed.subarray(0, 64), digest, key) ? undefined : 'Invalid Schnorr signature';
};

const checkWith = (bitcore: Bitcore): ScriptCheck => {
  const { Script, Transaction: Parsed, encoding, crypto } = bitcore;
  const flagsOf = (names: readonly string[]): number =>
    names.reduce((flags, name) => flags | Number(Script.Interpreter[`SCRIPT_VERIFY_${name}`]), 0);
  const flags: Readonly<Record<ScriptRules, number>> = { consensus: flagsOf(mandatory), standard: flagsOf(relayed) };
  const empty = Script.fromBuffer(Buffer.alloc(0));

  /**
   * The digest of a witness signature is bitcore-lib's, an opinion independent of the one that signed; the curve is ours,
   * since bitcore-lib's takes milliseconds. High S and uncompressed keys, valid in blocks only, are left to bitcore-lib.
   */
  const parse = (tx: Transaction, rules: ScriptRules): Spending => {
    const parsed = new Parsed(Buffer.from(tx.toBuffer()));
    const theirs = parsed.verifySignature.bind(parsed);
    parsed.verifySignature = (sig, key, index, code, version, satoshis) => {
      const isWitness = version === crypto.Signature.Version.WITNESS_V0;
      if (rules === 'standard' && !(sig.hasDefinedHashtype() && (key.compressed || !isWitness))) return false;
      if (isWitness && key.compressed) {
        const script = code.toBuffer();
        const sized = new encoding.BufferWriter().writeVarintNum(script.length).write(script).toBuffer();
        const amount = u64le(BigInt(satoshis));
        const digest = Parsed.SighashWitness.sighash(parsed, sig.nhashtype, index, sized, amount);
        const compact = Buffer.concat([sig.r.toBuffer({ size: 32 }), sig.s.toBuffer({ size: 32 })]);
        if (verify(signature(Uint8Array.from(compact)), digest, point(Uint8Array.from(key.toBuffer())))) return true;
        if (rules === 'standard') return false;
      }
      return theirs(sig, key, index, code, version, satoshis);
    };
    return parsed;
  };

  const good = new Set<string>();
  return (tx, spent, rules) => {
    const name = `${rules} ${hex(tx.getHash(true))}`;
    // Scripts that are valid for relay are valid in a block.
    if (good.has(name) || good.has(name.replace('consensus', 'standard'))) return undefined;
    const parsed = parse(tx, rules);
    for (const [index, { script, witness }] of tx.ins.entries()) {
      const coin = spent[index];
      if (coin === undefined) return `bad-txns-inputs-missingorspent, input ${index}`;
      if (isTaproot(coin.script)) {
        const complaint = checkTaproot(tx, spent, index);
        if (complaint !== undefined) return `mandatory-script-verify-flag-failed (${complaint}), input ${index}`;
        continue;
      }
      const interpreter = Script.Interpreter();
      const scriptSig = script.length === 0 ? empty : Script.fromBuffer(Buffer.from(script));
      const scriptPubKey = Script.fromBuffer(Buffer.from(coin.script));
      const stack = witness.map((item) => Buffer.from(item));
      const value = Number(coin.value);
      if (!interpreter.verify(scriptSig, scriptPubKey, parsed, index, flags[rules], stack, value))
        return `mandatory-script-verify-flag-failed (${interpreter.errstr}), input ${index}`;
    }
    if (good.size >= rememberedVerdicts) good.clear();
    good.add(name);
    return undefined;
  };
};

/** A script that cannot be parsed counts as invalid. */
const orRefused =
  (check: ScriptCheck): ScriptCheck =>
  (tx, spent, rules) => {
    try {
      return check(tx, spent, rules);
    } catch (error) {
      return `mandatory-script-verify-flag-failed (${error instanceof Error ? error.message : String(error)})`;
    }
  };

let loaded: ScriptCheck | undefined;

/** Loads the interpreter, once in a process, so that its verdicts are known to every chain. Throws NoInterpreter where it is not installed. */
export const loadScripts = async (): Promise<ScriptCheck> => {
  if (loaded !== undefined) return loaded;
  // Named where the compiler does not look: it has no types, and its absence is no error until it is needed.
  const name: string = 'bitcore-lib';
  try {
    const { default: bitcore } = (await import(name)) as { readonly default: Bitcore };
    loaded = orRefused(checkWith(bitcore));
    return loaded;
  } catch (error) {
    throw new NoInterpreter(error);
  }
};
