/** Elements of the page by their ids. @module */

/** The element with an id; it must be of the kind that is named, an `HTMLElement` where none is. */
export function element(id: string): HTMLElement;
export function element<Kind extends HTMLElement>(id: string, kind: new () => Kind): Kind;
export function element(id: string, kind: new () => HTMLElement = HTMLElement): HTMLElement {
  const found = document.getElementById(id);
  if (!(found instanceof kind)) {
    throw new Error(`the page has no ${kind.name} \`${id}\``);
  }
  return found;
}
