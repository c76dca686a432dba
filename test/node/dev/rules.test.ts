/** Lines that say at which message or save something is to happen. */
import { describe, expect, test } from 'vitest';
import { crashPoint, cutRule, cutRules, fits, holdPoint, savePoint } from '../../../node/config/devrules.ts';

describe('a line of --dev-disconnect', () => {
  test.each([
    ['-WIRE_COMMITMENT_SIGNED', 'before', 'commitment_signed', 1],
    ['@WIRE_COMMITMENT_SIGNED', 'before', 'commitment_signed', 1],
    ['+WIRE_REVOKE_AND_ACK*2', 'after', 'revoke_and_ack', 2],
    ['$WIRE_UPDATE_FEE', 'drop', 'update_fee', 1],
    ['0WIRE_SHUTDOWN*10', 'blackhole', 'shutdown', 10],
    ['xWIRE_PING', 'disable', 'ping', 1],
    ['=WIRE_INIT*3', 'nothing', 'init', 3],
    ['<WIRE_CHANNEL_READY', 'taken', 'channel_ready', 1],
    ['  !WIRE_UPDATE_ADD_HTLC  ', 'untaken', 'update_add_htlc', 1],
    ['-funding_signed', 'before', 'funding_signed', 1],
  ])('%j', (line, action, message, count) => {
    expect(cutRule(line)).toEqual({ action, message, count, text: line.trim() });
  });

  test.each(['', '-', 'WIRE_INIT', '?WIRE_INIT', '-WIRE_NOSUCH', '-WIRE_INIT*0', '-WIRE_INIT*', '-WIRE_INIT 2'])(
    '%j is refused, saying what was expected',
    (line) => {
      expect(() => cutRule(line)).toThrow(RangeError);
      expect(() => cutRule(line)).toThrow(/^one of - \+ @ \$ 0 x = \(sent\) or < ! \(received\), a message such as/);
    },
  );

  test('a file has one a line, with comments and empty lines between', () => {
    const text = '# first the offer\n-WIRE_UPDATE_ADD_HTLC\r\n\n  +WIRE_COMMITMENT_SIGNED\n';
    expect(cutRules(text).map((rule) => rule.text)).toEqual(['-WIRE_UPDATE_ADD_HTLC', '+WIRE_COMMITMENT_SIGNED']);
    expect(() => cutRules('-WIRE_INIT\nnonsense')).toThrow('got "nonsense"');
  });
});

describe('a place in the stream of saves', () => {
  test.each([
    ['channel/*/head', ['channel/0a1b/head'], true],
    ['channel/*/head', ['chain/tip', 'channel/0a1b/head'], true],
    ['channel/*/head', ['channel/0a1b/htlc/head'], false],
    ['channel/**', ['channel/0a1b/htlc/in/0'], true],
    ['channel/*/head,channel/*/htlc/*/*', ['channel/a/head'], false],
    ['channel/*/head, channel/*/htlc/*/*', ['channel/a/htlc/in/7', 'channel/a/head'], true],
    ['a.c', ['abc'], false],
    ['**', [], false],
  ] as const)('%j and %j: %s', (text, keys, expected) => {
    expect(fits(savePoint(text), keys)).toBe(expected);
  });

  test.each([
    ['channel/*/head', 1],
    ['channel/*/head*3', 3],
    ['receiver/**', 1],
    ['receiver/***2', 2],
  ])('%j counts to %i', (text, count) => {
    expect(savePoint(text)).toMatchObject({ count, text });
  });

  test('is said with when to die, and how long to wait', () => {
    expect(crashPoint('before:channel/*/head*2')).toMatchObject({ when: 'before', count: 2 });
    expect(crashPoint('after:channel/*/head')).toMatchObject({ when: 'after', count: 1 });
    expect(holdPoint('channel/*/head*2@1500')).toMatchObject({ count: 2, milliseconds: 1500 });
    expect(holdPoint('channel/*/head')).toMatchObject({ count: 1, milliseconds: undefined });
  });

  test.each([
    [() => crashPoint('channel/*/head'), /^before: or after:, then keys such as/],
    [() => crashPoint('during:x'), /^before: or after:/],
    [() => crashPoint('before:'), /^keys such as/],
    [() => savePoint('a,,b'), /^keys such as/],
    [() => savePoint('a b'), /^keys such as/],
    [() => holdPoint('@100'), /^keys such as/],
  ])('%s is refused', (read, message) => {
    expect(read).toThrow(RangeError);
    expect(read).toThrow(message);
  });
});
