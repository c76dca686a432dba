/** The page: reads what the nodes say, keeps it up with their notifications, and shows what was chosen. */
import { channelDetail } from './channel.ts';
import { byId, h, show } from './dom.ts';
import { Graph } from './graph.ts';
import { type Order, showMine, showPay } from './lab.ts';
import { keyOf, type Payment, showChannels, showPayments } from './lists.ts';
import { goLive, type Notice } from './live.ts';
import { type Network, networkOf, type OwnNode } from './model.ts';
import { paymentDetail } from './payment.ts';
import type { ChannelRow, InfoRow, LayerRow, PayRow, ShardNews, ShardRow } from './rows.ts';
import { cut, sat } from './words.ts';

type Selection = { readonly kind: 'none' } | { readonly kind: 'channel' | 'node' | 'payment'; readonly key: string };

/** Milliseconds that notifications are gathered before a node is asked again. */
const GATHER = 150;
/** Milliseconds without news after which a node is asked once more. */
const SETTLES = 1_200;
/** Payments that the page remembers. */
const MOST_PAYMENTS = 500;

const own = new Map<string, OwnNode>();
const payments = new Map<string, Payment>();
const aliases = new Map<string, string>();
let isLab = false;
let selection: Selection = { kind: 'none' };
/** Whether the chosen channel's closing alone was asked for once. */
let isAsked = false;
let open: { readonly shard: ShardRow; layers?: readonly LayerRow[] } | undefined;
let network: Network = networkOf([], aliases);

const say = (words: string, isError = false): void => {
  const place = byId('say');
  place.textContent = words;
  place.classList.toggle('error', isError);
};
const wordsOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
const nameOf = (id: string): string =>
  network.nodes.find((node) => node.id === id)?.label ?? aliases.get(id) ?? cut(id, 4);

const choose = (next: Selection): void => {
  selection = next;
  open = undefined;
  isAsked = false;
  render();
  if (next.kind !== 'none') byId('detail').scrollIntoView({ block: 'nearest', behavior: 'smooth' });
};
const unchoose = (): void => choose({ kind: 'none' });

const graph = new Graph(byId('network'), h('p', { class: 'note' }), {
  node: (key) => choose({ kind: 'node', key }),
  channel: (key) => choose({ kind: 'channel', key }),
});

const nodeDetail = (id: string): readonly HTMLElement[] => {
  const node = network.nodes.find((one) => one.id === id);
  if (node === undefined) return [];
  const channels = network.channels.filter(({ a, b }) => a === id || b === id);
  const balance = channels.reduce((sum, { a, ofA, ofB }) => sum + (a === id ? ofA : ofB), 0n);
  const info = [...own.values()].find((one) => one.info?.id === id)?.info;
  return [
    h(
      'div',
      { class: 'head' },
      h('h2', {}, node.label),
      h(
        'button',
        { type: 'button', class: 'quiet', 'aria-label': 'Close details', 'data-key': 'close', click: unchoose },
        '×',
      ),
    ),
    h('p', { class: 'facts hex' }, id),
    h(
      'p',
      { class: 'facts' },
      [
        `${channels.length} channels here`,
        `${sat(balance)} sat on its side`,
        ...(info === undefined ? ["somebody else's node"] : [`block ${info.blockheight}`]),
        ...(node.there ? [] : ['does not answer']),
      ].join(' · '),
    ),
  ];
};

const detail = (): readonly HTMLElement[] => {
  if (selection.kind === 'none')
    return [h('p', { class: 'hint' }, 'Choose a payment, a channel or a node to take it apart.')];
  const { kind, key } = selection;
  if (kind === 'node') return nodeDetail(key);
  if (kind === 'channel') {
    const channel = network.channels.find(({ id }) => id === key);
    if (channel === undefined) return [h('p', { class: 'hint' }, 'This channel is resolved and listed no more.')];
    return channelDetail(channel, {
      nameOf,
      close: unchoose,
      closeChannel: isLab ? (how) => void closeChannel(key, how) : undefined,
      isAsked,
      ask: () => {
        isAsked = true;
        render();
      },
    });
  }
  const payment = payments.get(key);
  if (payment === undefined) return [];
  return paymentDetail(payment, {
    ...{ nameOf, close: unchoose, open: open?.shard, layers: open?.layers },
    choose: (shard) => void openShard(payment, shard),
  });
};

