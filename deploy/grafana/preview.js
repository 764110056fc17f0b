// Draws a Grafana dashboard without Grafana: reads analysis-pipeline.json, asks a Prometheus for every query of it, and draws
// each panel at its place. It knows the panel types that this dashboard has, and no more.
//
//   python3 -m http.server --directory deploy/grafana 8000
//   http://127.0.0.1:8000/preview.html?prometheus=http://127.0.0.1:9090&minutes=60&scrape=15
"use strict";

const asked = new URLSearchParams(location.search);
const prometheus = asked.get("prometheus") || "http://127.0.0.1:9090";
const minutes = Number(asked.get("minutes") || 60);
const scrape = Number(asked.get("scrape") || 15);
const end = Number(asked.get("end")) || Date.now() / 1000;
const start = end - minutes * 60;
// A point for about three pixels of a panel; Grafana's own $__rate_interval.
const step = Math.max(1, Math.round(minutes * 60 / 120));
const rateInterval = Math.max(step + scrape, 4 * scrape);

const CELL = 38, GAP = 8, COLUMNS = 24;
// Below this width, in pixels, panels stand under each other.
const NARROW = 700;
const PALETTE = ["#73bf69", "#f2cc0c", "#8ab8ff", "#ff780a", "#f2495c", "#5794f2", "#b877d9", "#3274d9", "#fade2a", "#e0b400", "#ca95e5", "#96d98d", "#ffa6b0"];
const NAMED = { green: "#73bf69", yellow: "#f2cc0c", red: "#f2495c", blue: "#5794f2", orange: "#ff9830", text: "#9a9aac", purple: "#b877d9" };

const query = text => text.replaceAll("$__rate_interval", `${rateInterval}s`).replaceAll("$__range", `${minutes * 60}s`)
  .replaceAll("$job", asked.get("job") || ".+").replaceAll("$instance", asked.get("instance") || ".+");

async function api(path, parameters) {
  const answer = await fetch(`${prometheus}/api/v1/${path}`, { method: "POST", body: new URLSearchParams(parameters) });
  const json = await answer.json();
  if (json.status !== "success") throw new Error(`${parameters.query}: ${json.error}`);
  return json.data.result;
}

/** Series of a target: name and points [seconds, value]. */
async function series(target) {
  const found = await api("query_range", { query: query(target.expr), start, end, step });
  return found.map(({ metric, values }) => ({
    metric,
    name: (target.legendFormat || "").replace(/\{\{(\w+)\}\}/g, (_, label) => metric[label] ?? ""),
    points: values.map(([at, value]) => [at, Number(value)]).filter(([, value]) => Number.isFinite(value)),
  }));
}

const DURATIONS = [[86400, "d"], [3600, "h"], [60, "min"], [1, "s"], [1e-3, "ms"]];
const SIZES = [[2 ** 40, "TiB"], [2 ** 30, "GiB"], [2 ** 20, "MiB"], [2 ** 10, "KiB"], [1, "B"]];
const COUNTS = [[1e9, "Bil"], [1e6, "Mil"], [1e3, "K"], [1, ""]];

function scaled(value, table, decimals) {
  const [by, unit] = table.find(([by]) => Math.abs(value) >= by) || table.at(-1);
  return number(value / by, decimals) + (unit && ` ${unit}`);
}
function number(value, decimals) {
  const size = Math.abs(value);
  const digits = size === 0 || Number.isInteger(value) ? 0 : size >= 100 ? 0 : size >= 10 ? 1 : 2;
  return Number(value.toFixed(Math.max(0, decimals === undefined ? digits : Math.max(decimals, size < 10 ? digits : 0)))).toString();
}
function shown(value, { unit = "short", decimals } = {}) {
  if (unit === "percentunit") return `${number(value * 100, decimals)}%`;
  if (unit === "percent") return `${number(value, decimals)}%`;
  if (unit === "s") return value === 0 ? "0 s" : scaled(value, DURATIONS, 0);
  if (unit === "bytes") return scaled(value, SIZES);
  if (unit === "ops") return `${number(value)}/s`;
  if (unit.startsWith("suffix:")) return `${scaled(value, COUNTS, decimals)}${unit.slice(7)}`;
  return scaled(value, COUNTS, decimals);
}

function stepColour(value, steps = []) {
  const reached = steps.filter(step => step.value === null || step.value === undefined || value >= step.value);
  return NAMED[reached.at(-1)?.color] || NAMED.green;
}

