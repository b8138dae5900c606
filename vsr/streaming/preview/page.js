"use strict";
const find = name => document.getElementById(name);
const [slider, cut, model, pause, record] = ["slider", "cut", "model", "pause", "record"].map(find);
const token = new URLSearchParams(location.search).get("token");
const headers = token ? { Authorization: `Bearer ${token}` } : {};
const later = milliseconds => new Promise(done => setTimeout(done, milliseconds));
const ms = seconds => `${(seconds * 1000).toFixed(1)} ms`;

function ask(path, change) {
  const body = change && { method: "POST", body: JSON.stringify(change) };
  const kind = change && { "Content-Type": "application/json" };
  return fetch(path, { ...body, headers: { ...headers, ...kind }, signal: AbortSignal.timeout(10000) });
}

// -- pictures: both of one frame are drawn together

function draw(canvas, bitmap) {
  if (canvas.width !== bitmap.width || canvas.height !== bitmap.height)
    [canvas.width, canvas.height] = [bitmap.width, bitmap.height];
  canvas.getContext("2d").drawImage(bitmap, 0, 0);
  bitmap.close();
}

async function nextPair(after) {
  const answer = await ask(`/live/pair?after=${after}`);
  if (answer.status === 204) return after;
  if (!answer.ok) throw new Error(answer.statusText);
  const first = Number(answer.headers.get("X-Original-Bytes"));
  const data = await answer.blob();
  const [original, upscaled] = await Promise.all(
    [data.slice(0, first), data.slice(first)].map(part => createImageBitmap(part)));
  draw(find("original"), original);
  draw(find("upscaled"), upscaled);
  return Number(answer.headers.get("X-Number"));
}

async function showPictures() {
  for (let after = 0; ;) {
    if (document.hidden) { await later(500); continue; }
    try { after = await nextPair(after); } catch { after = 0; await later(1000); }
  }
}

// -- figures

function size(sides) { return sides ? sides.join("x") : "-"; }

function figures(s) {
  const recent = s.latency.recent;
  const took = seconds => recent.count ? ms(seconds) : "-";
  return {
    "frames in": `${s.frames_in} at ${s.fps_in.toFixed(1)}/s`,
    "frames out": `${s.frames_out} at ${s.fps_out.toFixed(1)}/s`,
    "dropped": s.frames_dropped,
    "repeated": s.frames_repeated,
    "size": `${size(s.source_size)} to ${size(s.output_size)}`,
    "latency p50": took(recent.p50),
    "latency p95": took(recent.p95),
    "latency p99": took(recent.p99),
    "latency max": took(recent.max),
    "queue": `${s.queue_frames} of ${s.queue_capacity}`,
    "model": s.model || "-",
    "ladder step": `${s.step + 1} of ${s.ladder.length}, ${s.steps_down} down, ${s.steps_up} up`,
    "reconnects": s.reconnects,
    "recording": s.recording ?? "no",
    "running for": `${s.uptime_seconds.toFixed(0)} s`,
    "memory": `${(s.rss_bytes / 1e6).toFixed(0)} MB`,
  };
}

function write(name, text) {  // an unchanged text is not written: it would be read aloud again
  if (find(name).textContent !== text) find(name).textContent = text;
}

function element(name, text) {
  const made = document.createElement(name);
  made.textContent = text;
  return made;
}

function showFigures(status) {
  find("figures").replaceChildren(...Object.entries(figures(status)).map(([name, value]) => {
    const pair = document.createElement("dl");
    pair.append(element("dt", name), element("dd", value));
    return pair;
  }));
}

function showHistogram(bars) {
  const most = Math.max(1, ...bars);
  find("histogram").replaceChildren(...bars.map(count => {
    const bar = document.createElement("div");
    bar.style.height = `${100 * count / most}%`;
    return bar;
  }));
}

function row(kind, texts) {
  const made = document.createElement("tr");
  made.append(...texts.map(text => element(kind, text)));
  return made;
}

function showOutputs(outputs) {
  const rows = outputs.map(o => row("td",
    [o.name, o.state, o.bytes_written, o.packets_dropped, o.reconnects, o.errors, o.last_error]));
  find("outputs").replaceChildren(
    row("th", ["output", "state", "bytes", "packets dropped", "reconnects", "errors", "last error"]), ...rows);
}

const shown = { models: "", choice: null, paused: false, recording: false };

function showModels(ladder, choice) {
  if (shown.models !== ladder.join()) {
    model.replaceChildren(new Option("as the ladder decides", ""), ...ladder.map(m => new Option(m, m)));
    [shown.models, shown.choice] = [ladder.join(), null];
  }
  if (shown.choice !== choice) model.value = shown.choice = choice;  // else somebody may be choosing
}

function showControls(status) {
  const { step, paused, recording, can_record } = status.controls;
  Object.assign(shown, { paused, recording });
  showModels(status.ladder, step === null ? "" : status.ladder[step]);
  write("pause", paused ? "Go on" : "Pause");
  record.hidden = !can_record;
  write("record", recording ? "Stop recording" : "Record");
}

function show(status) {
  write("state", status.state);
  write("source", status.source);
  showControls(status);
  showFigures(status);
  showHistogram(status.latency.recent_bars);
  showOutputs(status.outputs);
}

async function showStatus() {
  for (; ; await later(500)) {
    try {
      const answer = await ask("/status.json");
      if (!answer.ok) throw new Error(answer.statusText);
      show(await answer.json());
    } catch { write("state", "no answer from vsr"); }
  }
}

// -- controls

async function change(wish) {
  try {
    const answer = await ask("/control", wish);
    write("refusal", answer.ok ? "" : await answer.text());
    if (!answer.ok) shown.choice = null;  // what holds is shown again
  } catch { write("refusal", "no answer from vsr"); }
}

model.addEventListener("change", () => change({ model: model.value || null }));
pause.addEventListener("click", () => change({ paused: !shown.paused }));
record.addEventListener("click", () => change({ recording: !shown.recording }));
cut.addEventListener("input", () => slider.style.setProperty("--cut", `${cut.value}%`));
for (const kind of ["pointerdown", "pointermove"]) slider.addEventListener(kind, event => {
  if (!event.buttons) return;
  const box = slider.getBoundingClientRect();
  cut.value = 100 * (event.clientX - box.left) / box.width;
  cut.dispatchEvent(new Event("input"));
});

showPictures();
showStatus();
