/**
 * `npm run interop -- --speed`: how fast nodes of each implementation pay each other, in one run, on one bitcoind, in one shape. What counts
 * are the ratios: the figures themselves are those of a machine.
 */
import { type Network, startNetwork } from '../../node/regtest/demo/network.ts';
import { Printer } from '../../node/regtest/demo/print.ts';
import type { NodeProcess } from '../../node/regtest/demo/process.ts';
import { until } from '../../node/regtest/demo/wait.ts';
import { sendCoin } from './coins.ts';
import type { Kind, Peer } from './peers/peer.ts';

/** The shape: two nodes with this many channels, and payments by so many workers at once. */
const channelCount = 10;
const workers = 100;
const capacity = 5_000_000n;
/** Channels of a peer that may wait for their funding transactions, at a node of ours and at LDK. */
const mostPending = 4;
/** Payments that are measured: one after the other over one channel, and at once over all of them. */
const alone = 40;
const together = 600;
const warmUp = 5;

/** The other shape: a payer, four forwarders, a payee; and what is paid and comes back, more than two of the routes carry. */
const forwarders = ['m1', 'm2', 'm3', 'm4'] as const;
const pathCapacity = 8_000_000n;
const ampSat = 20_000_000n;
const leadSat = 4_000_000n;
const shards = 16;
const ampPayments = 5;
/** What a coin for a channel has beyond the channel's size. */
const margin = 100_000n;

const names = ['ada', 'bob', 'payer', ...forwarders, 'payee'] as const;
type Name = (typeof names)[number];
type Net = Network<Name>;

/** A node as this sees it: it makes invoices over 1 sat, and pays them. */
interface Runner {
  invoice(): Promise<string>;
  pay(bolt11: string): Promise<unknown>;
}

interface Figures {
  readonly perSecond: number;
  /** Milliseconds. */
  readonly median: number;
}

/** What one implementation does; undefined where it cannot, or a part did not work. */
interface Row {
  readonly name: string;
  readonly alone?: Figures;
  readonly together?: Figures;
  /** Milliseconds for an AMP. */
  readonly amp?: number;
}

const median = (numbers: readonly number[]): number => [...numbers].sort((a, b) => a - b)[numbers.length >> 1] ?? 0;

/** Does things with so many at once, and gives what each took in milliseconds. */
const atOnce = async <T>(
  things: readonly T[],
  most: number,
  act: (thing: T) => Promise<unknown>,
): Promise<number[]> => {
  const took: number[] = [];
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let thing = things[next++]; thing !== undefined; thing = things[next++]) {
      const since = performance.now();
      await act(thing);
      took.push(performance.now() - since);
    }
  };
  await Promise.all(Array.from({ length: most }, worker));
  return took;
};

const race = async (payer: Runner, payee: Runner, count: number, most: number): Promise<Figures> => {
  const invoices: string[] = [];
  await atOnce([...Array(count).keys()], 10, async () => invoices.push(await payee.invoice()));
  const since = performance.now();
  const took = await atOnce(invoices, most, (bolt11) => payer.pay(bolt11));
  if (took.length !== count) throw new Error(`${took.length} payments were made instead of ${count}`);
  return { perSecond: (count * 1000) / (performance.now() - since), median: median(took) };
};

const timed = async (act: () => Promise<unknown>): Promise<number> => {
  const since = performance.now();
  await act();
  return performance.now() - since;
};

/** A node that sends an AMP without an invoice. */
type Amp = (to: 'payer' | 'payee', sat: bigint, parts: number) => Promise<unknown>;

/** Both shapes of one implementation, to be measured one after the other. */
interface Course {
  readonly name: string;
  readonly payer: Runner;
  readonly payee: Runner;
  /** Opens more channels from payer to payee. */
  open(count: number): Promise<void>;
  /** Sets up the other shape; undefined where there is no AMP. */
  readonly amp?: () => Promise<Amp>;
  stop(): Promise<void>;
}

const runnerOf = (node: NodeProcess): Runner => {
  let labels = 0;
  return {
    invoice: async () =>
      (await node.call('invoice', { amount_msat: 1000n, label: `speed ${labels++}`, description: '' })).bolt11,
    pay: (bolt11) => node.call('pay', { bolt11 }),
  };
};

