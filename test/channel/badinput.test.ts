/** Every message at every moment: it has the answer that the table says, and whatever it was, no harm is done by it. */
import { serialize } from 'node:v8';
import { describe, expect, test } from 'vitest';
import type { ChannelMessage } from '../../channel/model/io.ts';
import type { ChannelState } from '../../channel/model/state.ts';
import { signedLocalCommitment } from '../../channel/rules/commitmentupdates.ts';
import { hex, text } from '../../wire/bytes.ts';
import { sha256 } from '../../wire/crypto.ts';
import { answers, columns, type Row, rows } from './badinput.ts';
import { type FormatName, type Moment, momentOf, ours, theirs } from './moments.ts';
import {
  confirm,
  coreOf,
  cut,
  eventsOf,
  fund,
  give,
  hashOf,
  join,
  kept,
  type Pair,
  type Side,
  secretOf,
  settle,
} from './pair.ts';
import { sceneOf } from './peerwords.ts';
import { stateName, summary } from './summary.ts';

const opening: readonly string[] = columns[0];
const moments = columns.flat();
const formats: readonly FormatName[] = ['static_remotekey', 'anchors_zero_fee_htlc_tx'];

/** A disk as text, without what nobody reads back. */
const disk = (side: Side, records: ReadonlyMap<string, Uint8Array> = side.disk): readonly string[] =>
  [...records]
    .filter(([key]) => !key.startsWith('past/'))
    .map(([key, value]) => `${key} ${hex(value)}`)
    .sort();

/** What one side did about one message. */
interface Reply {
  /** `error` or `warning`, its code, or nothing. */
  readonly complaint: 'error' | 'warning' | undefined;
  readonly code: string | undefined;
  readonly disconnected: boolean;
  readonly published: readonly string[];
  readonly said: number;
  readonly before: ChannelState;
  readonly diskBefore: readonly string[];
}

const take = (moment: Moment, message: ChannelMessage): Reply => {
  const [mine, peer] = [ours(moment), theirs(moment)];
  const [heard, asked, published] = [peer.inbox.length, mine.asked.length, mine.broadcasts.length];
  const [before, diskBefore] = [mine.state, disk(mine)];
  give(moment.pair, mine, { type: 'message', message });
  const said = peer.inbox.slice(heard);
  const complaint = said.find((one) => one.name === 'error' || one.name === 'warning');
  const isComplaint = complaint?.name === 'error' || complaint?.name === 'warning';
  return {
    complaint: isComplaint ? complaint.name : undefined,
    code: isComplaint ? text(complaint.data).split(/[:;]/)[0] : undefined,
    disconnected: mine.asked.slice(asked).some((effect) => effect.do === 'disconnect'),
    published: mine.broadcasts.slice(published).map(({ tx }) => hex(tx)),
    said: said.length,
    before,
    diskBefore,
  };
};

/** What is wrong with a feerate itself, whoever funds the channel. */
const feeRefusals: ReadonlySet<string> = new Set(['feerate_out_of_range', 'cannot_afford_fee', 'fee_overexposes']);

const isOver = ({ phase }: ChannelState): boolean => phase === 'failed' || phase === 'abandoned';

/** The letter of the table for a reply, or what it was instead. */
const letterOf = (reply: Reply, now: ChannelState, row: Row): string => {
  const { complaint, code, disconnected, said, before } = reply;
  const ended = isOver(now) && !isOver(before);
  if (complaint === undefined) {
    if (ended) return 'S';
    return now === before && said === 0 && !disconnected ? '.' : '+';
  }
  if (complaint === 'error' && now === before) return 'r';
  if (complaint === 'warning' ? !disconnected || ended : !ended) return '?';
  if (code === row.code) return complaint === 'error' ? 'E' : 'W';
  const letter = Object.entries(answers).find(
    ([sign, why]) => why === code && (sign === 'w' || sign === 'h' || sign === 'f') === (complaint === 'warning'),
  );
  return letter?.[0] ?? `<${complaint} ${code}>`;
};

