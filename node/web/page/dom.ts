/** Making elements. Whatever comes from a node is put in as text, never as markup. */

type Child = Node | string | undefined | false;
type Listener = (event: Event) => void;
type Attributes = Readonly<Record<string, string | number | boolean | undefined | Listener>>;

/** What each element does at an event: beside it, so that one which stays does what it was last drawn to do. */
const listeners = new WeakMap<EventTarget, Map<string, Listener>>();
const hear = (event: Event): void => {
  if (event.currentTarget !== null) listeners.get(event.currentTarget)?.get(event.type)?.(event);
};
const listen = (element: Element, to: ReadonlyMap<string, Listener>): void => {
  listeners.set(element, new Map(to));
  // One listener for all: adding it again changes nothing.
  for (const name of to.keys()) element.addEventListener(name, hear);
};

const fill = (element: Element, attributes: Attributes, children: readonly Child[]): void => {
  const does = new Map<string, Listener>();
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === false) continue;
    if (typeof value === 'function') does.set(name, value);
    else element.setAttribute(name, value === true ? '' : String(value));
  }
  if (does.size > 0) listen(element, does);
  for (const child of children) if (child !== undefined && child !== false) element.append(child);
};

/** An HTML element; an attribute that is a function listens to the event of its name. */
export const h = <K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[K] => {
  const element = document.createElement(tag);
  fill(element, attributes, children);
  return element;
};

/** The same for SVG. */
export const s = <K extends keyof SVGElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: readonly Child[]
): SVGElementTagNameMap[K] => {
  const element = document.createElementNS('http://www.w3.org/2000/svg', tag);
  fill(element, attributes, children);
  return element;
};

/** Something in a drawing that is clicked, or chosen with the keyboard. */
export const pressed = (run: () => void): Attributes => ({
  tabindex: 0,
  role: 'button',
  click: run,
  keydown: (event) => {
    if (!(event instanceof KeyboardEvent) || (event.key !== 'Enter' && event.key !== ' ')) return;
    event.preventDefault();
    run();
  },
});

/** The element of this id, which index.html has. */
export const byId = (id: string): HTMLElement => {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`the page has no #${id}`);
  return found;
};

const keyOf = (node: Node): string | null => (node instanceof Element ? node.getAttribute('data-key') : null);

/** Makes an element what it was drawn anew: attributes, listeners and content. */
const redraw = (old: Element, drawn: Element): void => {
  // Whether a layer is folded is the reader's affair.
  for (const { name } of [...old.attributes])
    if (name !== 'open' && !drawn.hasAttribute(name)) old.removeAttribute(name);
  for (const { name, value } of drawn.attributes)
    if (name !== 'open' && old.getAttribute(name) !== value) old.setAttribute(name, value);
  listen(old, listeners.get(drawn) ?? new Map());
  settle(old, [...drawn.childNodes]);
};

/**
 * Makes these the children of a place. One that stands there already, by its data-key or else by its kind at the same place, stays and
 * becomes what was drawn: it keeps its focus, and a click that began on it ends on it.
 */
const settle = (place: Element, drawn: readonly Node[]): void => {
  const wanted = new Set(drawn.map(keyOf));
  const keyed = new Map<string, Element>();
  for (const child of [...place.children]) {
    const key = keyOf(child);
    if (key === null) continue;
    if (wanted.has(key)) keyed.set(key, child);
    else child.remove();
  }
  let at = place.firstChild;
  for (const next of drawn) {
    const key = keyOf(next);
    const old = key === null ? at : keyed.get(key);
    // Of two with one key, the second is made anew.
    if (key !== null) keyed.delete(key);
    if (!old || old.nodeName !== next.nodeName || keyOf(old) !== key) {
      place.insertBefore(next, at);
      continue;
    }
    if (old === at) at = at.nextSibling;
    else place.insertBefore(old, at);
    if (old instanceof Element && next instanceof Element) redraw(old, next);
    else if (old.nodeValue !== next.nodeValue) old.nodeValue = next.nodeValue;
  }
  while (at !== null) {
    const after: ChildNode | null = at.nextSibling;
    at.remove();
    at = after;
  }
};

/** Draws a part of the page anew. What stands there and is in the new drawing too stays the same element. */
export const show = (place: Element, ...children: readonly Child[]): void => {
  const focused = document.activeElement;
  settle(
    place,
    children.flatMap((child) =>
      child === undefined || child === false
        ? []
        : [typeof child === 'string' ? document.createTextNode(child) : child],
    ),
  );
  // What was moved has lost it.
  if (focused === document.activeElement || !focused?.isConnected) return;
  if (focused instanceof HTMLElement || focused instanceof SVGElement) focused.focus({ preventScroll: true });
};
