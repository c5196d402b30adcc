
"use strict";
(() => {
  const tables = [...document.querySelectorAll("table.list")];
  const rows = tables.flatMap((table) => [...table.tBodies[0].rows]);
  const words = new Intl.Collator("en", { numeric: true });

  // What a cell is sorted by: null where there is nothing.
  const value = (cell, sort) => {
    const exact = cell.querySelector("data, time");
    if (sort === "number") return exact ? BigInt(exact.value) : null;
    if (exact) return exact.dateTime.replace("Z", "");
    const text = cell.textContent.trim();
    return text === "" ? null : text;
  };

  const compare = (one, other) =>
    typeof one === "bigint" ? (one < other ? -1 : one > other ? 1 : 0) : words.compare(one, other);

  const sortBy = (table, header) => {
    const falls = header.getAttribute("aria-sort") === "ascending";
    const column = header.cellIndex;
    const body = table.tBodies[0];
    const keyed = [...body.rows].map((row) => [value(row.cells[column], header.dataset.sort), row]);
    keyed.sort(([one], [other]) => {
      // What is missing stays at the end.
      if (one === null || other === null) return (one === null) - (other === null);
      return falls ? compare(other, one) : compare(one, other);
    });
    for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
    header.setAttribute("aria-sort", falls ? "descending" : "ascending");
    body.append(...keyed.map(([, row]) => row));
  };

  for (const table of tables) {
    for (const header of table.tHead.rows[0].cells) {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = header.textContent;
      button.addEventListener("click", () => sortBy(table, header));
      header.replaceChildren(button);
    }
  }

  const find = document.getElementById("find");
  if (!find) return;
  const query = document.getElementById("query");
  const found = document.getElementById("found");
  let texts = null;

  // Amounts are found with and without the commas between their digits.
  const textOf = (row) => {
    const text = [...row.cells].map((cell) => cell.textContent).join("\n");
    const plain = text.replaceAll("\u00a0", " ").toLowerCase();
    return plain + "\n" + plain.replaceAll(",", "");
  };

  const search = () => {
    const wanted = query.value.trim().toLowerCase();
    texts ??= rows.map(textOf);
    let count = 0;
    rows.forEach((row, at) => {
      row.hidden = !texts[at].includes(wanted);
      if (!row.hidden) count += 1;
    });
    for (const table of tables) {
      table.closest("section").hidden = ![...table.tBodies[0].rows].some((row) => !row.hidden);
    }
    found.textContent = wanted === "" ? "" : `${count} of ${rows.length} rows listed here`;
  };

  let waiting = 0;
  query.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(search, 150);
  });
  // A link to a list that the search hides shows all again.
  addEventListener("hashchange", () => {
    const target = document.getElementById(location.hash.slice(1));
    if (!target?.closest("section[hidden]")) return;
    query.value = "";
    search();
    target.scrollIntoView();
  });
  find.hidden = false;
})();
