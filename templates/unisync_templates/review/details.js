// What is known of a shot, as text. Only textContent: names come from the edit.
const find = (id) => document.getElementById(id);

function made(tag, className, text) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text !== undefined) element.textContent = text;
  return element;
}

function showDetails(shot) {
  find("shot-name").textContent = `${shot.index}. ${shot.name}`;
  const where = [shot.timecode, shot.track, shot.plate, shot.dub && `dub ${shot.dub}`];
  find("shot-where").textContent = where.filter(Boolean).join("  ·  ");
  find("shot-trouble").hidden = !shot.trouble;
  find("shot-trouble").textContent = shot.trouble;
  find("reason").textContent = `${shot.stateName}. ${shot.reason}`;
  const passed = shot.passed.map(([why, count]) => made("li", "", `${count} × ${why}`));
  find("passed").replaceChildren(...passed);
  showFigures(shot.figures);
  showFaces(shot);
  showCommand(shot.command);
}

function showFigures(figures) {
  const rows = figures.map((figure) => {
    const row = made("tr");
    const name = made("th", "", figure.name);
    name.scope = "row";
    row.append(name, made("td", figure.tone, figure.value), made("td", "note", figure.note));
    return row;
  });
  find("measured").hidden = !rows.length;
  find("figures").tBodies[0].replaceChildren(...rows);
}

function showFaces(shot) {
  find("face").hidden = !shot.face;
  if (!shot.face) return;
  find("face-reason").textContent = shot.face.reason;
  const cards = shot.face.candidates.map((candidate) => {
    const card = made("button", "candidate");
    card.type = "button";
    card.setAttribute("aria-pressed", String(candidate.chosen));
    card.title = "Show the command that dubs this face";
    if (candidate.picture) {
      const picture = made("img");
      picture.src = candidate.picture;
      picture.alt = "";
      card.append(picture);
    }
    const why = candidate.character || (candidate.chosen ? "chosen" : "");
    card.append(made("b", "", [`Face ${candidate.track}`, why].filter(Boolean).join(", ")));
    card.append(made("span", "", candidate.facts));
    card.addEventListener("click", () => showCommand(candidate.command));
    return card;
  });
  find("faces").replaceChildren(...cards);
}

function showCommand(command) {
  find("command").textContent = command;
  find("copy").textContent = "Copy";
}

// The clipboard may be closed to a page opened from disk: then select the text.
async function copyCommand() {
  try {
    await navigator.clipboard.writeText(find("command").textContent);
    find("copy").textContent = "Copied";
  } catch {
    getSelection().selectAllChildren(find("command"));
    find("copy").textContent = "Selected";
  }
}
