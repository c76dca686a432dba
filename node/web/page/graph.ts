/** The network as a drawing: nodes, channels with their balance, and shards on their way. */
import { pressed, s, show } from './dom.ts';
import { bends, layoutOf, type Point } from './layout.ts';
import type { ChannelView, Network, NodeView } from './model.ts';
import type { ShardNews } from './rows.ts';
import { short, stateWords } from './words.ts';

const WIDTH = 1000;
const RADIUS = 26;
/** Milliseconds of a hop, and shards that are drawn at the same time. */
const HOP = 420;
const MOST_FLYING = 200;

interface Chosen {
  readonly node: (id: string) => void;
  readonly channel: (id: string) => void;
}

interface Curve {
  readonly from: Point;
  readonly bend: Point;
  readonly to: Point;
}

/** A point of a curve, at `t` from 0 to 1. */
const along = ({ from, bend, to }: Curve, t: number): Point => {
  const u = 1 - t;
  return {
    x: u * u * from.x + 2 * u * t * bend.x + t * t * to.x,
    y: u * u * from.y + 2 * u * t * bend.y + t * t * to.y,
  };
};

/** The part of a curve from 0 to `t`, as a path. */
const pathOf = (curve: Curve, t0: number, t1: number): string => {
  const points = Array.from({ length: 17 }, (_, i) => along(curve, t0 + ((t1 - t0) * i) / 16));
  return points.map(({ x, y }, i) => `${i === 0 ? 'M' : 'L'}${x.toFixed(1)} ${y.toFixed(1)}`).join('');
};

/** The direction, of length 1, in which there is room for words beside a curve: above it, or to the right of a steep one. */
const besideOf = ({ from, to }: Curve): Point => {
  const [dx, dy] = [to.x - from.x, to.y - from.y];
  const length = Math.max(1, Math.hypot(dx, dy));
  const normal = { x: dy / length, y: -dx / length };
  const isWrong = Math.abs(normal.x) > 0.8 ? normal.x < 0 : normal.y > 0;
  return isWrong ? { x: -normal.x, y: -normal.y } : normal;
};

export class Graph {
  private readonly place: Element;
  private readonly chosen: Chosen;
  private readonly svg = s('svg', { role: 'group', 'aria-label': 'Nodes and channels' });
  private readonly drawn = s('g');
  private readonly flying = s('g', { class: 'flying', 'aria-hidden': 'true' });
  private readonly note: Element;
  private places: ReadonlyMap<string, Point> = new Map();
  /** What the places were found for: the nodes, and the channels by both of their ends. */
  private placed = { ids: '', links: new Set<string>() };
  private network: Network = { nodes: [], channels: [], hiddenNodes: 0, hiddenChannels: 0 };
  private curves = new Map<string, Curve & { readonly a: string; readonly scid: string | undefined }>();
  private selected = '';
  private height = 460;

  constructor(place: Element, note: Element, chosen: Chosen) {
    this.place = place;
    this.note = note;
    this.chosen = chosen;
    this.svg.append(this.drawn, this.flying);
    show(place, this.svg, note);
    new ResizeObserver(() => this.resize()).observe(place);
  }

  private resize(): void {
    const { width, height } = this.place.getBoundingClientRect();
    if (width === 0) return;
    this.height = Math.round((WIDTH * Math.max(220, height)) / width);
    this.svg.setAttribute('viewBox', `0 0 ${WIDTH} ${this.height}`);
    this.draw();
  }

  /** Shows this network, with this node or channel marked. */
  show(network: Network, selected: string): void {
    this.network = network;
    this.selected = selected;
    this.draw();
  }

  private at(id: string): Point {
    const { x, y } = this.places.get(id) ?? { x: 0.5, y: 0.5 };
    return { x: x * WIDTH, y: y * this.height };
  }

  private draw(): void {
    const { nodes, channels, hiddenNodes, hiddenChannels } = this.network;
    const links = channels.map(({ a, b }): [string, string] => [a, b]);
    const ids = nodes.map(({ id }) => id);
    // A channel that is gone moves nothing.
    if (ids.join() !== this.placed.ids || links.some((link) => !this.placed.links.has(link.join()))) {
      this.places = layoutOf(ids, links);
      this.placed = { ids: ids.join(), links: new Set(links.map((link) => link.join())) };
    }
    const sides = bends(channels);
    this.curves = new Map(
      channels.map((channel) => {
        const [from, to] = [this.at(channel.a), this.at(channel.b)];
        const side = sides.get(channel.id) ?? 0;
        const bend = {
          x: (from.x + to.x) / 2 - (to.y - from.y) * side,
          y: (from.y + to.y) / 2 + (to.x - from.x) * side,
        };
        return [channel.id, { from, bend, to, a: channel.a, scid: channel.scid }];
      }),
    );
    show(this.drawn, ...channels.map((one) => this.edge(one)), ...nodes.map((one) => this.node(one)));
    const left = [
      ...(hiddenNodes > 0 ? [`${hiddenNodes} nodes`] : []),
      ...(hiddenChannels > 0 ? [`${hiddenChannels} channels`] : []),
    ];
    this.note.textContent =
      left.length === 0 ? '' : `${left.join(' and ')} more are not drawn: the largest channels are`;
  }

  private nameOf(id: string): string {
    return this.network.nodes.find((one) => one.id === id)?.label ?? id.slice(0, 8);
  }

