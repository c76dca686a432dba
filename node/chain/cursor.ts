/** The records of the branch that a node follows: its last blocks, where the node began, and the hash of block 1. */
import { hex, unhex, utf8 } from '../../wire/bytes.ts';
import type { Change } from '../../wire/change.ts';
import type { BlockRef, ChainEvent, Store } from '../ports/ports.ts';
import { StoreError } from '../store/errors.ts';
import { type Branch, rememberedBlocks } from './followrules.ts';

const prefix = 'chain/block/';
const BIRTH = 'chain/birth';
const FIRST = 'chain/first';

const keyOf = (height: number): string => `${prefix}${height.toString().padStart(10, '0')}`;
const hashOf = (key: string, value: Uint8Array): string => {
  if (value.length !== 32) throw new StoreError({ code: 'corrupt', key, detail: 'expected a block hash of 32 bytes' });
  return hex(value);
};

const birthOf = (value: Uint8Array): number => {
  const text = new TextDecoder().decode(value);
  if (!/^\d{1,10}$/.test(text))
    throw new StoreError({ code: 'corrupt', key: BIRTH, detail: 'expected the height of a block' });
  return Number(text);
};

/** The stored branch; undefined for a new node. Throws StoreError. */
export const loadBranch = async (store: Store): Promise<Branch | undefined> => {
  const refs: BlockRef[] = [];
  for await (const [key, value] of store.entries(prefix))
    refs.push({ height: Number(key.slice(prefix.length)), hash: hashOf(key, value) });
  const kept = await store.get(BIRTH);
  // Without this record, the node has applied fewer blocks than it remembers: the lowest is where it began.
  const fewer = refs.length < rememberedBlocks ? refs[0]?.height : undefined;
  const birth = kept === undefined ? fewer : birthOf(kept);
  const top = refs.pop();
  return top === undefined ? undefined : { below: refs, top, birth };
};

/** The stored hash of block 1, which tells this chain from another of the same network; undefined where there is none. */
export const loadFirst = async (store: Store): Promise<string | undefined> => {
  const value = await store.get(FIRST);
  return value && hashOf(FIRST, value);
};

export const firstChange = (first: string): Change => ({ key: FIRST, value: unhex(first) });

/** The changes that set the block at which a node begins. */
export const birthChanges = ({ top, birth }: Branch): readonly Change[] => [
  { key: keyOf(top.height), value: unhex(top.hash) },
  ...(birth === undefined ? [] : [{ key: BIRTH, value: utf8(String(birth)) }]),
];

/** The changes for a block that is connected or disconnected; `after` is the branch then. */
export const cursorChanges = (event: ChainEvent, after: Branch): readonly Change[] => {
  if (event.event === 'disconnected') {
    // When the lowest remembered block is disconnected, the one below it is stored.
    const anew = after.below.length === 0 ? [{ key: keyOf(after.top.height), value: unhex(after.top.hash) }] : [];
    return [{ key: keyOf(event.height), value: undefined }, ...anew];
  }
  const { height, hash } = event.block;
  const kept: Change[] = [{ key: keyOf(height), value: unhex(hash) }];
  if (height >= rememberedBlocks) kept.push({ key: keyOf(height - rememberedBlocks), value: undefined });
  return kept;
};

/** The change that deletes a block that is no longer in the branch. */
export const leftChange = ({ height }: BlockRef): Change => ({ key: keyOf(height), value: undefined });
