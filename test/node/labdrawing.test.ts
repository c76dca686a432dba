/** What the demonstration draws and prints: the waterfall, frames taken apart, steps on a terminal and elsewhere. */
import { describe, expect, test } from 'vitest';
import { encodeBlob } from '../../amp/shares.ts';
import { blobFields, frameFields } from '../../node/api/frames.ts';
import { fieldLines } from '../../node/regtest/demo/frames.ts';
import { type Out, Printer, paintOf, wantsColour, wrapped } from '../../node/regtest/demo/print.ts';
import { type Bar, waterfall } from '../../node/regtest/demo/waterfall.ts';
import { writeFrame } from '../../onion/eobframe.ts';
import { hex, zeros } from '../../wire/bytes.ts';
import { msat, scidOf, shortChannelId } from '../../wire/units.ts';

const bar = (over: Partial<Bar>): Bar => ({
  label: '1 by bob',
  offered: 100,
  held: 100.25,
  resolved: 101,
  outcome: 'claimed',
  ...over,
});
/** 20 columns for one second: width less the label and its margins. */
const width = 8 + 4 + 21;

describe('the waterfall', () => {
  const rows: readonly (readonly [string, Bar, number | undefined, string])[] = [
    ['goes out, is held, and comes back once the set is complete', bar({}), 100.5, '─────●━━━━┃═════════✔'],
    ['may complete the set with its arrival', bar({ held: 100.5 }), 100.5, '──────────┃═════════✔'],
    ['may fail without the set ever being complete', bar({ outcome: 'failed' }), undefined, '─────●━━━━━━━━━━━━━━✘'],
    ['may never be seen at the payee', bar({ held: undefined, outcome: 'failed' }), undefined, `${'─'.repeat(20)}✘`],
    [
      'may still be under way',
      bar({ resolved: undefined, outcome: 'pending', held: 101 }),
      undefined,
      `${'─'.repeat(20)}…`,
    ],
  ];
  test.each(rows)('a shard %s', (_, one, complete, drawn) => {
    expect(waterfall([one], { complete, width })[1]).toBe(`  1 by bob  ${drawn}`);
  });

  test('a shard offered late begins where it was offered', () => {
    const late = bar({ label: '2 by bob', offered: 100.5, held: 100.75 });
    expect(waterfall([bar({}), late], { complete: 100.75, width }).slice(1, 3)).toEqual([
      '  1 by bob  ─────●━━━━━━━━━┃════✔',
      '  2 by bob            ─────┃════✔',
    ]);
  });

  test('the scale says how long it took', () => {
    expect(waterfall([bar({ resolved: 102.5 })], { complete: undefined, width })[0]).toMatch(/^ +0 ms +2,500 ms$/);
  });

  test('no shards, no drawing', () => {
    expect(waterfall([], { complete: undefined, width })).toEqual([]);
  });

  test('colours change nothing but the colours', () => {
    const plain = waterfall([bar({})], { complete: 100.5, width });
    const coloured = waterfall([bar({})], { complete: 100.5, width, paint: paintOf(true) });
    // biome-ignore lint/suspicious/noControlCharactersInRegex: colours begin with one
    expect(coloured.map((line) => line.replaceAll(/\u001b\[\d+m/g, ''))).toEqual(plain);
    expect(coloured).not.toEqual(plain);
  });
});

describe('a frame taken apart', () => {
  const blob = encodeBlob({ setId: zeros(32).fill(0xaa), share: zeros(32).fill(0xbb), marker: 4 });
  const frame = (protocol: number, paymentId: number, scid = shortChannelId(0n), hmac = 0) =>
    writeFrame(
      {
        shortChannelId: scid,
        amtToForward: msat(375_000_000n),
        outgoingCltvValue: 130,
        extra: { protocol, paymentId: zeros(11).fill(paymentId), blobs: [blob] },
      },
      zeros(32).fill(hmac),
    ).slice(0, 65);

  test('its fields in order are its bytes', () => {
    const raw = frame(2, 7);
    const fields = frameFields(raw, [blob]);
    expect(fields.map(({ hex: digits }) => digits).join('')).toBe(hex(raw));
    expect(fields.map(({ name, meaning }) => [name, meaning])).toEqual([
      ['realm', 'a frame of fixed size'],
      ['short_channel_id', 'none: the last hop'],
      ['amt_to_forward', '375,000 sat'],
      ['outgoing_cltv_value', 'block 130'],
      ['signal', 'protocol 2 (dynamic), 1 extra frame'],
      ['payment_id', 'of the invoice'],
      ['hmac', 'zero: no hop follows'],
    ]);
  });

  test('a spontaneous payment has no payment_id, a middle hop a channel and an HMAC, an unknown protocol no name', () => {
    const meanings = frameFields(frame(14, 0, scidOf(104, 1, 1), 9), [blob]).map(({ meaning }) => meaning);
    expect(meanings[1]).toBe('the next channel');
    expect(meanings.slice(4)).toEqual(['protocol 14, 1 extra frame', 'none: without an invoice', 'of the next packet']);
  });

  test.each([
    ['fixed', 4, 'random, the same in all', '4 shares in all'],
    ['dynamic', 4, 'H(BP)', 'the last of 4'],
    ['dynamic', 0, 'H(BP)', 'more shares follow'],
  ])('a blob of scheme %s with marker %i', (scheme, marker, setId, text) => {
    const raw = blob.slice();
    raw[64] = marker;
    const fields = blobFields(raw, scheme);
    expect(fields.map(({ hex: digits }) => digits).join('')).toBe(hex(raw));
    expect([fields[0]?.meaning, fields[2]?.meaning]).toEqual([setId, text]);
  });

  test.each([
    ['too short', zeros(64), [blob]],
    ['without the blob its signal announces', frame(1, 0), []],
    ['malformed', frame(1, 0).fill(0x10, 21, 22), [blob]],
  ])('%s is refused', (_, raw, blobs) => {
    expect(() => frameFields(raw, blobs)).toThrow(RangeError);
  });

  test('long values are broken, with name and meaning on the first line', () => {
    expect(fieldLines([{ hex: 'ab'.repeat(20), name: 'share', meaning: 'one' }])).toEqual([
      `${'ab'.repeat(16)}  share  one`,
      'ab'.repeat(4),
    ]);
  });
});

describe('steps', () => {
  const kept = (isTTY: boolean): Out & { text: string } => ({
    text: '',
    isTTY,
    write(text) {
      this.text += text;
    },
  });

  test('are plain lines where there is no terminal', async () => {
    const out = kept(false);
    const printer = new Printer(out, {});
    const result = await printer.step('doing it', async () => {
      printer.progress('a part of it');
      return 7;
    });
    printer.check('it is so', true);
    printer.check('that too', false);
    expect(result).toBe(7);
    expect(out.text.replace(/\d+ ms/, 'N ms')).toBe(
      ['  · a part of it', '  ✓ doing it N ms', '  ✓ it is so', '  ✗ that too: NOT SO', ''].join('\n'),
    );
  });

  test('that fail say so, and the error goes on', async () => {
    const out = kept(false);
    const step = new Printer(out, {}).step('doing it', () => Promise.reject(new Error('no')));
    await expect(step).rejects.toThrow('no');
    expect(out.text).toContain('✗ doing it');
  });

  test('turn on a terminal and leave their line clean', async () => {
    const out = kept(true);
    await new Printer(out, {}).step('doing it', async () => undefined);
    expect(out.text).toContain('⠋ doing it');
    expect(out.text.split('\r\u001b[K').at(-1)).toContain('doing it');
  });

  test.each([
    ['colours on a terminal', { isTTY: true }, {}, true],
    ['no colours on a terminal with NO_COLOR', { isTTY: true }, { NO_COLOR: '1' }, false],
    ['colours on a terminal with an empty NO_COLOR', { isTTY: true }, { NO_COLOR: '' }, true],
    ['no colours on a dumb terminal', { isTTY: true }, { TERM: 'dumb' }, false],
    ['no colours in a pipe', {}, {}, false],
  ])('have %s', (_, stream, env, wanted) => {
    expect(wantsColour({ write: () => undefined, ...stream }, env)).toBe(wanted);
  });
});

describe('on a terminal of 80 columns', () => {
  test('a sentence is broken between words, and what follows is indented', () => {
    expect(wrapped('  one two three four', 10, '    ')).toEqual(['  one two', '    three', '    four']);
    expect(wrapped('unbreakable', 5)).toEqual(['unbreakable']);
  });

  test('the legend of a drawing is broken where it would not fit', () => {
    const lines = waterfall([bar({})], { complete: 100.5, width: 80 });
    expect(lines.filter((line) => line.length > 80)).toEqual([]);
    expect(lines.join(' ')).toContain('✘ failed');
  });

  test('the fields of a frame are broken where they would not fit, and no word is lost', () => {
    const meaning = 'protocol 2 (dynamic), 1 extra frame';
    const lines = fieldLines([{ hex: '02', name: 'outgoing_cltv_value', meaning }], 78);
    expect(lines.filter((line) => line.length > 78)).toEqual([]);
    expect(lines.join(' ').replaceAll(/ +/g, ' ')).toContain(meaning);
  });
});
