/** What `npm ci` needs of package-lock.json, so that a fresh clone installs on every platform and not only on its author's. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { root } from '../support/tree.ts';

const names = z.record(z.string(), z.string()).optional();
const { packages } = z
  .object({ packages: z.record(z.string(), z.object({ dependencies: names, optionalDependencies: names })) })
  .parse(JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')));

/** Where Node.js would look for a package from inside another one, innermost first. */
const places = (from: string, name: string): readonly string[] => {
  const parts = from === '' ? [] : from.split('/node_modules/');
  return [...parts.map((_, i) => `${parts.slice(0, parts.length - i).join('/node_modules/')}/`), ''].map(
    (folder) => `${folder}node_modules/${name}`,
  );
};

test('every package that another one needs, on any platform, stands in the lock file', () => {
  const missing = Object.entries(packages).flatMap(([from, { dependencies, optionalDependencies }]) =>
    Object.keys({ ...dependencies, ...optionalDependencies })
      .filter((name) => !places(from, name).some((place) => Object.hasOwn(packages, place)))
      .map((name) => `${from} needs ${name}`),
  );
  expect(missing).toEqual([]);
});

test('no package is tied to one registry', () => {
  expect(readFileSync(join(root, 'package-lock.json'), 'utf8')).not.toMatch(/"resolved": "https?:/);
});
