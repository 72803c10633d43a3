// Makes pages handier: filters at once, searches while one types, copies lines. Pages are complete without it.
"use strict";
(function () {
  const form = document.getElementById("filters");
  const table = document.getElementById("mirrors");
  if (form && table) {
    form.querySelector("button").hidden = true;
    form.addEventListener("change", (event) => { if (event.target.type !== "search") form.requestSubmit(); });
    form.addEventListener("submit", () => { // what asks for nothing needs no place in the address
      for (const each of form.elements) if (each.name) each.disabled = !each.value || (each.name === "sort" && each.value === "place");
    });
    const words = form.elements.q;
    window.addEventListener("pageshow", (event) => { // after Back the form says again what the page shows
      const typed = event.persisted ? words.value : null;
      for (const each of form.elements) each.disabled = false;
      form.reset();
      if (typed !== null) words.value = typed;
    });
    const asked = words.value; // what the service left out for it is not in the table
    const count = document.getElementById("count");
    const total = count.textContent.split(" ").pop();
    const other = { "\u00df": "ss", "\u00e6": "ae", "\u0153": "oe", "\u00f8": "o", "\u0142": "l", "\u0111": "d", "\u00f0": "d", "\u00fe": "th", "\u0131": "i" };
    const fold = (text) => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase()
      .replace(/[\u00df\u00e6\u0153\u00f8\u0142\u0111\u00f0\u00fe\u0131]/g, (letter) => other[letter]).replace(/[^\p{L}\p{N}]+/gu, " ").trim();
    const countries = {};
    for (const each of form.elements.country.options) countries[each.value] = each.text;
    const rows = Array.from(table.querySelectorAll("tr[data-c]"), (row) => {
      const code = row.dataset.c;
      const texts = [1, 2, 3].map((at) => row.cells[at].textContent);
      return [row, ` ${fold([...texts, code && countries[code], code].join(" "))} `];
    });
    const fits = (text, word) => !/^[a-z0-9]+$/.test(word) ? text.includes(word)
      : text.includes(word.length < 3 ? ` ${word} ` : ` ${word}`);
    const search = () => {
      const wanted = fold(words.value).split(" ").filter(Boolean);
      let shown = 0;
      for (const [row, text] of rows) {
        row.hidden = !wanted.every((word) => fits(text, word));
        shown += !row.hidden;
      }
      let continent = null;
      for (const body of table.tBodies) {
        const found = !!body.querySelector("tr[data-c]:not([hidden])");
        if (body.className === "continent") { continent = body; continent.hidden = true; } else {
          body.hidden = !found;
          if (found && continent) continent.hidden = false;
        }
      }
      table.classList.toggle("found", wanted.length > 0);
      count.textContent = count.textContent.replace(/^\d+/, shown);
      document.getElementById("none").hidden = shown > 0;
      const address = new URL(location.href);
      if (wanted.length) address.searchParams.set("q", words.value); else address.searchParams.delete("q");
      history.replaceState(null, "", address);
    };
    words.addEventListener("input", () => { if (!asked) search(); });
    words.addEventListener("change", () => { if (asked && words.value !== asked) form.requestSubmit(); });
  }
  // A language that somebody chose goes on to the next page, and another one keeps what this page shows.
  const pages = /^\/((yours|status|stats|join|prober|isos|kitten)\/?|mirrors\/[^/]+(\/stats)?)?$/;
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[href]");
    if (!link) return;
    const here = new URLSearchParams(location.search), to = new URL(link.getAttribute("href"), location.href);
    if (link.hreflang) { here.set("lang", link.hreflang); to.search = here; }
    else if (here.has("lang") && to.origin === location.origin && pages.test(to.pathname)) to.searchParams.set("lang", here.get("lang"));
    else return;
    link.setAttribute("href", to);
  });
  document.addEventListener("submit", (event) => {
    const lang = new URLSearchParams(location.search).get("lang");
    if (lang && !event.target.elements.lang) event.target.append(Object.assign(document.createElement("input"), { type: "hidden", name: "lang", value: lang }));
  });
  if (navigator.clipboard) {
    for (const each of document.querySelectorAll(".snippet")) {
      const copy = document.createElement("button");
      copy.type = "button";
      copy.className = "copy";
      copy.textContent = document.documentElement.dataset.copy;
      copy.addEventListener("click", () => navigator.clipboard.writeText(each.querySelector("pre").textContent)
        .then(() => { copy.textContent = "\u2713"; setTimeout(() => { copy.textContent = document.documentElement.dataset.copy; }, 2000); }));
      each.querySelector("figcaption").append(copy);
    }
  }
})();
