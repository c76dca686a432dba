/**
 * Answers as texts. A list may have more rows than fit in memory, so it is read row by row while it is written, and no faster than
 * its reader takes it. What fits in one piece is one text: an error on the way there is still an answer.
 */
import { EventLoopQueue } from '../../peer/eventloopqueue.ts';
import { toJson } from './json.ts';

/** Characters of a piece, about: more than most answers have, and few enough to be made in one turn. */
const PIECE = 16 * 1024;

/** An answer: whole, or in pieces that are made as they are asked for. Whoever takes the first one reads on or returns it. */
export type Written = string | AsyncIterable<string>;

/** A list whose rows are still to be read. */
export const isRows = (value: unknown): value is AsyncIterable<unknown> =>
  typeof value === 'object' && value !== null && Symbol.asyncIterator in value;

/** Lists stand in the fields of a result, its envelope around it, and in a batch beside others. */
const DEEPEST = 3;

/** Rows of a list that are worth one text together. */
const FEW = 100;

const isLong = (value: unknown): value is AsyncIterable<unknown> | readonly unknown[] =>
  isRows(value) || (Array.isArray(value) && value.length > FEW);

/** Whether there is a list in it that is long, or may be. */
const hasRows = (value: unknown, depth = 0): boolean => {
  if (typeof value !== 'object' || value === null || depth > DEEPEST) return false;
  return isLong(value) || Object.values(value).some((field) => hasRows(field, depth + 1));
};

/** The JSON of a value in as many texts as there are rows in it. */
async function* texts(value: unknown): AsyncGenerator<string> {
  if (!hasRows(value)) {
    yield toJson(value);
  } else if (isLong(value)) {
    let mark = '[';
    for await (const row of value) {
      yield mark + toJson(row);
      mark = ',';
    }
    yield mark === '[' ? '[]' : ']';
  } else if (Array.isArray(value)) {
    for (const [at, item] of value.entries()) {
      yield at === 0 ? '[' : ',';
      yield* texts(item);
    }
    yield ']';
  } else {
    let mark = '{';
    for (const [name, field] of Object.entries(value as object)) {
      if (field === undefined) continue;
      yield `${mark}${JSON.stringify(name)}:`;
      yield* texts(field);
      mark = ',';
    }
    yield '}';
  }
}

const turns = new EventLoopQueue();

/** Lets everything else that waits have its turn; of all pieces of long lists, one is made in each. */
export const turn = (): Promise<void> => turns.turn();

/** The same in pieces that are worth a write each; only the last one is shorter than a piece. */
async function* inPieces(parts: AsyncIterable<string>): AsyncGenerator<string> {
  let held: string[] = [];
  let length = 0;
  await turn();
  for await (const part of parts) {
    held.push(part);
    length += part.length;
    if (length < PIECE) continue;
    yield held.join('');
    [held, length] = [[], 0];
    await turn();
  }
  yield held.join('');
}

/** A value as JSON. Rejects when it cannot be read so far as its first piece; whoever reads the rest is told of what follows. */
export const written = async (value: unknown): Promise<Written> => {
  if (!hasRows(value)) return toJson(value);
  const pieces = inPieces(texts(value));
  const { value: first = '' } = await pieces.next();
  if (first.length < PIECE) return first;
  let begun = false;
  const all: AsyncIterableIterator<string> = {
    next: async () => {
      if (begun) return pieces.next();
      begun = true;
      return { value: first };
    },
    return: () => pieces.return(undefined),
    [Symbol.asyncIterator]: () => all,
  };
  return all;
};

/** What an answer is written to. */
interface Sink {
  readonly writable: boolean;
  readonly destroyed: boolean;
  /** False when it is full; `drain` or `close` follows. */
  write(text: string): boolean;
  once(event: 'drain' | 'close', run: () => void): unknown;
  off(event: 'drain' | 'close', run: () => void): unknown;
}

/** Resolves when a full sink may be written to again, or is gone. */
const drained = (sink: Sink): Promise<void> =>
  new Promise((resolve) => {
    const end = () => {
      sink.off('drain', end);
      sink.off('close', end);
      resolve();
    };
    sink.once('drain', end);
    sink.once('close', end);
  });

/**
 * Writes an answer as fast as its reader takes it; what comes behind it is the sink's own business. Resolves when all is written or
 * nobody reads any more. Rejects where an answer that has begun cannot be completed: nothing that follows would be understood.
 */
export const writeTo = async (sink: Sink, answer: Written, behind = ''): Promise<void> => {
  const isOpen = (): boolean => sink.writable && !sink.destroyed;
  const write = async (text: string): Promise<void> => {
    if (isOpen() && !sink.write(text)) await drained(sink);
  };
  if (typeof answer === 'string') return write(answer + behind);
  for await (const piece of answer) {
    if (!isOpen()) return;
    await write(piece);
  }
  await write(behind);
};
