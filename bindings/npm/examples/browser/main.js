/**
 * The refunds of one movement, kept in this browser. `npm install refund-ledger` in this folder, then serve
 * the folder with any web server.
 */
// Without a bundler a package is named by its path: an import map would be an inline script, which a strict
// content security policy forbids.
import { Ledger } from "./node_modules/refund-ledger/dist/index.js";
import { IndexedDbStore } from "./node_modules/refund-ledger/dist/indexeddb.js";

const scope = { org_id: "acme", subscription_id: "sub-7", movement_id: "mov-42" };
const tax = { type: "IVA", percentage: 21 };
const movement = {
  currency: "EUR",
  occurred_at: "2024-02-01T00:00:00Z",
  amount: { value_with_taxes: 121, tax },
  description: "February",
};

const element = (id) => document.getElementById(id);

/** Major units with as many decimals as the currency has. */
function money(value, currency) {
  const { maximumFractionDigits } = new Intl.NumberFormat("en", { style: "currency", currency }).resolvedOptions();
  return value.toLocaleString("en", { minimumFractionDigits: maximumFractionDigits });
}

async function showVerdict(ledger) {
  const { verdict, entries, movements, findings } = await ledger.verify();
  const told = element("verdict");
  told.dataset.verdict = verdict;
  const line = document.createElement("p");
  line.textContent =
    verdict === "valid"
      ? `Verified: valid, entries: ${entries}, movements: ${movements}`
      : `Verified: ${verdict}, do not trust what is shown; entries: ${entries}, movements: ${movements}`;
  const list = document.createElement("ul");
  for (const { org_id, subscription_id, movement_id, sequence, message } of findings) {
    const item = document.createElement("li");
    const place = [org_id, subscription_id, movement_id].filter((id) => id !== undefined).join(" / ");
    item.textContent = `${place || "the ledger"}${sequence === undefined ? "" : `, entry ${sequence}`}: ${message}`;
    list.append(item);
  }
  told.replaceChildren(line, ...(findings.length > 0 ? [list] : []));
}

async function showBalance(ledger) {
  const balance = await ledger.balance(scope);
  for (const side of ["amount", "refunded", "refundable"]) {
    element(side).textContent = `${money(balance[side].value_with_taxes, balance.currency)} ${balance.currency}`;
  }
}

async function showRefunds(ledger) {
  const rows = [];
  for await (const refund of ledger.refunds(scope)) {
    const [first] = await ledger.history(scope, refund.id);
    const { value_with_taxes, currency } = refund.amount;
    const row = element("refund").content.firstElementChild.cloneNode(true);
    [
      money(value_with_taxes, currency),
      currency,
      refund.refund_datetime.slice(0, 10),
      refund.external_refund_unique_id ?? "–",
      refund.id,
      first.actor,
    ].forEach((text, at) => {
      row.cells[at].textContent = text;
    });
    rows.push(row);
  }
  element("refunds").replaceChildren(...rows);
  element("none").hidden = rows.length > 0;
}

async function book(ledger, fields) {
  await ledger.with({ actor: fields.get("who") }).createRefund(scope, {
    refund_datetime: `${fields.get("date")}T00:00:00Z`,
    amount: { value_with_taxes: fields.get("amount"), tax },
    external_refund_unique_id: fields.get("external_id"),
    billable: false,
    description: "Days without service",
  });
}

/** Does something, and shows why where it can't be done. */
async function attempt(action) {
  const main = document.querySelector("main");
  const told = element("error");
  main.setAttribute("aria-busy", "true");
  told.textContent = "";
  try {
    await action();
  } catch (error) {
    told.textContent = `${error.code ?? error.name}: ${error.message}`;
  }
  main.setAttribute("aria-busy", "false");
}

await attempt(async () => {
  element("movement").textContent = `${movement.description}, ${Object.values(scope).join(" / ")}`;
  const ledger = await Ledger.open({ store: await IndexedDbStore.open() });
  // The same movement again is a replay.
  await ledger.recordMovement(scope, movement);
  const show = async () => {
    await showVerdict(ledger);
    await showBalance(ledger);
    await showRefunds(ledger);
  };
  element("book").addEventListener("submit", (event) => {
    event.preventDefault();
    const form = event.target;
    void attempt(async () => {
      await book(ledger, new FormData(form));
      form.reset();
      await show();
    });
  });
  await show();
});
