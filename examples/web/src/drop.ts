/** Files that are dropped. @module */

/**
 * A file that is dropped on a field is chosen there. One that is dropped elsewhere does nothing: the browser
 * would show it in place of the page, and what is filled in would be lost.
 */
export function acceptDrops(): void {
  addEventListener("dragover", (event) => {
    event.preventDefault();
    if (event.dataTransfer !== null) {
      event.dataTransfer.dropEffect = zoneOf(event) === undefined ? "none" : "copy";
    }
    mark(zoneOf(event));
  });
  addEventListener("dragleave", (event) => {
    if (event.relatedTarget === null) {
      mark(undefined);
    }
  });
  addEventListener("drop", (event) => {
    event.preventDefault();
    mark(undefined);
    const input = zoneOf(event)?.querySelector("input");
    const file = event.dataTransfer?.files[0];
    if (input !== undefined && input !== null && file !== undefined) {
      const one = new DataTransfer();
      one.items.add(file);
      input.files = one.files;
      input.dispatchEvent(new Event("change", { bubbles: true }));
    }
  });
}

function zoneOf({ target }: Event): HTMLElement | undefined {
  return (target instanceof Element && target.closest<HTMLElement>(".drop")) || undefined;
}

function mark(zone: HTMLElement | undefined): void {
  for (const other of document.querySelectorAll(".drop")) {
    other.classList.toggle("over", other === zone);
  }
}
