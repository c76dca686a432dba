/** Making elements. Whatever comes from a node is put in as text, never as markup. */

type Child = Node | string | undefined | false;
type Attributes = Readonly<Record<string, string | number | boolean | undefined | ((event: Event) => void)>>;

const fill = (element: Element, attributes: Attributes, children: readonly Child[]): void => {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === false) continue;
    if (typeof value === 'function') element.addEventListener(name, value);
    else element.setAttribute(name, value === true ? '' : String(value));
  }
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

/** Replaces what a part of the page shows; what had the focus there has it again, by its data-key. */
export const show = (place: Element, ...children: readonly Child[]): void => {
  const focused = document.activeElement;
  const key = focused !== null && place.contains(focused) ? focused.getAttribute('data-key') : null;
  place.replaceChildren(...children.filter((child) => child !== undefined && child !== false));
  if (key === null) return;
  const again = place.querySelector(`[data-key="${CSS.escape(key)}"]`);
  if (again instanceof HTMLElement || again instanceof SVGElement) again.focus({ preventScroll: true });
};
