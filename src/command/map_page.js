"use strict";
// Draws the heap: a cell is a unit. snapshot.hpp describes the data.
window.addEventListener("error", (event) => { document.documentElement.dataset.error = event.message; });

const data = JSON.parse(document.getElementById("data").textContent);
const bins = data.sizes.length;  // codes from here on are free units
const classes = 41;              // bins from here on are runs
const freeUnits = [
  ["kept", "kept for reuse"], ["dirty", "free, not returned yet"], ["aged", "free, soon to be returned"],
  ["clean", "free, returned"], ["fresh", "never used"]];
const steps = 8;                 // shades of a colour
const at = (id) => document.getElementById(id);
const scroll = at("scroll"), canvas = at("map"), paper = canvas.getContext("2d");
const state = { now: 0, cell: 8, columns: 1, cursor: -1, only: -1, shades: [], colours: {} };

function size(bytes) {
  if (bytes < 0) return "−" + size(-bytes);
  const names = ["B", "KiB", "MiB", "GiB", "TiB"];
  let name = 0;
  for (; bytes >= 1024 && name < 4; ++name) bytes /= 1024;
  const digits = bytes < 10 ? 2 : bytes < 100 ? 1 : 0;
  return Number(bytes.toFixed(name === 0 ? 0 : digits)) + " " + names[name];
}
const number = (value) => value.toLocaleString("en");
const hex = (value) => "0x" + value.toString(16);
const nameOf = (code) => code >= bins ? freeUnits[code - bins][1] : code === 0 ? "runs > 2 MiB" :
  code >= classes ? "runs of " + size(data.sizes[code]) : size(data.sizes[code]);

// ------------------------------------------------------------------------ data

// Arrays with an entry for each unit of a snapshot.
function unpack(snapshot) {
  if (snapshot.units) return snapshot.units;
  const n = snapshot.heaps.reduce((sum, heap) => sum + heap.units, 0);
  const units = { n, code: new Uint8Array(n), used: new Uint32Array(n), resident: new Uint32Array(n),
                  length: new Uint32Array(n), heaps: [] };
  let next = 0;
  for (const heap of snapshot.heaps) {
    units.heaps.push({ address: heap.address, first: next, units: heap.units, top: 0 });
    for (let i = 0; i < heap.cells.length; i += 5) {
      const [count, code, used, resident, length] = heap.cells.slice(i, i + 5);
      units.code.fill(code, next, next + count);
      units.used.fill(used, next, next + count);
      units.resident.fill(resident, next, next + count);
      units.length.fill(length, next, next + count);
      next += count;
    }
  }
  return snapshot.units = units;
}
const snapshot = () => data.snapshots[state.now];
const units = () => unpack(snapshot());
function heapOf(unit) {
  const heaps = units().heaps;
  let low = 0;
  for (let high = heaps.length - 1; low < high;) {
    const middle = (low + high + 1) >> 1;
    if (heaps[middle].first <= unit) low = middle; else high = middle - 1;
  }
  return heaps[low];
}

// ---------------------------------------------------------------------- colours

function rgb(colour) {
  paper.fillStyle = "#000";
  paper.fillStyle = colour;
  return [1, 3, 5].map((i) => parseInt(paper.fillStyle.slice(i, i + 2), 16));
}
function hue(code) {
  if (code === 0) return [320, 60];
  if (code >= classes) return [265 + (code - classes) / (bins - classes) * 50, 60];
  return [228 - (code - 1) / (classes - 2) * 222, 78];
}
// From nothing in use to full, for each code.
function mixColours() {
  const style = getComputedStyle(document.documentElement);
  for (const name of ["back", "empty", "text", "focus", "weak", "live"].concat(freeUnits.map((each) => each[0])))
    state.colours[name] = style.getPropertyValue("--" + name).trim();
  const dark = matchMedia("(prefers-color-scheme: dark)").matches;
  const empty = rgb(state.colours.empty);
  const shades = (full) => Array.from({ length: steps + 1 }, (_, i) => {
    const share = i === 0 ? 0.12 : 0.25 + 0.75 * i / steps;
    return "rgb(" + empty.map((from, j) => Math.round(from + (full[j] - from) * share)).join() + ")";
  });
  state.shades = Array.from({ length: bins }, (_, code) => {
    const [angle, strength] = hue(code);
    const light = (dark ? 58 : 44) + (code % 2 ? 7 : -5);  // neighbours have similar hues
    return shades(rgb(`hsl(${Math.round(angle)} ${strength}% ${light}%)`));
  });
  for (const [name] of freeUnits) state.shades.push(Array(steps + 1).fill(state.colours[name]));
  state.plain = shades(rgb(state.colours.live));
}
function colourOf(all, unit, mode) {
  const code = all.code[unit];
  if (state.only >= 0 && state.only !== code) return state.colours.empty;
  const level = (bytes) => Math.ceil(bytes / data.unit * steps);
  if (mode === "resident") return state.plain[level(all.resident[unit])];
  if (mode === "fill" && code < bins) return state.plain[level(all.used[unit])];
  return state.shades[code][level(all.used[unit])];
}

