
"use strict";
(() => {
  const STEP = 100;
  const body = document.getElementById("rows");
  if (!body) return;
  const [search, owner, order, status, more] =
    ["search", "owner", "order", "status", "more"].map((id) => document.getElementById(id));
  const headings = [...document.querySelectorAll("#list th[data-key]")];
  const plain = (text) => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
  const number = (text) => (text === "" ? -Infinity : Number(text));
  const collator = new Intl.Collator(undefined, { numeric: true, sensitivity: "base" });

  const rows = [...body.rows].map((row) => ({
    row,
    rank: Number(row.dataset.rank),
    stake: number(row.dataset.stake),
    risk: number(row.dataset.risk),
    days: number(row.dataset.days),
    name: row.dataset.name,
    owner: row.dataset.owner,
    text: plain(row.textContent),
  }));
  let key = "rank", direction = 1, most = STEP, found = rows;

  const compared = (one, other) =>
    direction * (key === "name" ? collator.compare(one.name, other.name)
      : Math.sign(one[key] - other[key]) || 0) || one.rank - other.rank;

  function show(count) {
    body.replaceChildren(...found.slice(0, count).map((one) => one.row));
  }

  function tell() {
    const shown = Math.min(most, found.length), count = (n) => n.toLocaleString("en");
    const customers = found.length === 1 ? "customer" : "customers";
    const kind = found.length < rows.length ? `${customers} found` : customers;
    status.textContent = shown < found.length
      ? `${count(shown)} of ${count(found.length)} ${kind}`
      : found.length ? `${count(found.length)} ${kind}` : "Nobody found";
    more.hidden = shown >= found.length;
    more.textContent = `Show ${count(Math.min(STEP, found.length - shown))} more`;
  }

  function update() {
    const words = plain(search.value).split(/\s+/).filter(Boolean);
    const whose = owner ? owner.value : "";
    found = rows
      .filter((one) => (!whose || one.owner === whose) && words.every((word) => one.text.includes(word)))
      .sort(compared);
    show(most);
    tell();
  }

  function sort(by, towards) {
    key = by;
    direction = towards;
    most = STEP;
    for (const heading of headings) {
      if (heading.dataset.key === by) heading.setAttribute("aria-sort", towards > 0 ? "ascending" : "descending");
      else heading.removeAttribute("aria-sort");
    }
    const same = [...order.options].find((option) => option.value === `${by} ${towards}`);
    if (same) same.selected = true;
    else order.selectedIndex = -1;
    update();
  }

  for (const heading of headings) {
    const button = heading.querySelector("button");
    button.addEventListener("click", () => {
      const again = heading.dataset.key === key;
      sort(heading.dataset.key, again ? -direction : Number(button.dataset.first));
    });
  }
  search.addEventListener("input", () => { most = STEP; update(); });
  if (owner) owner.addEventListener("change", () => { most = STEP; update(); });
  order.addEventListener("change", () => {
    const [by, towards] = order.value.split(" ");
    sort(by, Number(towards));
  });
  more.addEventListener("click", () => {
    const next = Math.min(most, found.length);
    most += STEP;
    show(most);
    tell();
    const first = found[next].row;
    first.tabIndex = -1;
    first.focus({ preventScroll: true });
  });
  const controls = document.getElementById("controls");
  controls.addEventListener("submit", (event) => event.preventDefault());
  addEventListener("beforeprint", () => show(found.length));
  addEventListener("afterprint", () => show(most));

  controls.hidden = false;
  update();
  body.removeAttribute("data-waiting");
})();
