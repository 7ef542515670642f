"use strict";
(() => {
  const STEP = 100;
  const body = document.getElementById("rows");
  if (!body) return;
  const readJson = (id) => JSON.parse(document.getElementById(id).textContent);
  const words = readJson("words"), { texts, rows: known } = readJson("known");
  const [search, order, status, more, controls] =
    ["search", "order", "status", "more", "controls"].map((id) => document.getElementById(id));
  const headings = [...document.querySelectorAll("#list th[data-key]")];
  const lanes = [...document.querySelectorAll("#lanes button")];
  const filters = [...document.querySelectorAll("select[data-filter]")];

  /* Words and numbers in the page's language */
  const plain = (text) => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
  const collator = new Intl.Collator(document.documentElement.lang, { numeric: true, sensitivity: "base" });
  const counted = new Intl.NumberFormat(document.documentElement.lang,
    { numberingSystem: words.digits === "0" ? "latn" : "beng" });
  const count = (n) => counted.format(n);
  const fill = (text, values) => text.replace(/\{(\w+)\}/g, (_, name) => values[name]);
  const text = (place) => (place === null ? null : texts[place]);

  /* Elements; nothing is ever read as markup */
  function made(tag, content, name) {
    const one = document.createElement(tag);
    if (name) one.className = name;
    one.append(...[content ?? []].flat());
    return one;
  }
  const own = (content) => made("bdi", content);

  /* What is sorted, searched and filtered by */
  const number = (value) => (value === null ? -Infinity : value);
  const rows = [...body.rows].map((row, place) => ({
    row, place, opened: null, dressed: false,
    rank: known.rank[place],
    due: known.due[place] ?? Infinity,
    stake: number(known.stake[place]),
    gain: number(known.net_gain[place]),
    risk: number(known.risk[place]),
    days: number(known.days[place]),
    due: known.due[place] ?? Infinity,
    name: row.querySelector("strong").textContent,
    text: plain(row.textContent),
  }));
  let key = "rank", direction = 1, lane = "", most = STEP, found = rows, byName = null;

  function inOrderOfName() {  /* once: comparing names is what takes time */
    if (!byName) {
      byName = [...rows].sort((one, other) => collator.compare(one.name, other.name) || one.rank - other.rank);
      byName.forEach((one, place) => { one.alphabetical = place; });
    }
    return "alphabetical";
  }

  function chosen(one) {
    if (lane && known.lane[one.place] !== lane) return false;
    return filters.every(({ value, dataset }) => {
      const has = known[dataset.filter][one.place];
      return !value || (Array.isArray(has) ? has.includes(Number(value)) : String(has) === value);
    });
  }

  /* A customer opens */
  function part(name, title, ...content) {
    const section = made("section", made("h3", title), name);
    section.append(...content);
    return section;
  }

  const some = (list) => (list.childElementCount ? list : made("p", words.nothing, "quiet"));

  function pairs(name, title, of, place) {  /* terms and what is known of them */
    const list = made("dl");
    for (const term of of) {
      const what = text(known[term][place]);
      if (what) list.append(made("dt", words[term]), made("dd", own(what)));
    }
    return part(name, title, some(list));
  }

  const beside = (place) => pairs("todo-in-full", words.todo, ["otherwise", "said"], place);
  const figures = (place) => pairs("figures-in-full", words.figures, ["gain", "expected", "silent", "bought"], place);

  function timeline(place) {
    const events = known.timeline[place], list = made("ol", null, "timeline");
    for (let at = 0; at < events.length; at += 3) {
      const [day, what, tone] = [text(events[at]), text(events[at + 1]), events[at + 2]];
      const line = made("li", [made("small", own(day)), " ", own(what)]);
      if (words[tone]) line.append(" ", made("span", words[tone], `tone ${tone}`));
      list.append(line);
    }
    return part("happened", words.timeline, some(list));
  }

  function svgElement(tag, attributes) {
    const one = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(attributes)) one.setAttribute(name, value);
    return one;
  }

  function history(place) {
    const flat = known.history[place], points = [];
    for (let at = 0; at < flat.length; at += 3) {
      points.push({ date: text(flat[at]), percent: text(flat[at + 1]), share: flat[at + 2] });
    }
    if (!points.length) return null;
    const x = (at) => (points.length > 1 ? 6 + (228 * at) / (points.length - 1) : 120);
    const y = (share) => 66 - 0.6 * share;
    const said = points.map((one) => fill(words.point, one));
    const picture = svgElement("svg", { viewBox: "0 0 240 72", role: "img", "aria-label": said.join("; ") });
    picture.append(svgElement("path", { d: "M0 66H240M0 6H240", class: "axis" }),
      svgElement("polyline", { points: points.map((one, at) => `${x(at)},${y(one.share)}`).join(" ") }),
      ...points.map((one, at) => svgElement("circle", { cx: x(at), cy: y(one.share), r: 3 })));
    const ends = points.length > 1 ? [points[0], points[points.length - 1]] : points;
    const under = ends.map((one) => made("small", [own(one.date), " ", own(one.percent)]));
    return part("risk-so-far", words.history, picture, made("p", under, "ends"));
  }

  function details(one) {
    const parts = [beside, figures, timeline, history].map((of) => of(one.place));
    const cell = made("td", made("div", parts.filter(Boolean), "parts"));
    const row = made("tr", cell, "details");
    row.id = `opened-${one.place}`;
    row.setAttribute("role", "row");
    cell.setAttribute("role", "cell");
    cell.colSpan = headings.length + 2;
    row.addEventListener("keydown", (event) => { if (event.key === "Escape") close(one); });
    return row;
  }

  function open(one) {
    one.opened = details(one);
    one.row.after(one.opened);
    one.button.setAttribute("aria-expanded", "true");
  }

  function close(one) {
    if (!one.opened) return;
    one.opened.remove();
    one.opened = null;
    one.button.setAttribute("aria-expanded", "false");
    one.button.focus();
  }

  function dress(one) {  /* a name becomes a button when it is first shown */
    if (one.dressed) return one;
    const name = one.row.querySelector("strong");
    one.button = made("button", [...name.childNodes]);
    one.button.type = "button";
    one.button.setAttribute("aria-expanded", "false");
    one.button.setAttribute("aria-controls", `opened-${one.place}`);
    one.button.addEventListener("click", () => (one.opened ? close(one) : open(one)));
    one.row.addEventListener("keydown", (event) => { if (event.key === "Escape") close(one); });
    name.append(one.button);
    one.dressed = true;
    return one;
  }

  /* The list */
  function show(many) {
    const shown = found.slice(0, many).map(dress);
    body.replaceChildren(...shown.flatMap((one) => (one.opened ? [one.row, one.opened] : [one.row])));
  }

  function showStatus() {
    const shown = Math.min(most, found.length);
    const kind = !found.length ? "nobody" : shown < found.length ? "shown" : found.length < rows.length ? "found" : "all";
    status.textContent = fill(words[kind], { shown: count(shown), found: count(found.length) });
    more.hidden = shown >= found.length;
    more.textContent = fill(words.more, { n: count(Math.min(STEP, found.length - shown)) });
  }

  function update() {
    const wanted = plain(search.value).split(/\s+/).filter(Boolean);
    const by = key === "name" ? inOrderOfName() : key;
    most = STEP;
    found = rows
      .filter((one) => chosen(one) && wanted.every((word) => one.text.includes(word)))
      .sort((one, other) => direction * (Math.sign(one[by] - other[by]) || 0) || one.rank - other.rank);
    show(most);
    showStatus();
  }

  function sort(by, towards) {
    key = by;
    direction = towards;
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
  for (const button of lanes) {
    button.addEventListener("click", () => {
      lane = button.dataset.lane;
      for (const one of lanes) one.setAttribute("aria-pressed", String(one === button));
      update();
    });
  }
  for (const filter of filters) filter.addEventListener("change", update);
  search.addEventListener("input", update);
  order.addEventListener("change", () => {
    const [by, towards] = order.value.split(" ");
    sort(by, Number(towards));
  });
  more.addEventListener("click", () => {
    const next = most;
    most += STEP;
    show(most);
    showStatus();
    found[next].button.focus({ preventScroll: true });
  });
  controls.addEventListener("submit", (event) => event.preventDefault());
  addEventListener("beforeprint", () => show(found.length));
  addEventListener("afterprint", () => show(most));

  if (matchMedia("(max-width: 52rem)").matches) {  /* the first customer is on the first screen */
    for (const one of document.querySelectorAll(".notes, .finder")) one.open = false;
  }
  controls.hidden = false;
  update();
  body.removeAttribute("data-waiting");
})();
