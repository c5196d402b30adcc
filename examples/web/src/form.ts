/** The form: what it shows, what it asks for, and what is wrong with it. @module */
import { columnNames, mapText } from "./columns.js";
import { element } from "./element.js";
import type { Field, Job, LedgerSource } from "./messages.js";

type Source = Job["source"];

/** Names of a map that the form has a field for; `type` and others stand in its last line. */
const COLUMN_FIELDS = ["key", "amount", "sign", "decimal", "date", "date_format", "currency", "fixed_currency"];

/** Fields of the form, by their ids: those of the job, and those of columns. */
type Place = Field | "column-key" | "column-amount" | "column-date" | "column-currency";

/** What is wrong, and where. */
interface Wrong {
  field: Place | undefined;
  message: string;
}

export class Form {
  readonly element = element("form", HTMLFormElement);
  readonly #problem = element("problem");
  readonly #columns = element("columns", HTMLDetailsElement);

  constructor() {
    for (const error of this.#errors()) {
      const field = element(placeOf(error));
      const note = error.parentElement?.querySelector(".note");
      if (note) {
        note.id ||= `${field.id}-note`;
      }
      field.setAttribute("aria-describedby", [...(note ? [note.id] : []), error.id].join(" "));
    }
    this.element.addEventListener("input", ({ target }) => this.#changed(target));
    this.element.addEventListener("change", ({ target }) => this.#changed(target));
    this.#showWhatApplies();
    // A browser that comes back to the page fills in anew what was filled in, without a word.
    addEventListener("pageshow", () => {
      this.#showWhatApplies();
      this.#openColumns();
      void this.#suggestColumns();
    });
  }

  /** Calls with what is to be done, once all is there that it needs. */
  onSubmit(start: (job: Job) => void): void {
    this.element.addEventListener("submit", (event) => {
      event.preventDefault();
      const { job, wrong } = this.#read();
      if (job === undefined) {
        this.refuse(wrong);
      } else {
        this.refuse([]);
        start(job);
      }
    });
  }

  /** Says what is wrong, each where it belongs, and goes to the first of them. */
  refuse(wrong: readonly Wrong[]): void {
    for (const error of this.#errors()) {
      showError(error, wrong.find(({ field }) => field === placeOf(error))?.message ?? "");
    }
    this.#problem.textContent = wrong.find(({ field }) => field === undefined)?.message ?? "";
    const [first] = wrong;
    if (first !== undefined) {
      (first.field === undefined ? this.#problem : element(first.field)).focus();
    }
  }

  /** Says why a file can't be chosen in a field. What was chosen there before stays. */
  refuseFile(field: string, why: string): void {
    showError(element(`${field}-error`), why);
    element(field).focus();
  }

  focus(): void {
    this.element.querySelector<HTMLElement>("button.main")?.focus();
  }

  #errors(): NodeListOf<HTMLElement> {
    return this.element.querySelectorAll<HTMLElement>(".error");
  }

  /** What was wrong with a field may not be any more; that is told once all is compared anew. */
  #changed(target: EventTarget | null): void {
    if (!(target instanceof HTMLElement)) {
      return;
    }
    const error = document.getElementById(`${target.id}-error`);
    if (error !== null) {
      showError(error, "");
    }
    this.#showWhatApplies();
    if (target.id === "source") {
      this.#openColumns();
    }
    if (target.id === "statement") {
      void this.#suggestColumns();
    }
  }

  #showWhatApplies(): void {
    const data = new FormData(this.element);
    const source = text(data, "source");
    this.#columns.hidden = source === "";
    for (const part of this.element.querySelectorAll<HTMLElement>("[data-for]")) {
      part.hidden = (part.dataset["for"] === "csv") !== (source === "csv");
    }
    for (const part of this.element.querySelectorAll<HTMLElement>("[data-ledger]")) {
      part.hidden = part.dataset["ledger"] !== text(data, "ledger-kind");
    }
  }