// ---------------------------------------------------------------------- the map

const headline = () => units().heaps.length > 1 ? 22 : 4;
// Where each heap begins; the height of all.
function arrange() {
  const all = units();
  const width = scroll.clientWidth, height = scroll.clientHeight;
  const most = Math.max(...data.snapshots.map((each) => unpack(each).n));
  state.cell = Number(at("zoom").value);
  for (const each of state.cell ? [] : [24, 16, 12, 8, 6, 4]) {
    state.cell = each;
    if (Math.ceil(most / Math.floor((width - 8) / each)) * each < height - 30) break;
  }
  state.columns = Math.max(1, Math.floor((width - 8) / state.cell));
  let top = 0;
  for (const heap of all.heaps) {
    heap.top = top + headline();
    top = heap.top + Math.ceil(heap.units / state.columns) * state.cell + 4;
  }
  const ratio = window.devicePixelRatio || 1;
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  canvas.style.width = width + "px";
  canvas.style.height = height + "px";
  at("space").style.height = Math.max(0, top - height) + "px";
  paper.setTransform(ratio, 0, 0, ratio, 0, 0);
}
function placeOf(unit) {
  const heap = heapOf(unit), i = unit - heap.first;
  return [4 + i % state.columns * state.cell, heap.top + Math.floor(i / state.columns) * state.cell];
}
function drawHeap(all, heap, offset, height, mode) {
  const cell = state.cell, gap = 1;
  if (all.heaps.length > 1 && heap.top > offset && heap.top < offset + height + headline()) {
    paper.fillStyle = state.colours.weak;
    paper.font = "12px system-ui, sans-serif";
    paper.fillText(`Heap at ${hex(heap.address)}, ${size(heap.units * data.unit)}`, 4, heap.top - offset - 6);
  }
  const first = Math.max(0, Math.floor((offset - heap.top) / cell)) * state.columns;
  const last = Math.min(heap.units, Math.ceil((offset + height - heap.top) / cell) * state.columns);
  // Units of one slab or run in a row, of the same colour, are one rectangle.
  for (let i = first, next = first; i < last; i = next) {
    const column = i % state.columns, end = Math.min(last, i - column + state.columns);
    const colour = colourOf(all, heap.first + i, mode);
    for (next = i + 1; next < end && all.length[heap.first + next] === 0; ++next)
      if (colourOf(all, heap.first + next, mode) !== colour) break;
    const joined = next < end && all.length[heap.first + next] === 0;
    paper.fillStyle = colour;
    paper.fillRect(4 + column * cell, heap.top + Math.floor(i / state.columns) * cell - offset,
                   (next - i) * cell - (joined ? 0 : gap), cell - gap);
  }
  return Math.max(0, last - first);
}
function draw() {
  const all = units(), offset = scroll.scrollTop, height = scroll.clientHeight, mode = at("mode").value;
  paper.fillStyle = state.colours.back;
  paper.fillRect(0, 0, scroll.clientWidth, height);
  let drawn = 0;
  for (const heap of all.heaps) {
    const end = heap.top + Math.ceil(heap.units / state.columns) * state.cell;
    if (end >= offset && heap.top - headline() <= offset + height) drawn += drawHeap(all, heap, offset, height, mode);
  }
  if (state.cursor >= 0 && state.cursor < all.n) {
    const [x, y] = placeOf(state.cursor);
    paper.strokeStyle = state.colours.focus;
    paper.lineWidth = 2;
    paper.strokeRect(x - 1, y - offset - 1, state.cell + 1, state.cell + 1);
  }
  document.documentElement.dataset.drawn = drawn;
}
let waiting = false;
function redraw() {
  if (waiting) return;
  waiting = true;
  requestAnimationFrame(() => { waiting = false; draw(); });
}

// --------------------------------------------------------------------- figures

