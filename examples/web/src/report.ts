/** The report: seen in a frame, saved, and printed. @module */
import { refuseDrops } from "./drop.js";
import { element } from "./element.js";
import type { Job, Outcome } from "./messages.js";

const number = new Intl.NumberFormat("en");

export class Report {
  readonly #result = element("result");
  #frame = element("report", HTMLIFrameElement);
  #urls: string[] = [];

  constructor(again: () => void) {
    element("again").addEventListener("click", again);
    element("print").addEventListener("click", () => this.#frame.contentWindow?.print());
    // Whoever prints the page gets the report as far as it is seen, so all of it must be.
    addEventListener("beforeprint", () => {
      const height = this.#frame.contentDocument?.documentElement.scrollHeight ?? 0;
      this.#frame.height = String(height);
    });
    addEventListener("afterprint", () => this.#frame.removeAttribute("height"));
  }

  /** Takes what came of a job, and says it in a sentence. */
  take(job: Job, outcome: Outcome): string {
    this.#forget();
    this.#offer("save-html", outcome.html, job, "html");
    this.#offer("save-csv", outcome.csv, job, "csv");
    this.#offer("save-json", outcome.json, job, "json");
    const frame = this.#frame;
    frame.addEventListener("load", () => {
      if (frame.contentWindow !== null) {
        refuseDrops(frame.contentWindow);
      }
    });
    frame.src = this.#url(outcome.html);
    return sentence(outcome);
  }

  show(visible: boolean): void {
    this.#result.hidden = !visible;
    this.#frame.hidden = !visible;
    if (!visible) {
      this.#forget();
    }
  }

  #offer(id: string, content: Blob, { statement }: Job, ending: string): void {
    const link = element(id, HTMLAnchorElement);
    link.href = this.#url(content);
    link.download = `${statement.name.replace(/\.[^.]*$/, "")}-report.${ending}`;
  }

  #url(content: Blob): string {
    const url = URL.createObjectURL(content);
    this.#urls.push(url);
    return url;
  }

  /** Gives back what a report before takes. */
  #forget(): void {
    // In the same frame each report would be a step of the browser's history, and lead back to none.
    const empty = this.#frame.cloneNode() as HTMLIFrameElement;
    empty.removeAttribute("src");
    this.#frame.replaceWith(empty);
    this.#frame = empty;
    this.#urls.splice(0).forEach((url) => URL.revokeObjectURL(url));
  }
}

function sentence({ matched, breaks, incomplete }: Outcome): string {
  const agree = `${number.format(matched)} ${matched === 1 ? "line agrees" : "lines agree"}`;
  const differ = breaks === 0 ? "no breaks" : `${number.format(breaks)} ${breaks === 1 ? "break" : "breaks"}`;
  return `${agree}, ${differ}${incomplete ? "; the result is incomplete" : ""}.`;
}
