/** Errors of the built program are told in the places of its sources. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, expect, test } from 'vitest';
import { stackOf, withSources } from '../../../node/base/stacks.ts';

const root = mkdtempSync(join(tmpdir(), 'ampere-stacks-'));
afterAll(() => rmSync(root, { recursive: true }));
const folder = pathToFileURL(join(root, '/')).href;

test('a place in a built file becomes that of its source, and all else of a stack stays as it was', () => {
  // The first column of the first line comes from line 61, column 9 of the source.
  const map = { version: 3, sources: ['../node/backup/backups.ts'], names: [], mappings: 'AA4DQ' };
  writeFileSync(join(root, 'x-Ab_1.js.map'), JSON.stringify(map));
  const stack = (place: string) => `Error: x\n    at node:internal/y:1:1\n    at h (${place})\n    at ${place}`;
  const source = new URL('../node/backup/backups.ts', folder).href;
  for (let times = 0; times < 2; times++)
    expect(withSources(stack(`${folder}x-Ab_1.js:1:5`), folder)).toBe(stack(`${source}:61:9`));
  expect(withSources(stack('file:///elsewhere/x-Ab_1.js:1:5'), folder)).toBe(stack('file:///elsewhere/x-Ab_1.js:1:5'));
});

test('a file whose map is not there, or is none, leaves the place in the built file', () => {
  writeFileSync(join(root, 'broken.js.map'), 'no map');
  for (const name of ['none', 'broken']) {
    const stack = `Error: x\n    at ${folder}${name}.js:3:4`;
    expect(withSources(stack, folder)).toBe(stack);
  }
});

test('where the sources run themselves a stack is told as it is', () => {
  const error = new Error('x');
  expect(stackOf(error)).toBe(error.stack);
});
