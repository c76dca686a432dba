/**
 * The runes of a node: those that it has issued, when each was last used, and which are revoked. A rune is checked by its code and not
 * by the records: whatever was derived from an issued one is as good. All runes of one unique_id are revoked together, and share the
 * time of their last use, which is on disk before what they were used for begins.
 */
import { text, u64be, utf8 } from '../../wire/bytes.ts';
import type { Change } from '../../wire/change.ts';
import { decode, encode, list, struct, u16, u32, u64 } from '../../wire/codec.ts';
import type { Store } from '../ports/ports.ts';
import { lastNumber, numberIn, numberText } from '../store/numbered.ts';
import { readRecord } from '../store/records.ts';
import { firstComplaint } from './conditions.ts';
import { RuneError, RuneFormatError } from './errors.ts';
import { isIn, type Range, withoutRange, withRange } from './ranges.ts';
import {
  idRestriction,
  isIssuedWith,
  issueRune,
  type Restriction,
  type Rune,
  restrictionsOf,
  runeFrom,
  runeId,
  runeText,
} from './rune.ts';
import { type RuneUse, spoken, useCheck } from './usecheck.ts';

const ISSUED = 'rune/';
const USED = 'runeused/';
const REVOKED = 'runes/revoked';

/** The highest unique_id that can be revoked, as in Core Lightning. */
export const MAX_REVOKED = 99_999_999;
/** Ranges of revoked ids, which are written together. */
const MAX_RANGES = 5_000;

const revokedCodec = list(u16, struct({ start: u32, end: u32 }));

export interface RunesParts {
  /** From the node's seed; 32 bytes. */
  readonly secret: Uint8Array;
  readonly store: Store;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** An issued rune with its records. */
export interface RuneRecord {
  readonly text: string;
  readonly rune: Rune;
  /** Decimal digits. */
  readonly id: string;
  /** Whether this very rune is in the records: one that a holder derived is not. */
  readonly isStored: boolean;
  readonly isOurs: boolean;
  readonly isRevoked: boolean;
  /** Milliseconds since 1970; undefined where no rune of this id was used. */
  readonly lastUsed: number | undefined;
}

/** A rune of a base64 text whose unique_id is a number, as all that nodes issue. Throws RuneError `malformed`. */
export const parsedRune = (given: string): { readonly rune: Rune; readonly id: bigint } => {
  let rune: Rune;
  try {
    rune = runeFrom(given);
  } catch (error) {
    if (error instanceof RuneFormatError) throw new RuneError('malformed', `should be base64 string: ${error.message}`);
    throw error;
  }
  const found = runeId(rune)?.id ?? '';
  const id = /^\d{1,19}$/.test(found) ? BigInt(found) : undefined;
  if (id === undefined || id >= 2n ** 63n) throw new RuneError('malformed', 'should have valid numeric unique_id');
  return { rune, id };
};

export class Runes {
  private readonly parts: RunesParts;
  private next: bigint;
  private readonly used: Map<bigint, number>;
  private revokedRanges: readonly Range[];

  private constructor(parts: RunesParts, next: bigint, used: Map<bigint, number>, ranges: readonly Range[]) {
    this.parts = parts;
    this.next = next;
    this.used = used;
    this.revokedRanges = ranges;
  }

  /** Throws StoreError. */
  static async load(parts: RunesParts): Promise<Runes> {
    const { store } = parts;
    const used = new Map<bigint, number>();
    for await (const [key, value] of store.entries(USED))
      used.set(numberIn(key), Number(readRecord(key, value, (bytes) => decode(u64, bytes))));
    const ranges = await store.get(REVOKED);
    const revoked = ranges === undefined ? [] : readRecord(REVOKED, ranges, (bytes) => decode(revokedCodec, bytes));
    const isFirst = (await store.last(ISSUED)) === undefined;
    return new Runes(parts, isFirst ? 0n : (await lastNumber(store, ISSUED)) + 1n, used, revoked);
  }

  /** Issues a rune with a unique_id that no other has. Throws RuneError `malformed` where it is too long, StoreError. */
  async create(restrictions: readonly Restriction[]): Promise<RuneRecord> {
    const id = this.next;
    const issued = this.issued([idRestriction(String(id)), ...restrictions]);
    this.next += 1n;
    await this.save([{ key: ISSUED + numberText(id), value: utf8(issued.text) }]);
    return this.record(issued.text, issued.rune, id, true);
  }