/** Our nodes, all connected with one of them, since a network waits until each of its nodes knows every channel. */
const oursOn = async (net: Net): Promise<Course> => {
  const { ada, bob, payer, payee } = net.nodes;
  const six = [payer, payee, ...forwarders.map((name) => net.nodes[name])];
  for (const node of six) await node.call('connect', { id: ada.id, host: '127.0.0.1', port: ada.port });
  return {
    name: 'ampere',
    payer: runnerOf(ada),
    payee: runnerOf(bob),
    open: async (count) => {
      await net.fund({ ada: Array.from({ length: count }, () => capacity + 100_000n) });
      const opening = { from: 'ada' as const, to: 'bob' as const, sat: capacity };
      for (let left = count; left > 0; left -= mostPending)
        await net.open(Array.from({ length: Math.min(left, mostPending) }, () => opening));
    },
    amp: async () => {
      const coin = pathCapacity + margin;
      const each = Object.fromEntries(forwarders.map((name) => [name, [coin]]));
      await net.fund({ payer: forwarders.map(() => coin), ...each });
      const ways = forwarders.map((name) => [
        { from: 'payer' as const, to: name, sat: pathCapacity },
        { from: name, to: 'payee' as const, sat: pathCapacity },
      ]);
      await net.open(ways.flat());
      return async (to, sat, parts) => {
        const [from, destination] = to === 'payee' ? [payer, payee.id] : [payee, payer.id];
        const paid = await from.call('keysend', { destination, amount_msat: sat * 1000n, shards: parts });
        if (to === 'payee' && paid.parts !== parts) throw new Error(`the payment came in ${paid.parts} HTLCs`);
      };
    },
    stop: async () => {
      for (const name of names) if (net.nodes[name].running) await net.nodes[name].stop();
    },
  };
};

/** Gives a peer coins of these sizes, which are yet to be mined. */
const give = async (net: Net, peer: Peer, sizes: readonly bigint[]): Promise<void> => {
  for (const size of sizes) await sendCoin(net.bitcoind, await peer.newAddress(), size);
};

interface Way {
  readonly from: Peer;
  readonly to: Peer;
  readonly sat: bigint;
}

/** Opens channels between peers, each from a coin of its own, and waits until their ends can use them. */
const openWays = async (net: Net, ways: readonly Way[]): Promise<void> => {
  const all = [...new Set(ways.flatMap(({ from, to }) => [from, to]))];
  const before = new Map<Peer, number>();
  for (const peer of all) before.set(peer, (await peer.channels()).filter(({ usable }) => usable).length);
  for (const { from, sat } of ways) await give(net, from, [sat + margin, margin]);
  const height = await net.mine(1);
  for (const peer of all) await peer.reach(height);
  for (const { from, to, sat } of ways) {
    await until(`${from.name} and ${to.name} to be connected`, async () => {
      if (!(await from.peers()).includes(to.id)) await from.connect(to.address);
      return true;
    });
    await until(`${from.name} to open a channel`, () => from.open(to.id, { sat }), { timeout: 60_000, every: 500 });
  }
  const deep = await net.mine(6);
  for (const peer of all) await peer.reach(deep);
  for (const peer of all) {
    const more = ways.filter(({ from, to }) => from === peer || to === peer).length;
    await until(`the channels of ${peer.name} to be usable`, async () => {
      const usable = (await peer.channels()).filter((one) => one.usable).length;
      return usable === (before.get(peer) ?? 0) + more ? true : undefined;
    });
  }
};

/** Two nodes of a kind on the chain, and six more once an AMP is to be measured. */
const peersOn = async (net: Net, kind: Kind): Promise<Course> => {
  const { dir, bitcoind } = net;
  const started: Peer[] = [];
  const start = async (name: Name): Promise<Peer> => {
    const peer = await kind.start({ name: `${kind.name.toLowerCase()}-${name}`, dir, bitcoind, anchors: true });
    started.push(peer);
    return peer;
  };
  const runner = (peer: Peer): Runner => ({
    invoice: async () => (await peer.invoice(1000n)).bolt11,
    pay: (bolt11) => peer.pay(bolt11),
  });
  const stop = async (): Promise<void> => {
    for (const peer of started.splice(0)) await peer.stop();
  };
  try {
    const [ada, bob] = [await start('ada'), await start('bob')];
    const amp = async (): Promise<Amp> => {
      await stop();
      const [payer, payee] = [await start('payer'), await start('payee')];
      const ways: Way[] = [];
      for (const name of forwarders) {
        const between = await start(name);
        ways.push({ from: payer, to: between, sat: pathCapacity }, { from: between, to: payee, sat: pathCapacity });
      }
      await openWays(net, ways);
      for (const one of [payer, payee])
        await until(`${one.name} to know all channels`, async () =>
          (await one.graph()).filter(({ directions }) => directions === 2).length === ways.length ? true : undefined,
        );
      return async (to, sat, parts) => {
        const [from, dest] = to === 'payee' ? [payer, payee] : [payee, payer];
        const most = (sat * 1000n) / BigInt(parts);
        const count = await from.amp?.spontaneous(dest.id, sat * 1000n, most);
        if (to === 'payee' && count !== parts) throw new Error(`the payment came in ${count} HTLCs`);
      };
    };
    return {
      ...{ name: kind.name, payer: runner(ada), payee: runner(bob), stop },
      open: async (count) => {
        const way = { from: ada, to: bob, sat: capacity };
        for (let left = count; left > 0; left -= mostPending)
          await openWays(
            net,
            Array.from({ length: Math.min(left, mostPending) }, () => way),
          );
      },
      ...(kind.cannot['deployed AMP'] === undefined && { amp }),
    };
  } catch (error) {
    await stop();
    throw error;
  }
};