  #openColumns(): void {
    this.#columns.open = text(new FormData(this.element), "source") === "csv";
  }

  async #suggestColumns(): Promise<void> {
    const file = chosen(new FormData(this.element), "statement");
    // A file that can't be read is told of once it is compared.
    const names = file === undefined ? [] : await columnNames(file).catch(() => []);
    element("column-names").replaceChildren(...names.map((name) => new Option(name, name)));
  }

  #read(): { job: Job; wrong: [] } | { job: undefined; wrong: Wrong[] } {
    const data = new FormData(this.element);
    const statement = chosen(data, "statement");
    const source = text(data, "source") as Source | "";
    const ledger = ledgerOf(data);
    const wrong: Wrong[] = [];
    if (statement === undefined) {
      wrong.push({ field: "statement", message: "Choose the file of the provider or bank." });
    }
    if (source === "") {
      wrong.push({ field: "source", message: "Choose where the statement comes from." });
    }
    if (source === "csv") {
      wrong.push(...missingColumns(data));
    }
    if (ledger === undefined) {
      wrong.push({ field: "ledger", message: "Choose the export of the ledger." });
    }
    wrong.push(...wrongOptions(data));
    if (statement === undefined || source === "" || ledger === undefined || wrong.length > 0) {
      return { job: undefined, wrong };
    }
    return { job: { statement, source, ledger, ...optionsOf(data, source) }, wrong: [] };
  }
}

/** Which field an error's paragraph is about. */
function placeOf(error: HTMLElement): string {
  return error.id.replace(/-error$/, "");
}

/** Says what is wrong with a field, or that nothing is. */
function showError(error: HTMLElement, message: string): void {
  error.textContent = message;
  element(placeOf(error)).setAttribute("aria-invalid", String(message !== ""));
  const folded = error.closest("details");
  if (folded !== null && message !== "") {
    folded.open = true;
  }
}

function text(data: FormData, name: string): string {
  const value = data.get(name);
  return typeof value === "string" ? value.trim() : "";
}

/** The file that is chosen in a field. */
function chosen(data: FormData, name: string): File | undefined {
  const value = data.get(name);
  // Where none is, browsers give one without a name.
  return value instanceof File && value.name !== "" ? value : undefined;
}

function ledgerOf(data: FormData): LedgerSource | undefined {
  if (text(data, "ledger-kind") === "browser") {
    return { kind: "browser", database: text(data, "database") };
  }
  const file = chosen(data, "ledger");
  return file && { kind: "export", file };
}

/** What a table needs and neither a field nor the last line of the form says. */
function missingColumns(data: FormData): Wrong[] {
  const says = (...names: string[]): boolean =>
    names.some((name) => text(data, name) !== "" || new RegExp(`(^|,)\\s*${name}\\s*=`).test(text(data, "map")));
  const wrong: Wrong[] = [];
  if (!says("key", "invoice")) {
    wrong.push({ field: "column-key", message: "Name the column with the reference." });
  }
  if (!says("amount", "debit", "credit")) {
    wrong.push({ field: "column-amount", message: "Name the column with the amount." });
  }
  if (!says("date")) {
    wrong.push({ field: "column-date", message: "Name the column with the date." });
  }
  if (!says("currency", "fixed_currency")) {
    wrong.push({ field: "column-currency", message: "Name the column with the currency, or give one currency." });
  }
  return wrong;
}

function wrongOptions(data: FormData): Wrong[] {
  const wrong: Wrong[] = [];
  const [from, to] = [text(data, "from"), text(data, "to")];
  if (from !== "" && to !== "" && from >= to) {
    wrong.push({ field: "to", message: `The period must begin before it ends; it begins at ${from}.` });
  }
  for (const field of ["window_days", "tolerance_minor"] as const) {
    if (!/^\d{0,9}$/.test(text(data, field))) {
      wrong.push({ field, message: "Write a whole number, or nothing." });
    }
  }
  return wrong;
}

/** What the form says beside both sides; what is empty is left to the library. */
function optionsOf(data: FormData, source: Source): Omit<Job, "statement" | "source" | "ledger"> {
  const [keys, org, from, to] = [chosen(data, "keys"), text(data, "org_id"), text(data, "from"), text(data, "to")];
  const [tolerance, days] = [text(data, "tolerance_minor"), text(data, "window_days")];
  const names = source === "csv" ? COLUMN_FIELDS : ["key"];
  const map = mapText(
    names.map((name) => [name, text(data, name)] as const),
    text(data, "map"),
  );
  return {
    ...(map === "" ? {} : { map }),
    ...(keys === undefined ? {} : { keys }),
    ...(org === "" ? {} : { org_id: org }),
    ...(from === "" ? {} : { from }),
    ...(to === "" ? {} : { to }),
    ...(tolerance === "" ? {} : { tolerance_minor: Number(tolerance) }),
    ...(days === "" ? {} : { window_days: Number(days) }),
    propose: data.has("propose"),
  };
}
