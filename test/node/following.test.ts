/** Signals that follow others, and stay with none of them. */
import { getEventListeners } from 'node:events';
import { describe, expect, test } from 'vitest';
import { following } from '../../node/base/following.ts';

describe('a signal that follows others', () => {
  test.each([0, 1])('is aborted with number %d of them', (which) => {
    const sources = [new AbortController(), new AbortController()];
    const { signal } = following(...sources.map((source) => source.signal));
    expect(signal.aborted).toBe(false);
    sources[which]?.abort();
    expect(signal.aborted).toBe(true);
  });

  test('is aborted from the start where one of them is', () => {
    expect(following(new AbortController().signal, AbortSignal.abort()).signal.aborted).toBe(true);
  });

  test('leaves nothing with one that lives on, however often that is followed', () => {
    const lasting = new AbortController();
    const released = Array.from({ length: 5 }, () => {
      const { signal, release } = following(lasting.signal, new AbortController().signal);
      release();
      return signal;
    });
    expect(getEventListeners(lasting.signal, 'abort')).toEqual([]);
    lasting.abort();
    expect(released.some(({ aborted }) => aborted)).toBe(false);
  });
});
