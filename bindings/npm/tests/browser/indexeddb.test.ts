import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import type { Page } from "playwright-core";

import { refundId } from "../support/rows.js";
import { Browser, caller } from "./browser.js";
import type { Standing, Way } from "./pages/indexeddb.js";

const call = caller<typeof import("./pages/indexeddb.js")>("/tests/browser/pages/indexeddb.js");

let browser: Browser;

before(async () => {
  browser = await Browser.start(fileURLToPath(new URL("../../", import.meta.url)));
});

after(() => browser.close());

/** A tab in which the movement of so many cents is recorded in an empty database. */
async function furnished(amount: number): Promise<Page> {
  await browser.clearData();
  const page = await browser.open();
  await call(page, "furnish", amount);
  return page;
}

function numbers(from: number, count: number): number[] {
  return Array.from({ length: count }, (_, at) => from + at);
}

/** Something to wait for that happens elsewhere. */
function signal(): { given: Promise<void>; give: () => void } {
  let give = (): void => {};
  const given = new Promise<void>((resolve) => {
    give = resolve;
  });
  return { given, give };
}

/** Two tabs create two hundred refunds of a movement that has room for one hundred. */
async function race(way: Way): Promise<{ created: number; standing: Standing }> {
  const tabs = [await furnished(10_000), await browser.open()] as const;
  // However slow the machine, the first write of each is of what it saw before the other's.
  let checking = tabs.length;
  const allHaveChecked = signal();
  for (const tab of tabs) {
    await tab.exposeFunction("allHaveChecked", () => {
      checking -= 1;
      if (checking === 0) {
        allHaveChecked.give();
      }
      return allHaveChecked.given;
    });
  }
  // Once both have loaded what they need, neither has a start.
  await Promise.all(tabs.map((tab) => call(tab, "read")));
  const created = await Promise.all(
    tabs.map((tab, at) => call(tab, "createAll", numbers(100 * at, 100), way)),
  );
  const standing = await call(tabs[0], "standing");
  await Promise.all(tabs.map((tab) => tab.close()));
  return { created: created.reduce((sum, count) => sum + count), standing };
}

test("two tabs that race on a movement never pass its amount", async () => {
  const { created, standing } = await race("sound");
  assert.equal(created, 100);
  assert.equal(standing.refunds.length, 100);
  assert.deepEqual(
    { ...standing, refunds: [] },
    { chainLength: 101, refundedByRow: 10_000, entries: 101, refunds: [], invalid: [] },
  );
});

test("the race catches a tab that checks first and writes later", async () => {
  const { created, standing } = await race("check, then write");
  assert.ok(created > 100, `${created} refunds were created where 100 have room`);
  assert.equal(standing.refunds.length, created);
});

/**
 * Kills the renderer in the middle of a stream of commits, again and again. Answers with the refunds that
 * were acknowledged and are not there.
 */
async function killed(way: Way, times: number): Promise<string[]> {
  await (await furnished(1_000_000_000)).close();
  const acknowledged = new Set<string>();
  for (let round = 0; round < times; round += 1) {
    const page = await browser.open();
    let rest = 1 + Math.floor(Math.random() * 12);
    const crashed = new Promise((resolve) => page.on("crash", resolve));
    const heard = signal();
    await page.exposeFunction("acknowledge", (number: number) => {
      acknowledged.add(refundId(number));
      rest -= 1;
      if (rest > 0) {
        return;
      }
      heard.give();
      // Who begins only when this is answered is killed before.
      return new Promise(() => {});
    });
    const streaming = call(page, "stream", round * 10_000, way);
    // It ends with an error in any case; one that comes before the kill is a failure.
    streaming.catch(() => {});
    await Promise.race([heard.given, streaming]);
    await browser.killRenderers();
    await crashed;
    await page.close();
  }
  const page = await browser.open();
  const { chainLength, refunds, entries, invalid, refundedByRow } = await call(page, "standing");
  assert.deepEqual(
    { chainLength, entries, refundedByRow, invalid },
    {
      chainLength: refunds.length + 1,
      entries: refunds.length + 1,
      refundedByRow: 100 * refunds.length,
      invalid: [],
    },
    "nothing is half written",
  );
  await page.close();
  const there = new Set(refunds);
  return [...acknowledged].filter((id) => !there.has(id));
}

test("no commit that had resolved is lost where its renderer is killed", async () => {
  assert.deepEqual(await killed("sound", 20), []);
});

test("the kills catch a page that acknowledges what it has yet to commit", async () => {
  // One that acknowledges between the last request and `complete` they can't catch: the process that keeps
  // the database has the commit in hand by then. That a commit waits for `complete` is tested in Node.
  const lost = await killed("tell, then begin", 5);
  assert.ok(lost.length > 0, "no refund was lost that was acknowledged too early");
});

test("a used-up quota fails the commit, says so, and writes nothing", async () => {
  // The limit comes first: for a while the browser goes by the room that it saw last.
  await browser.clearData();
  const page = await browser.open();
  await browser.withStorageLimit(5_000_000, async () => {
    await call(page, "furnish", 10_000);
    const { recorded, failure } = await call(page, "fill");
    const [kind, message] = failure;
    assert.equal(kind, "failed", message);
    assert.match(message, /quota for this site is used up, and nothing was written/);
    const { entries, invalid } = await call(page, "standing");
    assert.deepEqual({ entries, invalid }, { entries: recorded + 1, invalid: [] });
  });
  assert.equal(await call(page, "createAll", [1], "sound"), 1);
  await page.close();
});

test("a tab that makes no room blocks an upgrade, which then changes nothing", async () => {
  const page = await furnished(10_000);
  const holding = await browser.open();
  await call(holding, "hold");
  const upgrading = await browser.open();
  const [kind, message] = await call(upgrading, "upgrade", 500);
  assert.equal(kind, "busy", message);
  assert.match(message, /held open by another tab/);
  await holding.close();
  assert.deepEqual(await call(upgrading, "open"), [null, ""]);
  await Promise.all([page.close(), upgrading.close()]);
});

test("a store makes room for the upgrade of another tab, and says so", async () => {
  const page = await furnished(10_000);
  const upgrading = await browser.open();
  assert.deepEqual(await call(upgrading, "upgrade", 10_000), [null, ""]);
  const [kind, message] = await call(page, "read");
  assert.equal(kind, "unavailable", message);
  assert.match(message, /another tab upgrades or deletes/);
  const [refusal, why] = await call(upgrading, "open");
  assert.equal(refusal, "unsupported", why);
  await Promise.all([page.close(), upgrading.close()]);
});

test("site data that is cleared while a store is open ends it with an error", async () => {
  const page = await furnished(1_000_000_000);
  const heard = signal();
  await page.exposeFunction("acknowledge", heard.give);
  const failure = call(page, "createUntilFailure");
  await Promise.race([heard.given, failure]);
  await browser.clearData();
  const [first, message] = await failure;
  assert.match(String(first), /^(unavailable|failed|outcome_unknown)$/, message);
  const [kind, why] = await call(page, "read");
  assert.equal(kind, "unavailable", why);
  await call(page, "reopen");
  assert.equal((await call(page, "standing")).entries, 0);
  await page.close();
});

test("the pages run under a strict content security policy", async () => {
  const page = await browser.open();
  assert.equal(await call(page, "evaluates"), false);
  await page.close();
});
