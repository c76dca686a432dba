/** What the log's level trace costs a machine's step and a message, while it is off and while it is on. */
import { openLog } from '../../node/base/log.ts';
import { LevelTable, logLevelsFrom } from '../../node/base/loglevels.ts';
import { Machine, type MachineParts } from '../../node/base/machine.ts';
import { stepTrace } from '../../node/base/steptrace.ts';
import { traceMessage } from '../../node/peer/trace.ts';
import type { Log } from '../../node/ports/ports.ts';
import { decodeMessage, encodeMessage } from '../../wire/message.ts';
import { channelId, msat, paymentHash } from '../../wire/units.ts';
import type { Bench } from './harness.ts';

const STEPS = 1_000;

const logAt = (levels: string): Log =>
  openLog({
    levels: new LevelTable(logLevelsFrom(levels)),
    form: 'json',
    colour: false,
    out: { write: () => undefined },
  });

type Traced = NonNullable<MachineParts<number, number, string>['traced']>;

const steps = async (traced?: Traced): Promise<void> => {
  const machine = new Machine<number, number, string>({
    state: 0,
    step: (before, input) => [before + input, ['save', 'send']],
    perform: () => undefined,
    onFatal: (error) => {
      throw error;
    },
    ...(traced && { traced }),
  });
  for (let i = 0; i < STEPS; i++) machine.push(i);
  await machine.settled();
};

const named = (log: Log): Traced =>
  stepTrace(log, {
    message: 'step',
    subject: () => ({ channel: '1x1x1' }),
    input: String,
    phase: String,
    effect: (effect) => effect,
  });

const raw = encodeMessage({
  name: 'update_add_htlc',
  channel_id: channelId(new Uint8Array(32)),
  id: 0n,
  amount_msat: msat(1_000n),
  payment_hash: paymentHash(new Uint8Array(32)),
  cltv_expiry: 500,
  onion_routing_packet: new Uint8Array(1366),
});

const message = (log?: Log): void => {
  const decoded = decodeMessage(raw);
  if (log?.isTracing() === true) traceMessage(log, 'in', decoded);
};

export const bench: Bench = {
  name: 'trace',
  about: 'what level trace of the log costs, off and on',
  run: async (scope) => {
    const [off, on] = [logAt('info'), logAt('trace')];
    scope.table('The log at level trace');
    const row = `${STEPS} steps of a machine that does nothing`;
    await scope.rateAsync(row, 'none', () => steps());
    await scope.rateAsync(row, 'off', () => steps(named(off)));
    await scope.rateAsync(row, 'on', () => steps(named(on)));
    scope.rate('update_add_htlc decoded', 'none', () => message());
    scope.rate('update_add_htlc decoded', 'off', () => message(off));
    scope.rate('update_add_htlc decoded', 'on', () => message(on));
  },
};
