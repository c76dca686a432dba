/** What both sides have in the first commitments (BOLT 2): the funder can pay for them, and one side has more than it must keep. */
import { describe, expect, test } from 'vitest';
import type { ChannelMessageOf, Context, OpenRequest } from '../../channel/model/io.ts';
import { acceptChannel, openChannel, transition } from '../../channel/phases/transition.ts';
import { commitmentFee, formats } from '../../channel/tx/commitmentformats.ts';
import { text } from '../../wire/bytes.ts';
import { type Msat, msat, sat } from '../../wire/units.ts';
import { acceptRequest, context, limits, openRequest } from './pair.ts';

/** A channel so small, and at such a feerate, that little is left for its sides: its reserve is a fifth of it. */
const CAPACITY = 20_000n;
const FEERATE = 20_000;
const RESERVE = 4_000n;
const LEFT = CAPACITY - commitmentFee(formats.static_remotekey, FEERATE, 0);
const dear: Context = { ...context, feerate: FEERATE, highestFeerate: FEERATE, neededFeerate: FEERATE };
const request = (push: Msat): OpenRequest => ({ ...openRequest, amount: sat(CAPACITY), feerate: FEERATE, push });

const openMessage = (push: Msat): ChannelMessageOf<'open_channel'> => {
  const [effect] = openChannel(request(msat(0n)), dear)[1];
  if (effect?.do !== 'send' || effect.message.name !== 'open_channel') throw new Error('no open_channel');
  return { ...effect.message, push_msat: push, channel_reserve_satoshis: sat(RESERVE) };
};

const rows: readonly (readonly [claim: string, push: Msat, good: boolean])[] = [
  ['both have less than the reserve', msat(2_700_000n), false],
  ['the fundee has just the reserve', msat(RESERVE * 1000n), false],
  ['the fundee has the reserve and less than a satoshi', msat(RESERVE * 1000n + 999n), false],
  ['the fundee has a satoshi more than the reserve', msat((RESERVE + 1n) * 1000n), true],
  ['the funder has just the reserve', msat((LEFT - RESERVE) * 1000n), false],
  ['the funder has the reserve and less than a satoshi', msat((LEFT - RESERVE) * 1000n - 999n), false],
  ['the funder has a satoshi more than the reserve', msat((LEFT - RESERVE - 1n) * 1000n), true],
  ['the funder has nothing but the fee', msat(LEFT * 1000n), true],
  ['the funder cannot pay the fee', msat(LEFT * 1000n + 1n), false],
];

describe('where after the fee', () => {
  test.each(rows)('%s', (_, push, good) => {
    const [state, [answer]] = acceptChannel(openMessage(push), acceptRequest, dear);
    const said = answer?.do === 'send' && answer.message.name === 'error' ? text(answer.message.data) : undefined;
    expect(state.phase).toBe(good ? 'awaiting_funding_created' : 'abandoned');
    if (!good) expect(said).toContain('field push_msat');
  });

  test.each(rows)('%s, with the reserve that the fundee asks', (_, push, good) => {
    const [proposed] = openChannel(request(push), dear);
    const fair = openMessage(msat((RESERVE + 1n) * 1000n));
    const [, [answer]] = acceptChannel(fair, { ...acceptRequest, limits }, dear);
    if (answer?.do !== 'send' || answer.message.name !== 'accept_channel') throw new Error('no accept_channel');
    const message = { ...answer.message, channel_reserve_satoshis: sat(RESERVE) };
    const [next] = transition(proposed, { type: 'message', message }, dear);
    expect(next.phase).toBe(good ? 'awaiting_funding' : 'abandoned');
  });
});