  /** A rune with more restrictions, which is not recorded. Throws RuneError `malformed`, or `not_authorized` for one of another node. */
  restrict(given: string, restrictions: readonly Restriction[]): RuneRecord {
    const { rune, id } = parsedRune(given);
    if (!isIssuedWith(this.parts.secret, rune))
      throw new RuneError('not_authorized', 'Not authorized: Not derived from master');
    const issued = this.issued([...rune.restrictions, ...restrictions]);
    return this.record(issued.text, issued.rune, id, restrictions.length === 0);
  }

  private issued(restrictions: readonly Restriction[]): { readonly rune: Rune; readonly text: string } {
    try {
      const rune = issueRune(this.parts.secret, restrictions);
      return { rune, text: runeText(rune) };
    } catch (error) {
      if (error instanceof RuneFormatError) throw new RuneError('malformed', error.message);
      throw error;
    }
  }

  /** The rune in a text and its id, where it is one of this node's and not revoked; that is no use of it. Throws RuneError. */
  authentic(given: string): { readonly rune: Rune; readonly id: bigint } {
    const { rune, id } = parsedRune(given);
    if (runeId(rune)?.version !== undefined) throw new RuneError('not_authorized', 'Not authorized: Version mismatch');
    if (!isIssuedWith(this.parts.secret, rune))
      throw new RuneError('not_authorized', 'Not authorized: Not derived from master');
    if (this.isRevoked(id)) throw new RuneError('blacklisted', 'Not authorized: Blacklisted rune');
    return { rune, id };
  }

  /**
   * Whether a rune opens what somebody wants to do; the use is then recorded before this resolves. Throws RuneError, whose message is for
   * the caller, and StoreError.
   */
  async check(given: string, use: RuneUse): Promise<void> {
    const { rune, id } = this.authentic(given);
    const now = this.parts.now();
    const complaint = firstComplaint(restrictionsOf(rune), useCheck(use, { now, last: this.used.get(id) }));
    if (complaint !== undefined) throw new RuneError('not_permitted', `Not permitted: ${spoken(complaint)}`);
    // At once, so that of two uses at the same time the second is seen to come too soon.
    this.used.set(id, now);
    await this.save([{ key: USED + numberText(id), value: u64be(BigInt(now)) }]);
  }

  private save(changes: readonly Change[]): Promise<void> {
    return this.parts.store.commit(changes);
  }

  /** The ranges of unique_ids that are revoked. */
  get revoked(): readonly Range[] {
    return this.revokedRanges;
  }

  /** Revokes all runes of these ids, or takes that back. Throws RuneError `too_many_ranges`, StoreError. */
  async revoke(range: Range, isTakenBack: boolean): Promise<readonly Range[]> {
    const ranges = isTakenBack ? withoutRange(this.revokedRanges, range) : withRange(this.revokedRanges, range);
    if (ranges.length > MAX_RANGES)
      throw new RuneError('too_many_ranges', `at most ${MAX_RANGES} ranges of runes can be revoked: join some of them`);
    this.revokedRanges = ranges;
    await this.save([{ key: REVOKED, value: encode(revokedCodec, ranges) }]);
    return ranges;
  }

  private isRevoked(id: bigint): boolean {
    return id <= BigInt(MAX_REVOKED) && isIn(this.revokedRanges, Number(id));
  }

  private record(given: string, rune: Rune, id: bigint, isStored: boolean): RuneRecord {
    return {
      ...{ text: given, rune, isStored },
      id: String(id),
      isOurs: runeId(rune)?.version === undefined && isIssuedWith(this.parts.secret, rune),
      isRevoked: this.isRevoked(id),
      lastUsed: this.used.get(id),
    };
  }

  /** What is known of one rune, whoever issued it. Throws RuneError `malformed`, StoreError. */
  async find(given: string): Promise<RuneRecord> {
    const { rune, id } = parsedRune(given);
    const stored = await this.parts.store.get(ISSUED + numberText(id));
    return this.record(given, rune, id, stored !== undefined && text(stored) === runeText(rune));
  }

  /** All runes that were issued, by unique_id. Throws StoreError. */
  async *all(): AsyncGenerator<RuneRecord> {
    for await (const [key, value] of this.parts.store.entries(ISSUED)) {
      const given = text(value);
      const { rune, id } = readRecord(key, value, () => parsedRune(given));
      yield this.record(given, rune, id, true);
    }
  }
}
