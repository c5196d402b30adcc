/** What is seen while the work goes on. @module */
import { element } from "./element.js";
import type { Progress } from "./messages.js";

/** How often progress is said to those who hear the page, in milliseconds; a new part is said at once. */
const SAID_EVERY_MS = 5_000;

export class Working {
  readonly element = element("working");
  readonly #heading = element("doing");
  readonly #step = element("step");
  readonly #bar = element("progress", HTMLProgressElement);
  #part: Progress["part"] | undefined;
  #saidAt = 0;

  constructor(cancel: () => void) {
    element("cancel").addEventListener("click", cancel);
  }

  begin(): void {
    this.#part = undefined;
    this.#show("Beginning", undefined);
    this.#heading.focus();
  }

  progress(progress: Progress, say: (text: string) => void): void {
    const { text, share } = inWords(progress);
    this.#show(text, share);
    const now = performance.now();
    if (progress.part !== this.#part || now - this.#saidAt >= SAID_EVERY_MS) {
      this.#part = progress.part;
      this.#saidAt = now;
      say(text);
    }
  }

  #show(text: string, share: number | undefined): void {
    this.#step.textContent = text;
    if (share === undefined) {
      this.#bar.removeAttribute("value");
    } else {
      this.#bar.value = share;
    }
  }
}

const number = new Intl.NumberFormat("en");

/** What is being done, and which share of it is, where that is known. */
function inWords(progress: Progress): { text: string; share?: number } {
  switch (progress.part) {
    case "opening":
      return { text: "Opening the ledger" };
    case "ledger":
      return { text: `Reading the ledger: ${number.format(progress.lines)} entries` };
    case "statement": {
      const share = progress.bytes_total === 0 ? 1 : progress.bytes / progress.bytes_total;
      return { text: `Reading the statement: ${Math.floor(share * 100)} %`, share };
    }
    case "matching":
      return { text: "Comparing both sides" };
    case "writing":
      return { text: "Writing the report" };
  }
}