function describe(unit) {
  const all = units(), code = all.code[unit], heap = heapOf(unit);
  const address = heap.address + (unit - heap.first) * data.unit;
  const own = `${size(all.resident[unit])} of the unit resident`;
  if (code >= bins) return `Unit at ${hex(address)}: ${nameOf(code)}\n${own}`;
  let first = unit, end = unit + 1;
  while (first > heap.first && all.length[first] === 0) --first;
  while (end < heap.first + heap.units && all.length[end] === 0) ++end;
  const length = end - first;
  const which = length === 1 ? "" : `, unit ${unit - first + 1} of ${length}`;
  if (code === 0 || code >= classes) return `Unit at ${hex(address)}${which}: run of ${size(length * data.unit)}\n${own}`;
  let used = 0;
  for (let i = first; i < end; ++i) used += all.used[i];
  const block = data.sizes[code], most = Math.floor(length * data.unit / block);
  return `Unit at ${hex(address)}${which}: slab of blocks of ${size(block)}\n` +
    `${number(Math.round(used / block))} of ${number(most)} blocks in use (live or in a cache), ` +
    `${Math.round(100 * used / (most * block))} %; ${own}`;
}
function step(text, from, to, most, kind, value) {
  const row = document.createElement("div");
  row.className = kind === "total" ? "step sum" : "step";
  const bar = document.createElement("span"), fill = document.createElement("i");
  bar.className = "track";
  fill.style.left = 100 * Math.max(0, Math.min(from, to)) / most + "%";
  fill.style.width = 100 * Math.abs(to - from) / most + "%";
  fill.hidden = from === to;
  fill.style.background = `var(--${kind})`;
  bar.append(fill);
  const label = document.createElement(kind === "total" ? "b" : "span"), figure = document.createElement("span");
  label.textContent = text;
  figure.className = "value";
  figure.textContent = size(value);
  row.append(label, bar, figure);
  at("waterfall").append(row);
}
function highest(report) {
  let sum = 0;
  return report.waterfall.reduce((most, line) => Math.max(most, sum += line.bytes), report.rss);
}
function drawWaterfall() {
  const report = snapshot().report, most = Math.max(1, ...data.snapshots.map((each) => highest(each.report)));
  const ours = report.waterfall.findIndex((line) => line.line === "files");
  at("waterfall").replaceChildren();
  let sum = 0;
  report.waterfall.forEach((line, i) => {
    if (i === ours) step("resident memory of Ashlar", 0, sum, most, "total", report.ours);
    const kind = line.bytes < 0 ? "less" : i < 3 ? "live" : i < ours ? "free" : "other";
    if (data.snapshots.some((each) => each.report.waterfall[i].bytes !== 0))
      step(data.texts[line.line], sum, sum + line.bytes, most, kind, line.bytes);
    sum += line.bytes;
  });
  step("sum", 0, sum, most, "total", report.sum);
  step(report.core ? "pages of the core not all zero" : "RSS, as the kernel says", 0, report.rss, most, "total", report.rss);
}
function drawLegend() {
  const all = units(), body = at("legend").tBodies[0], counts = Array(bins + freeUnits.length).fill(0);
  for (const code of all.code) ++counts[code];
  const rows = [];
  const codes = [...counts.keys()];  // the runs over 2 MiB, of bin 0, come after the others
  const known = new Map(snapshot().report.bins.map((each) => [each.bin, each]));
  for (const code of [...codes.slice(1, bins), 0, ...codes.slice(bins)]) {
    if (counts[code] === 0 && state.only !== code) continue;
    const row = document.createElement("tr"), bin = known.get(code);
    const button = document.createElement("button"), swatch = document.createElement("span");
    button.type = "button";
    button.ariaPressed = String(state.only === code);
    button.dataset.code = code;
    swatch.className = "swatch";
    swatch.style.background = state.shades[code][steps];
    button.append(swatch, nameOf(code));
    const used = bin ? bin.used_bytes / (bin.used_bytes + bin.free_bytes + bin.end_bytes) : 0;
    const figures = [number(counts[code])].concat(
      bin ? [number(bin.live), number(bin.blocks - bin.live), Math.round(100 * used) + " %"] : ["", "", ""]);
    row.append(document.createElement("td"), ...figures.map((text) => {
      const cell = document.createElement("td");
      cell.textContent = text;
      return cell;
    }));
    row.firstChild.append(button);
    rows.push(row);
  }
  body.replaceChildren(...rows);
}
function drawTexts() {
  const all = units(), report = snapshot().report, heaps = all.heaps.length;
  at("title").textContent = document.title = `Heap of ${data.program || "a process"}` +
    (data.process ? ` (process ${data.process}${data.core ? ", core file" : ""})` : "");
  const mapped = snapshot().mapped.length / 2;
  at("summary").textContent = `${number(all.n)} units of 64 KiB in ${heaps} heap${heaps === 1 ? "" : "s"}, ` +
    `${number(report.heap.blocks)} live blocks of ${size(report.heap.live)}` +
    (mapped ? `, and ${mapped} with mappings of their own (${size(report.heap.mapped)})` : "") +
    `. ${report.core ? "Pages of the core that are not all zero" : "RSS"}: ${size(report.rss)}.`;
  at("which").textContent = `${state.now + 1} of ${data.snapshots.length}, at ${(snapshot().at / 1000).toFixed(2)} s`;
  at("details").textContent = state.cursor >= 0 && state.cursor < all.n ? describe(state.cursor) : "";
}
function show() {
  arrange();
  drawTexts();
  drawWaterfall();
  drawLegend();
  draw();
}

