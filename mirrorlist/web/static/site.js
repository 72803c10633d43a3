// Sorts and filters the table of mirrors in place. Without it the form and the headings ask the service for the same.
"use strict";
(function () {
  const table = document.getElementById("mirrors");
  const form = document.getElementById("filters");
  if (!table || !form) return;
  const body = table.tBodies[0];
  const rows = Array.from(body.rows);
  const count = document.getElementById("count");
  const none = document.getElementById("none");
  const total = count.textContent.split(" of ")[1];
  const falling = new Set(["speed", "fresh", "since"]);
  const text = (row, at) => row.cells[at].textContent.trim();
  const share = (row, at) => { const [a, b] = text(row, at).split("/"); return b ? a / b : -1; };
  const worth = { // the value of a cell by which its column is sorted
    state: (row) => Array.from(form.elements.state.options).findIndex((each) => row.cells[0].classList.contains(each.value)),
    name: (row) => text(row, 1), sponsor: (row) => text(row, 2).toLowerCase(),
    place: (row) => text(row, 3).replace(/^\P{L}+/u, "") || "\uffff",
    speed: (row) => Number(row.cells[7].dataset.v), fresh: (row) => share(row, 9), since: (row) => text(row, 10),
  };
  const compare = (a, b) => (typeof a === "number" ? a - b : a.localeCompare(b, "en"));

  const search = document.createElement("label");
  search.textContent = "Search ";
  const words = document.createElement("input");
  words.type = "search";
  words.placeholder = "name, sponsor, city";
  search.append(words);
  form.prepend(search);
  form.querySelector("button").hidden = true;

  function fits(row) {
    const chosen = (name) => (form.elements[name] ? form.elements[name].value : "");
    const country = form.elements.country.selectedOptions[0];
    const has = (at, word) => !word || text(row, at).split(/\s+/).includes(word);
    return (!country.value || text(row, 3).includes(country.text))
      && has(5, chosen("protocol")) && has(8, chosen("module"))
      && (!chosen("state") || row.cells[0].classList.contains(chosen("state")))
      && row.textContent.toLowerCase().includes(words.value.trim().toLowerCase());
  }
  function filter() {
    let shown = 0;
    for (const row of rows) { row.hidden = !fits(row); shown += !row.hidden; }
    count.textContent = shown + " of " + total;
    none.hidden = shown > 0;
  }
  function sort(key, heading) {
    const again = heading.ariaSort;
    const down = again ? again === "ascending" : falling.has(key);
    for (const each of table.tHead.rows[0].cells) each.removeAttribute("aria-sort");
    heading.setAttribute("aria-sort", down ? "descending" : "ascending");
    const keyed = rows.map((row) => [worth[key](row), row]);
    keyed.sort((a, b) => (down ? -1 : 1) * compare(a[0], b[0]) || compare(text(a[1], 1), text(b[1], 1)));
    body.append(...keyed.map((each) => each[1]));
  }
  const asked = new URLSearchParams(location.search);
  // What the service left out by a filter is not in the table: choosing something else asks it again.
  const partial = ["country", "protocol", "module", "state"].some((name) => asked.get(name)) || location.pathname !== "/";
  form.addEventListener("change", (event) => {
    if (partial && event.target !== words) form.requestSubmit(); else filter();
  });
  words.addEventListener("input", filter);
  form.addEventListener("submit", (event) => { if (!partial) { event.preventDefault(); filter(); } });
  table.tHead.addEventListener("click", (event) => {
    const link = event.target.closest("a");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    sort(new URL(link.href).searchParams.get("sort"), link.closest("th"));
  });
})();
