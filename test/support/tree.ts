/** The project's own sources, for tests that hold the tree to its rules. */
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../..', import.meta.url));
export const folders = ['wire', 'onion', 'channel', 'amp', 'node', 'test'] as const;

export interface Source {
  /** From the project's root, with forward slashes. */
  readonly path: string;
  readonly folder: string;
  readonly text: string;
}

const walk = (dir: string): string[] =>
  readdirSync(dir, { withFileTypes: true }).flatMap((entry) =>
    entry.isDirectory() ? walk(join(dir, entry.name)) : [join(dir, entry.name)],
  );

/** Every TypeScript file below the given folders. */
export const sources = (names: readonly string[] = folders): readonly Source[] =>
  names.flatMap((folder) =>
    walk(join(root, folder))
      .filter((file) => file.endsWith('.ts'))
      .map((file) => ({
        path: relative(root, file).replaceAll('\\', '/'),
        folder,
        text: readFileSync(file, 'utf8'),
      })),
  );

/** The specifiers of every form of import and re-export in a text: static, side effect, dynamic, type-level and require. */
export const imports = (text: string): readonly string[] => {
  const forms = [
    /\bfrom\s*(['"])([^'"\n]+)\1/g,
    /\bimport\s*(['"])([^'"\n]+)\1/g,
    /\bimport\s*\(\s*(['"`])([^'"`\n]+)\1/g,
    /\brequire(?:\.resolve)?\s*\(\s*(['"`])([^'"`\n]+)\1/g,
  ];
  return forms.flatMap((form) => [...text.matchAll(form)].map((match) => match[2] ?? ''));
};