/** A payment that is as it was is left alone, with the layers that somebody folded. */
let shownPayment = '';
const showDetail = (): void => {
  const payment = selection.kind === 'payment' ? payments.get(selection.key) : undefined;
  const now =
    payment === undefined ? '' : JSON.stringify([payment, open?.shard.payment_hash, open?.layers !== undefined]);
  if (now !== '' && now === shownPayment && payment?.row.status !== 'pending') return;
  shownPayment = now;
  show(byId('detail'), ...detail());
};

const render = (): void => {
  network = networkOf([...own.values()], aliases);
  const selected = selection.kind === 'none' ? '' : selection.key;
  graph.show(network, selected);
  showPayments(byId('payments'), sorted(), nameOf, selected, (key) => choose({ kind: 'payment', key }));
  showChannels(byId('channels'), network, selected, (key) => choose({ kind: 'channel', key }));
  showDetail();
  const infos = [...own.values()].flatMap(({ info }) => info ?? []);
  const height = Math.max(0, ...infos.map(({ blockheight }) => blockheight));
  byId('where').textContent = infos[0] === undefined ? '' : `${infos[0].network} · block ${height}`;
  if (isLab) showPay(byId('pay'), network.nodes, actions);
};
const sorted = (): readonly Payment[] =>
  [...payments.values()].toSorted(
    (x, y) => y.row.created_at - x.row.created_at || y.row.created_index - x.row.created_index,
  );

let waiting = false;
let isPressed = false;
const renderSoon = (): void => {
  if (waiting) return;
  waiting = true;
  requestAnimationFrame(() => {
    // What is being clicked must still be there when the button is let go.
    if (isPressed) return;
    waiting = false;
    render();
  });
};
const letGo = (): void => {
  isPressed = false;
  if (!waiting) return;
  waiting = false;
  renderSoon();
};
document.addEventListener('pointerdown', () => {
  isPressed = true;
});
for (const event of ['pointerup', 'pointercancel']) document.addEventListener(event, () => setTimeout(letGo));

const note = (from: string, rows: readonly PayRow[]): void => {
  for (const row of rows) {
    const payment = { from, row };
    payments.set(keyOf(payment), payment);
  }
  for (const old of sorted().slice(MOST_PAYMENTS)) payments.delete(keyOf(old));
};

const change = (name: string, fields: Partial<OwnNode>): void => {
  const before = own.get(name) ?? { name, there: false, info: undefined, channels: [] };
  own.set(name, { ...before, ...fields });
  renderSoon();
};

const settling = new Map<string, number>();
/** Reads a node's channels once more when all is quiet: the last messages about an HTLC follow what was told of it. */
const readLater = (name: string): void => {
  clearTimeout(settling.get(name));
  settling.set(
    name,
    window.setTimeout(() => soon(name, () => readChannels(name)), SETTLES),
  );
};

const readChannels = async (name: string): Promise<void> => {
  const [info, { channels }] = (await Promise.all([
    live.call('getinfo', {}, name),
    live.call('listpeerchannels', {}, name),
  ])) as [InfoRow, { channels: readonly ChannelRow[] }];
  change(name, { info, channels, there: true });
  if (channels.some(({ htlcs }) => htlcs.length > 0)) readLater(name);
};
const readAll = async (name: string): Promise<void> => {
  await readChannels(name);
  const { pays } = (await live.call('listpays', {}, name)) as { pays: readonly PayRow[] };
  note(name, pays);
  const { nodes } = (await live.call('listnodes', {}, name)) as {
    nodes: readonly { nodeid: string; alias?: string }[];
  };
  for (const { nodeid, alias } of nodes) if (alias !== undefined) aliases.set(nodeid, alias);
  renderSoon();
};
const readPayment = async (name: string, payment_hash: string): Promise<void> => {
  const { pays } = (await live.call('listpays', { payment_hash }, name)) as { pays: readonly PayRow[] };
  note(name, pays);
  renderSoon();
};

/** Work on a node that was asked for several times within a moment is done once. */
const gathered = new Map<string, number>();
const soon = (key: string, run: () => Promise<void>): void => {
  if (gathered.has(key)) return;
  const timer = window.setTimeout(() => {
    gathered.delete(key);
    run().catch((error: unknown) => say(wordsOf(error), true));
  }, GATHER);
  gathered.set(key, timer);
};

