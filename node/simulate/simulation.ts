/**
 * Payments through a network in virtual time, by the same machines and the same routing that a node has. A plan says how all of them are
 * made; two plans over the same network find the same balances, the same payments and the same conditions.
 */
import type { PaymentFailure } from '../../amp/events.ts';
import { schemes } from '../../amp/schemes.ts';
import { strategies as builtIn } from '../../amp/strategies.ts';
import type { Strategies } from '../../amp/strategy.ts';
import type { RouteContext } from '../graph/routecontext.ts';
import { Attempt, type AttemptCounts, type RunParts } from './attempt.ts';
import { EventQueue } from './eventqueue.ts';
import { type Conditions, Flights } from './flights.ts';
import { type BalanceModel, type HtlcLimits, Liquidity } from './liquidity.ts';
import type { SimGraph, SimPayment, SimPlan, SimRun } from './network.ts';
import type { SimOrder } from './orders.ts';
import { HEIGHT, Payees } from './payees.ts';
import { Payer } from './payers.ts';
import { randomOf } from './random.ts';
import { isAmp, type PayTerms, piecesOf, requestOf } from './requests.ts';
import { BEGINNING, directionsFrom, routingGraph } from './routes.ts';
import { StatusSession } from './status.ts';

/** What a network is like beside its graph. */
export interface SimOptions {
  readonly seed: number | string;
  readonly balances: BalanceModel;
  readonly limits: HtlcLimits;
  readonly conditions: Conditions;
  readonly terms: PayTerms;
  /** Strategies beside those that every node has. */
  readonly strategies?: Strategies | undefined;
}

/** A graph made ready for any number of runs. */
export interface SimNetwork {
  readonly graph: SimGraph;
  readonly routing: RouteContext['graph'];
  readonly directions: readonly (readonly number[])[];
}

export const networkOf = (graph: SimGraph): SimNetwork => ({
  graph,
  routing: routingGraph(graph),
  directions: directionsFrom(graph),
});

/** What a run tells while it is under way, and what it looks at. */
export interface SimHooks {
  /** A payment has ended, and so many have by now. */
  readonly progress?: ((ended: number, payment: SimPayment) => void) | undefined;
  /** Ends the run: payments that have ended by then are its result. */
  readonly signal?: AbortSignal | undefined;
  /** Told the balances once a run is over and no HTLC is left. */
  readonly liquidity?: ((liquidity: Liquidity) => void) | undefined;
}

/** Things that happen before others in this process have a turn. */
const TURN = 500;

/** The code of a failure; of a strategy at fault, what it did. */
const whyOf = (reason: PaymentFailure): string =>
  reason.code === 'strategy_failed' ? `${reason.code}: ${reason.strategy}: ${reason.detail}` : reason.code;

/** One payment under way: its machines and what has come of them so far. */
class Order {
  readonly order: SimOrder;
  readonly begunAt: number;
  private readonly attempts: readonly Attempt[];
  private readonly queue: EventQueue;
  private readonly over: (payment: SimPayment) => void;
  private open: number;
  private next = 0;
  private arrived = 0;
  private fee = 0;
  private settledAt = 0;
  private endedAt = 0;
  private why: string | undefined;

  constructor(
    order: SimOrder,
    queue: EventQueue,
    make: (own: Order) => readonly Attempt[],
    over: (payment: SimPayment) => void,
  ) {
    this.order = order;
    this.queue = queue;
    this.begunAt = queue.now;
    this.over = over;
    this.attempts = make(this);
    this.open = this.attempts.length;
  }

  /** Begins so many machines; each that ends well lets another begin. */
  begin(atOnce: number): void {
    for (let i = 0; i < atOnce; i++) this.beginNext();
  }

  private beginNext(): void {
    this.attempts[this.next++]?.begin();
  }

  /** The payee claimed so much of a piece. */
  paid(piece: number, received: number): void {
    this.arrived += received;
    this.settledAt = this.queue.now;
    this.attempts[piece]?.complete();
  }

  /** A machine has ended. */
  ended(sent: number, parts: number, why: string | undefined): void {
    this.open--;
    this.endedAt = this.queue.now;
    this.fee += sent;
    if (why !== undefined && this.why === undefined) {
      this.why = why;
      // What has not begun never will.
      this.open -= Math.max(0, this.attempts.length - this.next);
      this.next = this.attempts.length;
    } else if (parts > 0) this.beginNext();
    if (this.open === 0) this.over(this.result());
  }

