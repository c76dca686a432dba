/** Closing together where an output is as small as a dust limit: implementations cut at it in different ways. */
import { expect, test } from 'vitest';
import { closingFee } from '../../channel/tx/closingtx.ts';
import { sat, toMsat } from '../../wire/units.ts';
import { closingSignedBy } from './closings.ts';
import { deliver, eventsOf, give, openRequest, ready, scriptOf } from './pair.ts';

/** Dust limits: 354 of `a`, 546 of `b`; the threshold of their scripts is 294. */
const values = [294n, 330n, 353n, 354n, 355n, 540n, 545n, 546n] as const;

/** Both in negotiation, `b` with so many satoshi; what `a` proposed is not delivered. */
const negotiating = (value: bigint) => {
  const pair = ready({ ...openRequest, push: toMsat(sat(value)) });
  give(pair, pair.b, { type: 'close' });
  deliver(pair, pair.a);
  deliver(pair, pair.b);
  expect(pair.a.state.phase).toBe('negotiating');
  expect(pair.b.state.phase).toBe('negotiating');
  return { pair, fee: closingFee(1000, scriptOf(1), scriptOf(2)) };
};

test.each(values)("the peer's own output of %d sat may stand or be left out in what it signs", (value) => {
  for (const leaveOut of [undefined, 'local'] as const) {
    const { pair, fee } = negotiating(value);
    give(pair, pair.a, { type: 'message', message: closingSignedBy(pair, 'b', fee, leaveOut) });
    expect(eventsOf(pair.a, 'closing')).toHaveLength(1);
  }
});

test.each(values)('our output of %d sat may stand or be left out in what the peer signs', (value) => {
  for (const leaveOut of [undefined, 'remote'] as const) {
    const { pair, fee } = negotiating(value);
    give(pair, pair.b, { type: 'message', message: closingSignedBy(pair, 'a', fee, leaveOut) });
    expect(eventsOf(pair.b, 'closing')).toHaveLength(1);
  }
});

test('our output is not left out where it is above every dust limit', () => {
  const { pair, fee } = negotiating(547n);
  give(pair, pair.b, { type: 'message', message: closingSignedBy(pair, 'a', fee, 'remote') });
  expect(pair.b.state).toMatchObject({ phase: 'failed', why: `invalid_closing_signature: fee ${fee}` });
});

test('an output below what its script needs to be relayed is not signed', () => {
  const { pair, fee } = negotiating(293n);
  give(pair, pair.a, { type: 'message', message: closingSignedBy(pair, 'b', fee) });
  expect(pair.a.state).toMatchObject({ phase: 'failed', why: `closing_output_dust: fee ${fee}` });
});
