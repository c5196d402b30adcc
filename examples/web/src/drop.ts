/** Files that are dropped. @module */

/**
 * A file that is dropped on a field is chosen there; what can't be is refused, with the reason. One that is
 * dropped elsewhere does nothing: the browser would show it in place of the page, and what is filled in would
 * be lost. Text is not meant: it goes into fields as ever.
 */
export function acceptDrops(refuse: (field: string, why: string) => void): void {
  addEventListener("dragover", (event) => {
    if (!hasFiles(event)) {
      return;
    }
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
    if (!hasFiles(event)) {
      return;
    }
    event.preventDefault();
    mark(undefined);
    const input = zoneOf(event)?.querySelector("input");
    const { dataTransfer } = event;
    if (!input || dataTransfer === null) {
      return;
    }
    const why = whyNot(dataTransfer);
    if (why !== undefined) {
      refuse(input.id, why);
      return;
    }
    input.files = dataTransfer.files;
    input.dispatchEvent(new Event("change", { bubbles: true }));
  });
}

/** Has files that are dropped in a window do nothing. What a frame shows has no fields. */
export function refuseDrops(frame: Window): void {
  for (const type of ["dragover", "drop"] as const) {
    frame.addEventListener(type, (event) => {
      event.preventDefault();
      if (event.dataTransfer !== null) {
        event.dataTransfer.dropEffect = "none";
      }
    });
  }
}

function hasFiles({ dataTransfer }: DragEvent): boolean {
  return dataTransfer?.types.includes("Files") === true;
}

/** Why what is dropped can't be chosen, where it can't. */
function whyNot({ files, items }: DataTransfer): string | undefined {
  if (files.length !== 1) {
    return `One file is compared at a time; these are ${files.length}.`;
  }
  return items[0]?.webkitGetAsEntry()?.isDirectory === true ? "This is a folder; drop a file." : undefined;
}

function zoneOf({ target }: Event): HTMLElement | undefined {
  return (target instanceof Element && target.closest<HTMLElement>(".drop")) || undefined;
}

function mark(zone: HTMLElement | undefined): void {
  for (const other of document.querySelectorAll(".drop")) {
    other.classList.toggle("over", other === zone);
  }
}