/** Colour and dashes of a series, by the panel's overrides. */
function style(panel, name, place) {
  const look = { colour: PALETTE[place % PALETTE.length], dashed: false, stacked: true };
  for (const { matcher, properties } of panel.fieldConfig.overrides) {
    if (matcher.id === "byName" ? matcher.options !== name : !new RegExp(matcher.options).test(name)) continue;
    for (const { id, value } of properties) {
      if (id === "color") look.colour = NAMED[value.fixedColor] || value.fixedColor;
      if (id === "custom.lineStyle") look.dashed = true;
      if (id === "custom.stacking") look.stacked = value.mode !== "none";
    }
  }
  return look;
}

const escaped = text => String(text).replace(/[&<>"]/g, sign => `&#${sign.charCodeAt(0)};`);
const clock = at => new Date(at * 1000).toTimeString().slice(0, 5);
const legend = items => `<div class="legend">${items.map(({ name, colour }) => `<span><i style="background:${colour}"></i>${escaped(name)}</span>`).join("")}</div>`;

function ticks(top, unit) {
  // Round figures of bytes are powers of two, and of seconds parts of a minute.
  const whole = unit === "bytes" ? 2 ** Math.ceil(Math.log2(top / 4)) : unit === "s" && [15, 30, 60, 120, 300, 600, 1800, 3600, 7200, 21600, 86400].find(by => top / by <= 4 && top > 40);
  if (whole) return Array.from({ length: Math.floor(top / whole + 1e-9) + 1 }, (_, count) => count * whole);
  const rough = top / 4, power = 10 ** Math.floor(Math.log10(rough));
  const by = [1, 2, 2.5, 5, 10].map(factor => factor * power).find(candidate => candidate >= rough);
  return Array.from({ length: Math.floor(top / by + 1e-9) + 1 }, (_, count) => count * by);
}

/** An SVG with axes: what is inside is drawn by `draw(x, y)`. */
function plot(width, height, top, labels, draw) {
  const left = 52, right = 10, above = 8, below = 20;
  const x = at => left + (at - start) / (end - start) * (width - left - right);
  const y = value => height - below - value / top * (height - above - below);
  const across = labels.map(([value, text]) => `<line x1="${left}" x2="${width - right}" y1="${y(value)}" y2="${y(value)}" stroke="#26282e"/><text x="${left - 6}" y="${y(value) + 3}" text-anchor="end">${escaped(text)}</text>`);
  const every = [60, 120, 300, 600, 900, 1800, 3600, 7200, 21600, 86400].find(span => (end - start) / span <= 5) || 86400;
  const times = [];
  for (let at = Math.ceil(start / every) * every; at < end; at += every)
    if (x(at) < width - 24) times.push(`<text x="${x(at)}" y="${height - 6}" text-anchor="middle">${clock(at)}</text>`);
  return `<svg viewBox="0 0 ${width} ${height}">${across.join("")}${times.join("")}${draw(x, y)}</svg>`;
}

/** Points in runs without a hole. */
function runs(points) {
  const all = [];
  for (const point of points) {
    const last = all.at(-1)?.at(-1);
    if (last && point[0] - last[0] <= step * 1.5) all.at(-1).push(point); else all.push([point]);
  }
  return all;
}

function timeseries(panel, found, width, height) {
  const { defaults } = panel.fieldConfig, sums = new Map();
  const stacking = defaults.custom.stacking.mode !== "none";
  const drawn = found.map((one, place) => {
    const look = style(panel, one.name, place), stacked = stacking && look.stacked;
    const points = one.points.map(([at, value]) => {
      const base = stacked ? sums.get(at) || 0 : 0;
      if (stacked) sums.set(at, base + value);
      return [at, base + value, base];
    });
    return { ...one, ...look, stacked, points };
  });
  const highest = Math.max(0, ...drawn.filter(one => !one.dashed || drawn.length === 1).flatMap(one => one.points.map(point => point[1])));
  const top = defaults.max !== undefined ? defaults.max : highest > 0 ? highest * 1.1 : 1;
  const marks = ticks(top, defaults.unit).map(value => [value, shown(value, defaults)]);
  const body = plot(width, height, top, marks, (x, y) => drawn.map(one => runs(one.points).map(run => {
    const over = run.map(([at, value]) => `${x(at).toFixed(1)},${y(Math.min(value, top)).toFixed(1)}`);
    const under = run.map(([at, , base]) => `${x(at).toFixed(1)},${y(base).toFixed(1)}`).reverse();
    const area = one.dashed ? "" : `<polygon points="${over.concat(under).join(" ")}" fill="${one.colour}" fill-opacity="${one.stacked ? 0.45 : 0.08}"/>`;
    if (one.dashed && run.every(point => point[1] > top)) return "";
    return `${area}<polyline points="${over.join(" ")}" fill="none" stroke="${one.colour}" stroke-width="1.3" ${one.dashed ? 'stroke-dasharray="8 6"' : ""}/>`;
  }).join("")).join(""));
  return `<div class="body">${body}</div>${legend(drawn)}`;
}

function stat(panel, found, width, height) {
  const { defaults } = panel.fieldConfig, named = panel.options.textMode === "value_and_name";
  const texts = found.filter(one => one.points.length).map(one => {
    const value = one.points.at(-1)[1], colour = stepColour(value, defaults.thresholds.steps);
    return `<span style="color:${colour}">${escaped(shown(value, defaults))}${named ? `<small>${escaped(one.name)}</small>` : ""}</span>`;
  });
  const points = found[0]?.points || [];
  const top = Math.max(...points.map(point => point[1]), 1e-9);
  const at = ([time, value]) => `${((time - start) / (end - start) * width).toFixed(1)},${(height - value / top * height * 0.45).toFixed(1)}`;
  const colour = points.length ? stepColour(points.at(-1)[1], defaults.thresholds.steps) : NAMED.text;
  const spark = panel.options.graphMode === "area" && points.length > 1
    ? `<svg viewBox="0 0 ${width} ${height}" preserveAspectRatio="none"><polygon points="${at([points[0][0], 0])} ${points.map(at).join(" ")} ${at([points.at(-1)[0], 0])}" fill="${colour}" fill-opacity="0.16"/><polyline points="${points.map(at).join(" ")}" fill="none" stroke="${colour}" stroke-opacity="0.7"/></svg>` : "";
  return `<div class="body">${spark}<div class="big">${texts.join("") || '<span style="font-size:14px;color:#8e8ea0">No data</span>'}</div></div>`;
}

function heatmap(panel, found, width, height) {
  const bounds = found.filter(one => one.points.length).sort((a, b) => Number(a.metric.le) - Number(b.metric.le) || (a.metric.le === "+Inf" ? 1 : -1));
  const rows = bounds.map((one, place) => {
    const below = new Map(place ? bounds[place - 1].points : []);
    return { le: one.metric.le, points: one.points.map(([at, value]) => [at, Math.max(0, value - (below.get(at) || 0))]) };
  });
  const used = rows.map((row, place) => row.points.some(([, value]) => value > 0.01) ? place : -1).filter(place => place >= 0);
  const some = rows.slice(Math.max(0, (used[0] ?? 0) - 1), (used.at(-1) ?? rows.length - 1) + 2);
  const most = Math.max(...some.flatMap(row => row.points.map(point => point[1])), 1e-9);
  const labels = some.map((row, place) => [place + 1, row.le === "+Inf" ? "∞" : shown(Number(row.le), { unit: "s" })]);
  const body = plot(width, height, some.length, labels, (x, y) => some.flatMap((row, place) => row.points.filter(([, value]) => value > 0.01).map(([at, value]) => {
    const heat = Math.sqrt(value / most);
    return `<rect x="${(x(at) - (x(start + step) - x(start))).toFixed(1)}" y="${(y(place + 1) + 0.5).toFixed(1)}" width="${(x(start + step) - x(start) + 0.2).toFixed(1)}" height="${(y(0) - y(1) - 1).toFixed(1)}" fill="hsl(${28 + 12 * heat} 100% ${(12 + 50 * heat).toFixed(0)}%)"/>`;
  })).join(""));
  return `<div class="body">${body}</div>`;
}

function bargauge(panel, found) {
  const { defaults } = panel.fieldConfig;
  const bars = found.filter(one => one.points.length).map((one, place) => ({ ...one, value: one.points.at(-1)[1], own: style(panel, one.name, place) }));
  const top = defaults.max ?? Math.max(...bars.map(bar => bar.value), 1);
  return `<div class="body" style="padding:6px 10px;display:flex;flex-direction:column;justify-content:space-evenly">${bars.map(bar => {
    const colour = panel.fieldConfig.overrides.length ? bar.own.colour : stepColour(bar.value, defaults.thresholds.steps);
    return `<div><div style="display:flex;justify-content:space-between"><span>${escaped(bar.name)}</span><span style="color:${colour}">${escaped(shown(bar.value, defaults))}</span></div><div style="background:#26282e;height:10px"><div style="background:${colour};height:10px;width:${Math.min(100, bar.value / top * 100)}%"></div></div></div>`;
  }).join("")}</div>`;
}

/** From, to and value of each time in which nothing changes. */
function spells(points) {
  const all = [];
  for (const [at, value] of points) {
    const last = all.at(-1);
    if (last && last[2] === value && at - last[1] <= step * 1.5) last[1] = at; else all.push([at, at, value]);
  }
  return all;
}

function timeline(panel, found, width, height) {
  const states = panel.fieldConfig.defaults.mappings[0].options, count = Math.max(found.length, 1);
  const left = 150, tall = (height - 24) / count;
  const wide = step / (end - start) * (width - left - 10);
  const parts = found.flatMap((one, place) => [
    `<text x="${left - 8}" y="${tall * (place + 0.5) + 4}" text-anchor="end">${escaped(one.name)}</text>`,
    ...spells(one.points).map(([from, to, value]) => `<rect x="${(left + (from - start) / (end - start) * (width - left - 10 - wide)).toFixed(1)}" y="${(tall * place + tall * 0.15).toFixed(1)}" width="${(wide + (to - from) / (end - start) * (width - left - 10 - wide)).toFixed(1)}" height="${(tall * 0.7).toFixed(1)}" fill="${NAMED[states[value]?.color] || NAMED.text}" fill-opacity="0.75"/>`),
  ]);
  const items = Object.values(states).map(state => ({ name: state.text, colour: NAMED[state.color] }));
  return `<div class="body"><svg viewBox="0 0 ${width} ${height}">${parts.join("")}</svg></div>${legend(items)}`;
}

async function table(panel) {
  const found = await api("query", { query: query(panel.targets[0].expr), time: end });
  const columns = [...new Set(found.flatMap(one => Object.keys(one.metric)))];
  const names = panel.transformations?.[0].options.renameByName || {};
  return `<table><tr>${columns.map(name => `<th>${escaped(names[name] || name)}</th>`).join("")}</tr>${found.map(one => `<tr>${columns.map(name => `<td>${escaped(one.metric[name] || "")}</td>`).join("")}</tr>`).join("")}</table>`;
}

async function alerts(panel) {
  const found = await api("query", { query: `ALERTS{alertname=~"${panel.options.alertName}.*"}`, time: end });
  if (!found.length) return '<div class="body"><div class="empty">No alerts</div></div>';
  return `<div class="body">${found.map(({ metric }) => `<div class="alert"><b style="color:${metric.alertstate === "firing" ? NAMED.red : NAMED.yellow}">${metric.alertstate}</b> ${escaped(metric.alertname)}<br><span style="color:#8e8ea0">${escaped(["severity", "queue", "instance", "dependency"].map(label => metric[label]).filter(Boolean).join(" · "))}</span></div>`).join("")}</div>`;
}

const DRAW = { timeseries, stat, heatmap, bargauge, "state-timeline": timeline };

async function content(panel, width, height) {
  if (panel.type === "alertlist") return alerts(panel);
  if (panel.type === "table") return table(panel);
  const found = (await Promise.all(panel.targets.map(series))).flat();
  // What is nothing all the time only fills a legend.
  const busy = found.filter(one => one.points.some(([, value]) => value !== 0));
  return DRAW[panel.type](panel, panel.type === "timeseries" && busy.length ? busy : found, width, height);
}

async function main() {
  const dashboard = await (await fetch("analysis-pipeline.json")).json();
  const grid = document.getElementById("grid"), cell = (grid.clientWidth + GAP) / COLUMNS;
  document.getElementById("about").textContent = `${new Date(start * 1000).toLocaleString("en-GB")} – ${clock(end)} · drawn by preview.html, not by Grafana`;
  // A telephone has no room for panels beside each other.
  const isNarrow = grid.clientWidth < NARROW;
  let bottom = 0;
  await Promise.all(dashboard.panels.map(async panel => {
    const { x, y, w, h } = panel.gridPos, box = document.createElement("div");
    const [width, height] = [isNarrow ? grid.clientWidth : w * cell - GAP, h * CELL - GAP];
    box.className = panel.type === "row" ? "row" : "panel";
    const place = isNarrow ? `position:relative;margin-bottom:${GAP}px` : `left:${x * cell}px;top:${y * CELL}px`;
    box.style.cssText = `${place};width:${width}px;height:${height}px`;
    bottom = Math.max(bottom, (y + h) * CELL);
    grid.append(box);
    if (panel.type === "row") return void (box.textContent = panel.title);
    const legendHeight = panel.type === "timeseries" || panel.type === "state-timeline" ? 34 : 0;
    try {
      box.innerHTML = `<h2 title="${escaped(panel.description)}">${escaped(panel.title)}</h2>${await content(panel, width, height - 28 - legendHeight)}`;
    } catch (error) {
      box.textContent = `${panel.title}: ${error.message}`;
    }
  }));
  if (!isNarrow) grid.style.height = `${bottom}px`;
  document.title = "ready";
}

main();
