/** The page: a form, then the work, then the report. @module */
import { acceptDrops } from "./drop.js";
import { element } from "./element.js";
import { Form } from "./form.js";
import type { Failed, Job, Outcome } from "./messages.js";
import { keepForOffline } from "./offline.js";
import { Report } from "./report.js";
import { run } from "./run.js";
import { Working } from "./working.js";

const TITLE = document.title;

const form = new Form();
const working = new Working(cancel);
const report = new Report(ask);
let stop: (() => void) | undefined;

/** What is seen: the form, the work, or the report. */
function show(state: "asking" | "working" | "done"): void {
  document.body.dataset["state"] = state;
  element("about").hidden = state === "done";
  form.element.hidden = state !== "asking";
  working.element.hidden = state !== "working";
  report.show(state === "done");
}

function say(text: string): void {
  element("live").textContent = text;
}

function start(job: Job): void {
  show("working");
  working.begin();
  stop = run(job, {
    progress: (progress) => working.progress(progress, say),
    done: (outcome) => finish(job, outcome),
    failed: refuse,
  });
}

function cancel(): void {
  stop?.();
  ask();
  say("Cancelled. Nothing was kept.");
}

function finish(job: Job, outcome: Outcome): void {
  const verdict = report.take(job, outcome);
  show("done");
  document.title = `${verdict} – ${TITLE}`;
  say(`Done. ${verdict}`);
  element("title").focus();
}

function refuse(failed: Failed): void {
  show("asking");
  say("");
  form.refuse([failed]);
}

/** Back to the form, as it was filled in. */
function ask(): void {
  document.title = TITLE;
  say("");
  show("asking");
  form.focus();
}

form.onSubmit(start);
acceptDrops((field, message) => form.refuseFile(field, message));
keepForOffline();
