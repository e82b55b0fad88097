// The page: which shot is open, and what keys and buttons do.
const shots = JSON.parse(find("data").textContent).shots;
const byIndex = new Map(shots.map((shot) => [shot.index, shot]));
let current = null;

const stage = new Stage(find("stage"), find("divider"));
const strip = new Strip(find("strip"), (frame) => seek(frame));
const pair = new Pair(find("before"), find("after"), showFrame, showPlaying, showBusy);

function showPlaying(playing) {
  find("play").textContent = playing ? "Stop" : "Play";
}

function showBusy(busy) {
  find("stage").setAttribute("aria-busy", String(busy));
}

function seek(frame) {
  pair.pause();
  pair.show(frame);
}

function showFrame(frame) {
  const view = current.view;
  find("source-tc").textContent = sourceTimecode(view, frame);
  find("record-tc").textContent = recordTimecode(view, frame);
  find("frame").textContent = `${frame} / ${view.frames - 1}`;
  const where = strip.isHandle(frame) ? ", handle" : "";
  find("state").textContent = strip.stateName(frame) + where;
  find("state").dataset.state = view.states[frame];
  strip.at(frame);
}

function openShot(shot) {
  current = shot;
  find("viewer").hidden = false;
  find("nothing").hidden = true;
  find("player").hidden = !shot.view;
  showDetails(shot);
  markRow(shot.index);
  if (shot.view) {
    stage.open(shot.view);
    strip.open(shot.view);
    offerSound(shot.view);
    const { known, label } = shot.view.source;
    find("source-name").textContent = `Source ${label}${known ? "" : " (no timecode)"}`;
    find("after-name").textContent = shot.draft ? "After · DRAFT" : "After";
    find("record-name").textContent = `Record ${shot.view.record.label}`;
  }
  pair.open(shot.view);
}

function markRow(index) {
  for (const link of document.querySelectorAll("#clips a[aria-current]")) {
    link.removeAttribute("aria-current");
  }
  const link = document.querySelector(`#clips a[href="#shot-${index}"]`);
  link.setAttribute("aria-current", "true");
  link.scrollIntoView({ block: "nearest" });
}

function offerSound(view) {
  const [dub, original] = find("sound").options;
  dub.disabled = !view.dub;
  original.disabled = !view.original;
  if (find("sound").selectedOptions[0].disabled) find("sound").value = "off";
  pair.listen(find("sound").value);
}

function nextSound() {
  const choices = [...find("sound").options].filter((option) => !option.disabled);
  const at = choices.findIndex((option) => option.selected);
  find("sound").value = choices[(at + 1) % choices.length].value;
  pair.listen(find("sound").value);
}

function setMode(name) {
  stage.mode = name;
  for (const button of find("views").children) {
    button.setAttribute("aria-pressed", String(button.dataset.view === name));
  }
}

function switched(button, on) {
  button.setAttribute("aria-pressed", String(on));
  return on;
}

function turn(by) {
  const open = [...document.querySelectorAll("#clips li:not([hidden]) a")];
  const at = open.findIndex((link) => link.hasAttribute("aria-current"));
  const link = open[at < 0 ? 0 : at + by];
  if (!link) return;
  location.hash = link.hash;
  openFromAddress(); // the event comes too late for the next key
}

function toggleZoom() {
  stage.zoom(switched(find("zoom"), !stage.zoomed));
}

function toggleLoop() {
  pair.loop = switched(find("loop"), !pair.loop);
}

function mostChanged() {
  seek(current.view.poster);
}

const KEYS = {
  " ": () => pair.toggle(),
  ArrowLeft: (event) => pair.step(event.shiftKey ? -10 : -1),
  ArrowRight: (event) => pair.step(event.shiftKey ? 10 : 1),
  Home: () => seek(0),
  End: () => seek(current.view.frames - 1),
  j: () => pair.play(-1),
  k: () => pair.pause(),
  l: () => pair.play(1),
  1: () => setMode("side"),
  2: () => setMode("wipe"),
  3: () => setMode("flip"),
  4: () => setMode("difference"),
  x: () => stage.flip(),
  z: toggleZoom,
  o: toggleLoop,
  m: mostChanged,
  s: nextSound,
};

const TURNS = { n: () => turn(1), p: () => turn(-1) };

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const target = event.target;
  if (target.matches("input, select")) return;
  if (event.key === " " && target.matches("button, a")) return;
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  const action = TURNS[key] || (current && current.view && KEYS[key]);
  if (!action) return;
  event.preventDefault();
  action(event);
}

function filterClips() {
  const shown = new Set();
  for (const chip of document.querySelectorAll(".chip[aria-pressed=true]")) {
    shown.add(chip.dataset.state);
  }
  const wanted = find("find").value.trim().toLowerCase();
  for (const row of find("clips").children) {
    const found = !wanted || row.textContent.toLowerCase().includes(wanted);
    row.hidden = !found || !shown.has(row.dataset.state);
  }
}

function openFromAddress() {
  const asked = byIndex.get(Number(location.hash.replace("#shot-", "")));
  const shot = asked || shots.find((candidate) => candidate.view) || shots[0];
  if (shot && shot !== current) openShot(shot);
}

const CLICKS = {
  first: () => seek(0),
  back: (event) => pair.step(event.shiftKey ? -10 : -1),
  play: () => pair.toggle(),
  forward: (event) => pair.step(event.shiftKey ? 10 : 1),
  most: mostChanged,
  zoom: toggleZoom,
  loop: toggleLoop,
  previous: () => turn(-1),
  next: () => turn(1),
  copy: copyCommand,
};

for (const [id, action] of Object.entries(CLICKS)) find(id).addEventListener("click", action);
for (const button of find("views").children) {
  button.addEventListener("click", () => setMode(button.dataset.view));
}
for (const chip of document.querySelectorAll(".chip")) {
  chip.addEventListener("click", () => {
    switched(chip, chip.getAttribute("aria-pressed") !== "true");
    filterClips();
  });
}
find("find").addEventListener("input", filterClips);
find("sound").addEventListener("change", (event) => pair.listen(event.target.value));
find("speed").addEventListener("change", (event) => {
  pair.speed = Number(event.target.value);
  if (pair.playing) pair.play(pair.direction);
});
// after a click with the mouse the keys belong to the player again, not to the button
document.addEventListener("click", (event) => {
  const control = event.target.closest("button, a");
  if (control && event.detail > 0) control.blur();
});
document.addEventListener("keydown", onKey);
addEventListener("hashchange", openFromAddress);
find("viewer").hidden = true;
openFromAddress();
