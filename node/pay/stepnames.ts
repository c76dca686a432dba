/** How a trace names the steps of payments, sent and received. */
import type { SetView } from '../../amp/events.ts';
import type { PaymentContext, PaymentEffect, PaymentInput, ReceiverEffect } from '../../amp/io.ts';
import type { Payment } from '../../amp/payment.ts';
import { pay } from '../../amp/sending.ts';
import type { Receiver } from '../../amp/sets.ts';
import { hex } from '../../wire/bytes.ts';
import type { MachineParts } from '../base/machine.ts';
import { type PureStep, recorded, type StepRecorder } from '../base/recording.ts';
import { stepTrace } from '../base/steptrace.ts';
import type { Log } from '../ports/ports.ts';
import type { Running } from './paymentparts.ts';

const inputName = (input: PaymentInput): string =>
  input.type === 'outcome' ? `outcome ${input.outcome.kind}` : input.type;

const effectName = (effect: PaymentEffect | ReceiverEffect): string => {
  switch (effect.do) {
    case 'report':
      return `report ${effect.report.event}`;
    case 'fail':
      return `fail ${effect.failure.name}`;
    default:
      return effect.do;
  }
};

const isTick = (input: { readonly type: string }): boolean => input.type === 'tick';

/** How lines of the log name a payment: by its payment hash, as `listpays` does, and an AMP that is under way by its set_id, too. */
export const paymentNames = ({ paymentHash, machine: { state } }: Pick<Running, 'paymentHash' | 'machine'>): object => {
  const setId = state.kind === 'running' ? state.progress.sender?.setId : undefined;
  return { ...(paymentHash && { payment_hash: hex(paymentHash) }), ...(setId && { set_id: hex(setId) }) };
};

/** How lines of the log name a set that is received: an AMP by its set_id, any other payment by its payment hash. */
export const setNames = ({ id, scheme }: Pick<SetView, 'id' | 'scheme'>): object =>
  scheme === 'ordinary' ? { payment_hash: hex(id) } : { set_id: hex(id) };

/** What makes the steps of a payment, recorded where there is a recorder. */
export const recordedPayment = (
  recorder: StepRecorder | undefined,
  { id, paymentHash }: Pick<Running, 'id' | 'paymentHash'>,
  state: Payment,
): PureStep<Payment, PaymentInput, PaymentContext, PaymentEffect> =>
  recorded(recorder, { kind: 'payment', id, state, name: () => paymentHash && hex(paymentHash) }, pay);

/** Traces the steps of one payment that this node makes. */
export const paymentSteps = (
  log: Log,
  names: () => object,
): NonNullable<MachineParts<Payment, PaymentInput, PaymentEffect>['traced']> =>
  stepTrace(log, {
    message: 'payment step',
    subject: names,
    input: inputName,
    phase: ({ kind }) => kind,
    effect: effectName,
    isIdle: isTick,
  });

/** Traces the steps of what receives payments; its phase is how many sets it has. */
export const receiverSteps = <I extends { readonly type: string }>(
  log: Log,
): NonNullable<MachineParts<Receiver, I, ReceiverEffect>['traced']> =>
  stepTrace(log, {
    message: 'receiver step',
    subject: () => ({}),
    input: ({ type }) => type,
    phase: ({ sets }) => (sets.size === 1 ? '1 set' : `${sets.size} sets`),
    effect: effectName,
    isIdle: isTick,
  });