  private result(): SimPayment {
    const { order, arrived, begunAt } = this;
    const sum = (count: (of: AttemptCounts) => number) =>
      this.attempts.reduce((all, { counts }) => all + count(counts), 0);
    const isWhole = arrived >= order.amount;
    return {
      ...{ payer: order.payer, payee: order.payee, amount: order.amount },
      result: isWhole ? 'delivered' : arrived > 0 ? 'partly' : 'failed',
      why: isWhole ? undefined : this.why,
      ...{ arrived, fee: Math.max(0, this.fee - arrived) },
      ...{ attempts: sum(({ offered }) => offered), parts: sum(({ claimed }) => claimed) },
      ...{ begunAt, endedAt: isWhole ? this.settledAt : this.endedAt, locked: sum(({ locked }) => locked) },
      knownAt: isWhole ? this.attempts.reduce((last, { knownAt = 0 }) => Math.max(last, knownAt), 0) : undefined,
    };
  }
}

/**
 * Makes all payments of `orders` by one plan. The same arguments give the same run. What throws in a strategy costs its payment; anything
 * else that throws is a mistake in here, and rejects.
 */
export const simulate = async (
  network: SimNetwork,
  options: SimOptions,
  plan: SimPlan,
  orders: readonly SimOrder[],
  hooks: SimHooks = {},
): Promise<SimRun> => {
  const { graph, routing, directions } = network;
  const random = randomOf(options.seed);
  const queue = new EventQueue();
  const liquidity = new Liquidity(graph, options.balances, options.limits, random.fork('balances'));
  const flights = new Flights({
    graph,
    liquidity,
    queue,
    conditions: options.conditions,
    random: random.fork('weather'),
  });
  const running = new Map<number, Order>();
  const payees = new Payees({
    ...{ queue, schemes },
    paid: (invoice, received) => {
      const [order = '', piece] = invoice.split('/');
      running.get(Number(order))?.paid(Number(piece), received);
    },
  });
  const strategies: Strategies = new Map([...builtIn, ...(options.strategies ?? [])]);
  const millis = () => BEGINNING * 1000 + Math.floor(queue.now);
  const payers = new Map<number, Payer>();
  for (const { payer } of orders)
    if (!payers.has(payer)) {
      const channels = directions[payer] ?? [];
      payers.set(payer, await Payer.of(payer, { graph, routing, liquidity, channels, now: millis }));
    }
  const { status: kind = 'none' } = plan;
  const status =
    kind === 'none' || !isAmp(plan)
      ? undefined
      : new StatusSession(kind, { queue, latency: options.conditions.latency, random: random.fork('status') });
  const world: RunParts = {
    ...{ queue, flights, payees, status },
    context: (read) => ({
      ...{ now: Math.floor(millis() / 1000), millis: millis(), height: HEIGHT, schemes, strategies },
      plainOnions: { read },
    }),
  };

  const results: (SimPayment | undefined)[] = orders.map(() => undefined);
  let ended = 0;
  const begin = (n: number): void => {
    const order = orders[n];
    const payer = order && payers.get(order.payer);
    if (order === undefined || payer === undefined) return;
    const pieces = piecesOf(plan, order.amount, options.terms);
    const make = (own: Order): readonly Attempt[] =>
      pieces.map((amount, piece) => {
        const secrets = randomOf(`${options.seed}/payment ${n}/${piece}`);
        const made = requestOf(plan, `${n}/${piece}`, order.payee, amount, millis(), options.terms, secrets);
        return new Attempt(payer, n, made.request, made.invoice, world, (result) => {
          const why = result.event === 'payment_failed' ? whyOf(result.reason) : undefined;
          own.ended(Number(result.amountSent), result.parts, why);
        });
      });
    const own = new Order(order, queue, make, (payment) => {
      results[n] = payment;
      running.delete(n);
      ended++;
      hooks.progress?.(ended, payment);
      if (orders[n + 1]?.at === undefined) queue.after(0, () => begin(n + 1));
    });
    running.set(n, own);
    own.begin(plan.strategy === 'packets' ? options.terms.packetsAtOnce : 1);
  };
  orders.forEach(({ at }, n) => {
    if (at !== undefined) queue.after(at, () => begin(n));
  });
  if (orders[0]?.at === undefined) queue.after(0, () => begin(0));

  const isEnded = (): boolean => hooks.signal?.aborted === true;
  let isLeft = true;
  while (isLeft && !isEnded()) {
    for (let i = 0; i < TURN && isLeft && !isEnded(); i++) isLeft = queue.step();
    await new Promise<void>((resolve) => void setImmediate(resolve));
  }
  if (!isLeft) hooks.liquidity?.(liquidity);
  const payments = results.filter((payment) => payment !== undefined);
  const first = payments.reduce((least, { begunAt }) => Math.min(least, begunAt), queue.now);
  const last = payments.reduce((most, { endedAt }) => Math.max(most, endedAt), first);
  return {
    plan,
    payments,
    took: last - first,
    cut: isLeft ? String(hooks.signal?.reason ?? 'interrupted') : undefined,
  };
};
