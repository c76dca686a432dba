/** Stacks of errors, told in the places of the sources. The build puts many sources into one file and a map beside it. */
import { readFileSync } from 'node:fs';
import { SourceMap } from 'node:module';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { isBuilt, packaged } from './packaged.ts';

/** Places that were looked up. Errors come from the same few places again and again, and a map takes long to read. */
const known = new Map<string, string>();
const mostKnown = 5_000;

const mapOf = (url: string): SourceMap | undefined => {
  try {
    return new SourceMap(JSON.parse(readFileSync(`${fileURLToPath(url)}.map`, 'utf8')));
  } catch {
    return undefined; // a map may have been left out: the place in the built file is better than none
  }
};

const origin = (map: SourceMap | undefined, url: string, line: number, column: number): string | undefined => {
  const entry = map?.findEntry(line - 1, column - 1);
  if (entry === undefined || !('originalSource' in entry)) return undefined;
  return `${new URL(entry.originalSource, url).href}:${entry.originalLine + 1}:${entry.originalColumn + 1}`;
};

/** A stack whose places in files below the folder of this URL are those of their sources, where a map says so. */
export const withSources = (stack: string, folder: string): string => {
  const maps = new Map<string, SourceMap | undefined>();
  const place = new RegExp(`(${folder.replace(/[^\w/]/g, '\\$&')}[\\w./@-]+\\.js):(\\d+):(\\d+)`, 'g');
  return stack.replace(place, (whole, url: string, line: string, column: string) => {
    const before = known.get(whole);
    if (before !== undefined) return before;
    if (!maps.has(url)) maps.set(url, mapOf(url));
    const place = origin(maps.get(url), url, Number(line), Number(column)) ?? whole;
    if (known.size >= mostKnown) known.clear();
    known.set(whole, place);
    return place;
  });
};

/** The stack of an error, with the places of the sources also where the program was built; undefined where it has none. */
export const stackOf = (error: Error): string | undefined => {
  if (!isBuilt || error.stack === undefined) return error.stack;
  try {
    return withSources(error.stack, pathToFileURL(packaged('dist/')).href);
  } catch {
    return error.stack;
  }
};