// ---------------------------------------------------------------------- events

function unitAt(event) {
  const box = canvas.getBoundingClientRect();
  const x = event.clientX - box.left - 4, y = event.clientY - box.top + scroll.scrollTop;
  const column = Math.floor(x / state.cell);
  if (column < 0 || column >= state.columns) return -1;
  for (const heap of units().heaps) {
    const i = Math.floor((y - heap.top) / state.cell) * state.columns + column;
    if (y >= heap.top && i < heap.units) return heap.first + i;
    if (y < heap.top) break;
  }
  return -1;
}
function select(unit) {
  state.cursor = unit;
  if (unit >= 0) {
    const y = placeOf(unit)[1];
    if (y < scroll.scrollTop) scroll.scrollTop = y - headline();
    if (y + state.cell > scroll.scrollTop + scroll.clientHeight) scroll.scrollTop = y + state.cell + 4 - scroll.clientHeight;
  }
  drawTexts();
  redraw();
}
function moveTip(event) {
  const tip = at("tip"), unit = unitAt(event);
  tip.hidden = unit < 0;
  if (unit < 0) return;
  tip.textContent = describe(unit);
  const box = tip.getBoundingClientRect();
  tip.style.left = Math.min(event.clientX + 14, innerWidth - box.width - 8) + "px";
  tip.style.top = (event.clientY + 18 + box.height > innerHeight ? event.clientY - box.height - 10 : event.clientY + 18) + "px";
}
scroll.addEventListener("scroll", redraw);
canvas.addEventListener("pointermove", moveTip);
canvas.addEventListener("pointerleave", () => { at("tip").hidden = true; });
canvas.addEventListener("click", (event) => select(unitAt(event)));
scroll.addEventListener("keydown", (event) => {
  const page = Math.max(1, Math.floor(scroll.clientHeight / state.cell)) * state.columns, n = units().n;
  const moves = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -state.columns, ArrowDown: state.columns,
                  PageUp: -page, PageDown: page, Home: -n, End: n };
  if (event.key === "Escape") return select(-1);
  if (!(event.key in moves) || n === 0) return;
  event.preventDefault();
  select(state.cursor < 0 ? 0 : Math.max(0, Math.min(n - 1, state.cursor + moves[event.key])));
});
at("legend").addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  state.only = state.only === Number(button.dataset.code) ? -1 : Number(button.dataset.code);
  drawLegend();
  at("legend").querySelector(`[data-code="${button.dataset.code}"]`)?.focus();
  redraw();
});
at("mode").addEventListener("change", redraw);
at("zoom").addEventListener("change", show);
function go(to) {
  state.now = to;
  at("when").value = to;
  show();
}
at("when").addEventListener("input", () => go(Number(at("when").value)));
let timer = 0;
at("play").addEventListener("click", () => {
  clearInterval(timer);
  const playing = at("play").ariaPressed !== "true";
  at("play").ariaPressed = String(playing);
  at("play").textContent = playing ? "Stop" : "Play";
  if (playing) timer = setInterval(() => go((state.now + 1) % data.snapshots.length), 700);
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { mixColours(); show(); });
window.addEventListener("resize", show);

at("when").max = data.snapshots.length - 1;
at("time").hidden = data.snapshots.length < 2;
mixColours();
show();