/** What must hold after any reply, by what came of it. */
const unharmed = (moment: Moment, letter: string, reply: Reply): void => {
  const mine = ours(moment);
  const { before, diskBefore } = reply;
  expect(disk(mine)).toEqual(disk(mine, kept(mine)));
  if ('.+wWhfr'.includes(letter)) {
    expect(isOver(mine.state)).toBe(isOver(before));
    if (letter === '+') return;
    // Of a feerate that is refused it is noted since when, for after a day of that the channel is given up; and nothing else.
    const noted = disk(mine).filter((line) => line.startsWith('feesince '));
    expect(noted.length).toBe(reply.code !== undefined && feeRefusals.has(reply.code) ? 1 : 0);
    expect(disk(mine).filter((line) => !noted.includes(line))).toEqual(diskBefore);
    return;
  }
  const event = eventsOf(mine, 'core' in before ? 'failed' : 'abandoned').at(-1);
  expect(event?.fault.code).toBe(letter === 'S' ? 'peer_error' : reply.code);
  if (!('core' in before)) {
    expect([mine.state.phase, reply.published, disk(mine)]).toEqual(['abandoned', [], []]);
    return;
  }
  // What goes on chain is what both had agreed on before this message, whatever it asked for.
  const agreed = before.phase === 'negotiating' ? before.agreed : undefined;
  expect(reply.published).toEqual([hex(agreed ?? signedLocalCommitment(before.core))]);
  expect(mine.state.phase).toBe('failed');
};

/** Takes a row's messages up to the first that is answered with a complaint. */
const play = (
  row: Row,
  name: string,
  format: FormatName,
): { readonly moment: Moment; readonly letter: string; readonly reply: Reply } => {
  const moment = momentOf(name, format);
  const replies: Reply[] = [];
  for (const message of row.says(sceneOf(moment))) {
    const reply = take(moment, message);
    replies.push(reply);
    if (reply.complaint !== undefined) break;
  }
  const reply = replies.at(-1);
  if (reply === undefined) throw new Error('nothing was said');
  return { moment, letter: letterOf(reply, ours(moment).state, row), reply };
};

/** Answers every HTLC that waits, with its preimage. */
const fulfil = (pair: Pair): void => {
  for (const side of [pair.a, pair.b])
    for (const { id, paymentHash, removal } of coreOf(side).incoming.values()) {
      const n = [1, 2, 3].find((known) => hex(hashOf(known)) === hex(paymentHash));
      if (n !== undefined && removal === undefined) give(pair, side, { type: 'fulfill', id, preimage: secretOf(n) });
    }
  settle(pair);
};

/** Where channels have gone on from: what both sides are and have is all that it depends on. */
const gone = new Set<string>();

/** Brings a channel to where it was going before somebody said something that it did not take. */
const goesOn = (pair: Pair, name: string): void => {
  const both = [pair.a, pair.b];
  const isOpening = opening.includes(name);
  if (!isOpening) cut(pair);
  const from = hex(sha256(serialize([name, both.map(({ state, inbox, disk: records }) => [state, inbox, records])])));
  if (gone.has(from)) return;
  if (isOpening) {
    settle(pair);
    if (pair.a.state.phase === 'awaiting_funding') fund(pair);
    settle(pair);
  } else {
    join(pair);
    settle(pair);
  }
  if (both.some((side) => coreOf(side).lockin.scid === undefined)) confirm(pair);
  settle(pair);
  fulfil(pair);
  const closing = ['we', 'they', 'both', 'proposed', 'waiting', 'agreed', 'resyncing', 'roundless'].includes(name);
  const state = closing ? 'CLOSINGD_COMPLETE' : 'CHANNELD_NORMAL';
  expect(both.map((side) => stateName(side.state))).toEqual([state, state]);
  if (closing)
    expect(hex(pair.a.broadcasts.at(-1)?.tx ?? Uint8Array.of(1))).toBe(
      hex(pair.b.broadcasts.at(-1)?.tx ?? Uint8Array.of(2)),
    );
  const [a, b] = both.map((side) => summary(side.state));
  expect([a?.htlcs, b?.htlcs]).toEqual([[], []]);
  expect(a?.toUs).toBe(b?.toThem);
  const sent =
    { fundee: 1n, funder: 1n, offline: 1n, syncing: 1n, we: 1n, they: 1n, both: 1n, signing: 8n }[name] ?? 0n;
  expect(b?.toUs).toBe((490n - sent) * 1_000_000n);
  gone.add(from);
};

/** Moments at which the channel is alive and can go on. */
const lives = new Set(moments.filter((name) => !(columns[5] as readonly string[]).includes(name)));

describe.each(formats)('%s: a bad message of the peer', (format) => {
  test.each(rows)(
    'is answered as the reactions table says, changes nothing else, and the channel goes on where it was refused: $claim',
    (row) => {
      const got = columns.map((group) =>
        group
          .map((name) => {
            const { moment, letter, reply } = play(row, name, format);
            unharmed(moment, letter, reply);
            if (lives.has(name) && '.wWhf'.includes(letter)) goesOn(moment.pair, name);
            return letter;
          })
          .join(''),
      );
      expect(got.join(' ')).toBe(row.answers);
    },
  );
});
