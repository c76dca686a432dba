/** What is kept of the branch that a node follows: its last blocks, where the node began, and by what its chain is known again. */
import { hex, unhex, utf8 } from '../../wire/bytes.ts';
import type { Change } from '../../wire/change.ts';
import type { BlockRef, ChainEvent, Store } from '../ports/ports.ts';
import { StoreError } from '../store/errors.ts';
import { type Branch, rememberedBlocks } from './follow.ts';

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

/** The branch that was followed last; undefined for a node that follows none yet. Throws StoreError. */
export const loadBranch = async (store: Store): Promise<Branch | undefined> => {
  const refs: BlockRef[] = [];
  for await (const [key, value] of store.entries(prefix))
    refs.push({ height: Number(key.slice(prefix.length)), hash: hashOf(key, value) });
  const kept = await store.get(BIRTH);
  // Where it is not kept, fewer blocks than are remembered are all that there ever were.
  const fewer = refs.length < rememberedBlocks ? refs[0]?.height : undefined;
  const birth = kept === undefined ? fewer : birthOf(kept);
  const top = refs.pop();
  return top === undefined ? undefined : { below: refs, top, birth };
};

/** The hash of the chain's block 1, by which another chain of the same kind is told from it; undefined where it is not kept. */
export const loadFirst = async (store: Store): Promise<string | undefined> => {
  const value = await store.get(FIRST);
  return value && hashOf(FIRST, value);
};

export const firstChange = (first: string): Change => ({ key: FIRST, value: unhex(first) });

/** Where a node begins, or begins anew further down. */
export const birthChanges = ({ top, birth }: Branch): readonly Change[] => [
  { key: keyOf(top.height), value: unhex(top.hash) },
  ...(birth === undefined ? [] : [{ key: BIRTH, value: utf8(String(birth)) }]),
];

/** What is kept when a block comes or goes; `after` is the branch then. */
export const cursorChanges = (event: ChainEvent, after: Branch): readonly Change[] => {
  if (event.event === 'disconnected') {
    // Below the lowest that was remembered, the next one is learnt anew.
    const anew = after.below.length === 0 ? [{ key: keyOf(after.top.height), value: unhex(after.top.hash) }] : [];
    return [{ key: keyOf(event.height), value: undefined }, ...anew];
  }
  const { height, hash } = event.block;
  const kept: Change[] = [{ key: keyOf(height), value: unhex(hash) }];
  if (height >= rememberedBlocks) kept.push({ key: keyOf(height - rememberedBlocks), value: undefined });
  return kept;
};

/** What is no longer kept of a block that is left. */
export const leftChange = ({ height }: BlockRef): Change => ({ key: keyOf(height), value: undefined });