const openShard = async (payment: Payment, shard: ShardRow): Promise<void> => {
  if (open?.shard.payment_hash === shard.payment_hash) {
    open = undefined;
    render();
    return;
  }
  const opened: typeof open = { shard };
  open = opened;
  render();
  const { frame, blobs } = shard;
  const route = shard.route.map(({ id, short_channel_id, amount_msat = 0, expiry = 0, style = 'tlv' }) => ({
    ...{ id, short_channel_id, amount_msat, expiry, style },
  }));
  try {
    const scheme = payment.row.scheme ?? '';
    const { layers } = (await live.call('layers', { scheme, route, frame, blobs })) as { layers: readonly LayerRow[] };
    opened.layers = layers;
    renderSoon();
  } catch (error) {
    say(wordsOf(error), true);
  }
};

/** Does something that takes a moment, and says how it went. */
const act = async (doing: string, run: () => Promise<string>): Promise<void> => {
  say(doing);
  try {
    say(await run());
  } catch (error) {
    say(wordsOf(error), true);
  }
};
const closeChannel = (id: string, how: 'mutual' | 'force'): Promise<void> => {
  const [name = ''] = network.channels.find((channel) => channel.id === id)?.rows.keys() ?? [];
  return act(how === 'mutual' ? 'Closing …' : 'Publishing the commitment …', async () => {
    const answer = live.call('close', { id, force: how === 'force' }, name);
    const { type } = (await answer) as { type: string };
    return type === 'mutual'
      ? 'The closing transaction is published: mine a block.'
      : 'The commitment is published: mine a block.';
  });
};
const actions = {
  mine: (blocks: number) =>
    void act('Mining …', async () => {
      await live.call('mine', { blocks });
      return blocks === 1 ? 'A block was mined.' : `${blocks} blocks were mined.`;
    }),
  pay: ({ from, to, sat: amount, shards, scheme }: Order) =>
    void act(`${from} pays ${nameOf(to)} …`, async () => {
      const params = { destination: to, amount_msat: amount * 1000, scheme, ...(scheme !== 'single' && { shards }) };
      const { parts } = (await live.call('keysend', params, from)) as { parts: number };
      return `${from} paid ${nameOf(to)} ${sat(amount * 1000)} sat in ${parts} ${parts === 1 ? 'HTLC' : 'HTLCs'}.`;
    }),
};

/** Notifications after which a node's channels may be others than they were. */
const moving: ReadonlySet<string> = new Set([
  ...['amp_shard', 'amp_set', 'forward_event', 'block_added'],
  ...['channel_opened', 'channel_state_changed', 'connect', 'disconnect', 'notifications_lost'],
]);

const notice = ({ node, topic, payload, there, lost }: Notice): void => {
  if (lost !== undefined) {
    for (const name of own.keys()) soon(name, () => readAll(name));
    return;
  }
  if (node === undefined) return;
  if (there !== undefined) {
    change(node, { there });
    if (there) soon(`all ${node}`, () => readAll(node));
    return;
  }
  if (topic === undefined) return;
  if (moving.has(topic)) {
    soon(node, () => readChannels(node));
    readLater(node);
  }
  if (topic === 'amp_shard') {
    const news = payload as ShardNews;
    const from = own.get(node)?.info?.id;
    if (from !== undefined) graph.fly(from, news);
    soon(`${node} ${news.payment_hash}`, () => readPayment(node, news.payment_hash));
  }
  if (topic === 'sendpay_success' || topic === 'sendpay_failure') {
    const { payment_hash = '', data } = payload as { payment_hash?: string; data?: { payment_hash: string } };
    const hash = data?.payment_hash ?? payment_hash;
    soon(`${node} ${hash}`, () => readPayment(node, hash));
  }
  if (topic === 'notifications_lost') soon(`all ${node}`, () => readAll(node));
};

const live = goLive({
  notice,
  lost: () => say('The page server does not answer: is the node running?', true),
  opened: () => {
    say('');
    void act('Reading …', async () => {
      const hello = (await live.call('hello')) as {
        lab: boolean;
        mines: boolean;
        nodes: readonly { name: string; there: boolean }[];
      };
      isLab = hello.lab;
      if (hello.mines) showMine(byId('mine'), actions);
      for (const { name, there } of hello.nodes) change(name, { there });
      await Promise.all(hello.nodes.filter(({ there }) => there).map(({ name }) => readAll(name)));
      document.documentElement.dataset['ready'] = 'true';
      return '';
    });
  },
});
document.addEventListener('keydown', ({ key }) => {
  if (key === 'Escape') unchoose();
});
render();