  private edge(channel: ChannelView): SVGElement {
    const curve = this.curves.get(channel.id);
    if (curve === undefined) return s('g');
    const { total, ofA, ofB, state, usable } = channel;
    // What is in flight belongs to neither side and shows as a gap between them.
    const scale = (amount: bigint): number => (total === 0n ? 0 : Number((amount * 1000n) / total) / 1000);
    const ends = [0.06, 0.94] as const;
    const inside = (t: number): number => ends[0] + (ends[1] - ends[0]) * t;
    const [shareA, shareB] = [scale(ofA), scale(ofB)];
    const isOpen = state === 'CHANNELD_NORMAL';
    const [a, b] = [this.nameOf(channel.a), this.nameOf(channel.b)];
    const label = (t: number, words: string): SVGElement => {
      const { x, y } = along(curve, t);
      const beside = besideOf(curve);
      const anchor = beside.x > 0.5 ? 'start' : beside.x < -0.5 ? 'end' : 'middle';
      return s('text', { x: x + 15 * beside.x, y: y + 15 * beside.y, 'text-anchor': anchor, class: 'amount' }, words);
    };
    return s(
      'g',
      {
        ...pressed(() => this.chosen.channel(channel.id)),
        class: `edge${isOpen ? '' : ' ending'}${usable ? '' : ' away'}${this.selected === channel.id ? ' selected' : ''}`,
        'data-key': channel.id,
        'data-channel': channel.id,
        'aria-label': `Channel ${channel.scid ?? ''} of ${a}, ${short(ofA)} sat, and ${b}, ${short(ofB)} sat: ${stateWords(state)}`,
      },
      s('path', { d: pathOf(curve, 0, 1), class: 'touch' }),
      s('path', { d: pathOf(curve, ...ends), class: 'line' }),
      s('path', { d: pathOf(curve, ends[0], inside(shareA)), class: 'side-a' }),
      s('path', { d: pathOf(curve, inside(1 - shareB), ends[1]), class: 'side-b' }),
      ...(isOpen ? [label(0.24, short(ofA)), label(0.76, short(ofB))] : [label(0.5, stateWords(state))]),
    );
  }

  private node({ id, label, own, there }: NodeView): SVGElement {
    const { x, y } = this.at(id);
    return s(
      'g',
      {
        ...pressed(() => this.chosen.node(id)),
        class: `node${own === undefined ? ' far' : ''}${there ? '' : ' away'}${this.selected === id ? ' selected' : ''}`,
        transform: `translate(${x.toFixed(1)} ${y.toFixed(1)})`,
        'data-key': id,
        'data-node': label,
        'aria-label': `Node ${label}${there ? '' : ', which does not answer'}`,
      },
      s('circle', { r: RADIUS }),
      s('text', { class: 'initial' }, label.slice(0, 1).toUpperCase()),
      s('text', { class: 'name', y: RADIUS + 18 }, label.length > 18 ? `${label.slice(0, 17)}…` : label),
    );
  }

  /** The way of a hop, from one node to the other; a straight line where the channel is not drawn. */
  private hop(from: string, to: string, scid: string): Curve | undefined {
    const drawn = [...this.curves.values()].find((curve) => curve.scid === scid);
    if (drawn !== undefined) return drawn.a === from ? drawn : { from: drawn.to, bend: drawn.bend, to: drawn.from };
    if (!this.places.has(from) || !this.places.has(to)) return undefined;
    const [start, end] = [this.at(from), this.at(to)];
    return { from: start, bend: { x: (start.x + end.x) / 2, y: (start.y + end.y) / 2 }, to: end };
  }

  /** A shard of the node `from` flies along its route; one that is over flies back from where it ended. */
  fly(from: string, { route, status, erring_index, amount_msat }: ShardNews): void {
    // Nobody sees a page that is hidden, and its animations stand still.
    if (document.hidden || this.flying.childElementCount >= MOST_FLYING) return;
    const ids = [from, ...route.map(({ id }) => id)];
    const hops = route.flatMap(({ id, short_channel_id }, i) => this.hop(ids[i] ?? '', id, short_channel_id) ?? []);
    const reached = status === 'failed' ? hops.slice(0, erring_index ?? hops.length) : hops;
    if (reached.length === 0) return;
    const back = status !== 'sent';
    const way = back ? reached.toReversed().map(({ from: a, bend, to }) => ({ from: to, bend, to: a })) : reached;
    const dot = s('circle', {
      r: 6 + Math.min(6, Math.log10(1 + Number(amount_msat) / 1e6)),
      class: `shard ${status}`,
    });
    this.flying.append(dot);
    const isStill = matchMedia('(prefers-reduced-motion: reduce)').matches;
    const whole = HOP * way.length;
    const begun = performance.now();
    const step = (): void => {
      const t = Math.min(1, (performance.now() - begun) / whole);
      const leg = Math.min(way.length - 1, Math.floor(t * way.length));
      const curve = way[leg];
      const point = curve && along(curve, isStill ? 0.5 : t * way.length - leg);
      if (point !== undefined) dot.setAttribute('transform', `translate(${point.x.toFixed(1)} ${point.y.toFixed(1)})`);
      if (t < 1) requestAnimationFrame(step);
      else setTimeout(() => dot.remove(), 250);
    };
    step();
  }
}
