/** Answers that come in parts, put together. */

import { isRows, type Written } from '../../node/api/rpc/streaming.ts';
import type { Answered, MethodName, Result } from '../../node/api/table.ts';

/** The text of an answer; undefined where there is none. */
export const wholeOf = async (answer: Written | undefined): Promise<string | undefined> => {
  if (answer === undefined || typeof answer === 'string') return answer;
  let text = '';
  for await (const piece of answer) text += piece;
  return text;
};

const rowsOf = async (rows: AsyncIterable<unknown>): Promise<unknown[]> => {
  const all = [];
  for await (const row of rows) all.push(row);
  return all;
};

/** A handler's result, its lists read to the end. */
export const gathered = async <M extends MethodName>(result: Answered<M>): Promise<Result<M>> =>
  Object.fromEntries(
    await Promise.all(
      Object.entries(result).map(async ([name, field]) => [name, isRows(field) ? await rowsOf(field) : field]),
    ),
  ) as Result<M>;