/** AMPs one after the other; what came goes back between them, which is not measured. */
const measureAmp = async (send: Amp): Promise<number> => {
  const took: number[] = [];
  await send('payee', leadSat, forwarders.length);
  for (let i = 0; i < ampPayments; i++) {
    took.push(await timed(() => send('payee', ampSat, shards)));
    await send('payer', ampSat, shards);
  }
  return median(took);
};

const measure = async (course: Course, printer: Printer): Promise<Row> => {
  const { name, payer, payee, open, amp } = course;
  try {
    const [one, all] = await printer.step(`${name}: two nodes`, async () => {
      printer.progress(`${name}: a channel`);
      await open(1);
      // An lnd says of a channel that it is active a moment before it sends by it.
      await until(`${name} to pay at all`, async () => payer.pay(await payee.invoice()).then(() => true), {
        every: 500,
      });
      await race(payer, payee, warmUp, 1);
      printer.progress(`${name}: ${alone} payments, one at a time`);
      const first = await race(payer, payee, alone, 1);
      printer.progress(`${name}: ${channelCount - 1} more channels`);
      await open(channelCount - 1);
      await race(payer, payee, warmUp, 1);
      printer.progress(`${name}: ${together} payments by ${workers} workers`);
      return [first, await race(payer, payee, together, workers)];
    });
    if (amp === undefined) return { name, alone: one, together: all };
    try {
      const took = await printer.step(`${name}: ${ampPayments} AMPs`, async () => measureAmp(await amp()));
      return { name, alone: one, together: all, amp: took };
    } catch (error) {
      // The rest of the table is worth having.
      printer.lines(`${name}, AMP: ${error instanceof Error ? error.message : String(error)}`);
      return { name, alone: one, together: all };
    }
  } finally {
    await course.stop();
  }
};

const figure = (value: number | undefined, digits = 0): string => (value === undefined ? '–' : value.toFixed(digits));
/** A figure with how many times ours is better. */
const against = (ours: number | undefined, theirs: number | undefined, isBetterWhenHigh: boolean): string => {
  if (ours === undefined || theirs === undefined) return '';
  const ratio = isBetterWhenHigh ? ours / theirs : theirs / ours;
  return ` (${ratio.toFixed(1)})`;
};

/** The figures as a Markdown table; in brackets how many times faster ours is. */
const speedTable = (rows: readonly Row[]): string => {
  const [ours] = rows;
  const line = (text: string, of: (row: Row) => number | undefined, isHigh: boolean): string => {
    const cells = rows.map((row) => figure(of(row)) + (row === ours ? '' : against(ours && of(ours), of(row), isHigh)));
    return `| ${text} | ${cells.join(' | ')} |`;
  };
  return [
    `| | ${rows.map(({ name }) => `${name}–${name}`).join(' | ')} |`,
    `| --- |${rows.map(() => ' ---: |').join('')}`,
    line('one channel, one payment at a time: payments/s', (row) => row.alone?.perSecond, true),
    line('— median latency, ms', (row) => row.alone?.median, false),
    line(`${channelCount} channels, ${workers} workers: payments/s`, (row) => row.together?.perSecond, true),
    line('— median latency, ms', (row) => row.together?.median, false),
    line(`one AMP of ${shards} HTLCs over four two-hop routes, ms`, (row) => row.amp, false),
  ].join('\n');
};

/** Measures ours and these others, those that can be had, and prints the table. Throws Error with what a part said. */
export const speed = async (env: NodeJS.ProcessEnv, kinds: readonly Kind[]): Promise<void> => {
  const printer = new Printer(process.stdout, env);
  process.setMaxListeners(4 * names.length); // each process of a node is ended with this one
  const net = await printer.step('bitcoind, and nodes of ours', () =>
    startNetwork({ nodes: { ada: [], bob: [], payer: [], m1: [], m2: [], m3: [], m4: [], payee: [] } }),
  );
  try {
    const rows = [await measure(await oursOn(net), printer)];
    for (const kind of kinds) {
      const missing = await kind.missing();
      if (missing !== undefined) printer.lines(`${kind.name} is left out: ${missing}`);
      else
        await peersOn(net, kind)
          .then((course) => measure(course, printer))
          .then(
            (row) => rows.push(row),
            (error: Error) => printer.lines(`${kind.name} is left out: ${error.message}`),
          );
    }
    printer.lines('', speedTable(rows), '', 'In brackets: how many times faster ours is.');
  } finally {
    await net.stop();
  }
};
