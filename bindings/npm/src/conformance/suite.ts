/** The cases of the suite, and how one runs. @module */
import { free } from "../errors.js";
import { answer, type Need } from "../session.js";
import type { MaybePromise, RefundStore } from "../store.js";
import type { WasmSource } from "../wasm-source.js";
import { CaseRun, caseNames } from "../wasm/conformance.js";
import { OWN_CASES } from "./cases.js";
import { suiteModule } from "./module.js";

/** One fresh, empty store, for one case. */
export interface StoreFixture {
  /**
   * A handle on the fixture's store. Further calls give further handles on the same data, as two tabs
   * or processes would have, also once every earlier handle was closed.
   */
  handle(): MaybePromise<RefundStore>;
  /** Takes the store away. */
  close?(): MaybePromise<void>;
}

/** One thing that is expected of every store. */
export interface StoreCase {
  /** What it is about and what is expected, such as `commit::applies_all_of_a_batch_or_nothing`. */
  name: string;
  /** Runs the case on a fixture that it makes. Rejects with what was expected and what was found. */
  run(this: void, open: () => MaybePromise<StoreFixture>): Promise<void>;
}

/** Cases that need threads or panics, or would be repeated too often; those of our own in their place. */
export const REPLACED: Readonly<Record<string, string>> = {
  "transact::survives_a_decision_that_panics": "transact::survives_a_decision_that_throws",
  "transact::survives_a_visitor_that_panics": "scan::survives_a_visitor_that_throws",
  "transact::loses_nothing_of_two_racing_handles": "race::never_passes_the_cap",
  "transact::loses_nothing_of_two_threads_on_one_handle": "race::never_passes_the_cap_on_one_handle",
  "transact::never_passes_the_cap_in_a_race": "race::never_passes_the_cap",
  "transact::books_an_external_id_once_in_a_race": "race::books_an_external_id_once",
  "limits::takes_a_batch_of_eight_thousand_commands": "limits::takes_a_batch_of_thousands",
  "commit::lets_one_of_two_racing_batches_win": "race::never_passes_the_cap",
  "load::gives_one_consistent_view_while_others_write": "race::reads_one_view_while_others_write",
  "scan::gives_one_consistent_view_while_others_write": "race::reads_one_view_while_others_write",
  "list::pages_steadily_while_others_insert": "race::pages_steadily_while_others_write",
  "journal::never_misses_an_entry_while_others_write": "race::pages_steadily_while_others_write",
  "hostile::loses_nothing_without_transact": "race::never_passes_the_cap",
  "hostile::loses_nothing_where_one_of_two_lacks_transact": "race::never_passes_the_cap",
};

/** Every case. `wasm` is the suite's own module, where it can't be loaded from beside the scripts. */
export async function storeCases(options: { wasm?: WasmSource } = {}): Promise<StoreCase[]> {
  await suiteModule.load(options.wasm);
  const shared = caseNames().map((name, number): StoreCase => ({ name, run: (open) => runShared(name, number, open) }));
  return [...shared.filter(({ name }) => !(name in REPLACED)), ...OWN_CASES];
}

async function runShared(name: string, number: number, open: () => MaybePromise<StoreFixture>): Promise<void> {
  const fixture = await open();
  const handles: RefundStore[] = [];
  const run = new CaseRun(number);
  try {
    while (!run.run()) {
      const at = run.handle();
      const store = (handles[at] ??= await fixture.handle());
      await answer(JSON.parse(run.need()) as Need, run, store);
    }
    const failure = run.failure();
    if (failure !== undefined) {
      throw new Error(`the store fails \`${name}\`: ${failure}`);
    }
  } finally {
    free(run);
    for (const handle of handles) {
      await handle.close?.();
    }
    await fixture.close?.();
  }
}
