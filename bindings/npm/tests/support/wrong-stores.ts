/** Stores with a planted bug, each around one that is right; the suite must catch every one of them. @module */
import type { RefundStore } from "../../src/store.js";

/** A store as it is, but for `transact`, which nobody has to have. */
class Wrapped implements RefundStore {
  constructor(protected readonly store: RefundStore) {}

  load(...asked: Parameters<RefundStore["load"]>) {
    return this.store.load(...asked);
  }

  commit(...asked: Parameters<RefundStore["commit"]>) {
    return this.store.commit(...asked);
  }

  listRefunds(...asked: Parameters<RefundStore["listRefunds"]>) {
    return this.store.listRefunds(...asked);
  }

  journal(...asked: Parameters<RefundStore["journal"]>) {
    return this.store.journal(...asked);
  }

  scan(...asked: Parameters<RefundStore["scan"]>) {
    return this.store.scan(...asked);
  }

  close() {
    return this.store.close?.();
  }
}

class IgnoringPreconditions extends Wrapped {
  override commit(batch: Parameters<RefundStore["commit"]>[0]) {
    return super.commit({ ...batch, preconditions: [] });
  }
}

class LettingRacesPass extends Wrapped {
  async transact(...[wanted, decide]: Parameters<NonNullable<RefundStore["transact"]>>): Promise<void> {
    const batch = decide(await this.load(wanted));
    await Promise.resolve();
    if (batch !== null) {
      await this.commit({ ...batch, preconditions: [] });
    }
  }
}

class ForgettingErasures extends Wrapped {
  override commit(batch: Parameters<RefundStore["commit"]>[0]) {
    return super.commit({ ...batch, erasures: [] });
  }
}

class ScanningOn extends Wrapped {
  override scan(...[range, visit]: Parameters<RefundStore["scan"]>) {
    return super.scan(range, (row) => visit(row) || true);
  }
}

/** What is wrong, the case that catches it, and what that case then says. */
export const WRONG_STORES = {
  "a store that ignores preconditions": {
    plant: (store: RefundStore): RefundStore => new IgnoringPreconditions(store),
    caughtBy: "commit::conflicts_on_another_version_of_a_movement",
    says: /the movement's chain has 2 entries and 1 were expected/,
  },
  "a store that lets a race pass the cap": {
    plant: (store: RefundStore): RefundStore => new LettingRacesPass(store),
    caughtBy: "race::never_passes_the_cap_on_one_handle",
    // A store that has one entry for a sequence stops the racers before they pass the cap.
    says: /of 24 refunds fit|a racer is refused for the cap alone, not with `store_corrupted`/,
  },
  "a store that forgets erasures": {
    plant: (store: RefundStore): RefundStore => new ForgettingErasures(store),
    caughtBy: "erasure::blanks_all_texts_of_a_refund_and_no_others",
    says: /the texts of refund `a1` were erased/,
  },
  "a store that scans on": {
    plant: (store: RefundStore): RefundStore => new ScanningOn(store),
    caughtBy: "scan::stops_where_the_visitor_answers_false",
    says: /a scan stops after 1 visits, not 4/,
  },
};

export type Wrong = keyof typeof WRONG_STORES;
