/** Calls of methods about runes with one wrong parameter each. */
import type { MethodName } from '../../../node/api/table.ts';

export const runeRefusals: readonly (readonly [method: MethodName, field: string, params: unknown])[] = [
  ['createrune', 'restrictions', { restrictions: 'everything' }],
  ['createrune', 'restrictions', { restrictions: ['method=pay'] }],
  ['createrune', 'restrictions', { restrictions: [[]] }],
  ['createrune', 'restrictions', { restrictions: [['method']] }],
  ['createrune', 'restrictions', { restrictions: [['!method']] }],
  ['createrune', 'restrictions', { restrictions: [['=1']] }],
  ['createrune', 'restrictions', { restrictions: Array(101).fill(['method=pay']) }],
  ['checkrune', 'rune', []],
  ['checkrune', 'nodeid', { rune: 'x', nodeid: 'alice' }],
  ['checkrune', 'params', { rune: 'x', params: 'x' }],
  ['showrunes', 'rune', [7]],
  ['blacklistrune', 'start', [-1]],
  ['blacklistrune', 'end', [0, 100_000_000]],
  ['destroyrune', 'relist', [0, 1, 'maybe']],
];
