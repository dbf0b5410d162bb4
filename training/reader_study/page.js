"use strict";
// Shows the slices one by one and keeps the answers. What somebody typed is only ever set as text, never as HTML.
(() => {
  const at = (id) => document.getElementById(id);
  const study = JSON.parse(at("study").textContent);
  const items = study.items;
  const storageKey = `glioserve.reader-study.${study.study_id}`;
  const unanswered = () => ({ judgement: null, score: null, comment: "", seconds: 0, answered_at: null });
  const fresh = () => ({ view: "start", position: 0, reader: "", shortcuts: true, answers: {} });

  let state = fresh();
  let shownAt = null; // when the clock of the slice on the screen was started; null while it stands

  // Answers

  const answerOf = (position) => (state.answers[items[position].id] ??= unanswered());
  const isComplete = (position) => answerOf(position).judgement !== null && answerOf(position).score !== null;
  const openPositions = () => items.map((_, position) => position).filter((position) => !isComplete(position));

  function answer(part) {
    Object.assign(answerOf(state.position), part, { answered_at: new Date().toISOString() });
    at("notice").textContent = "";
    keep();
    draw();
  }

  // Keeping them

  function recall() {
    try {
      const kept = JSON.parse(localStorage.getItem(storageKey));
      if (kept) state = { ...fresh(), ...kept };
    } catch {
      at("alert").hidden = false;
    }
  }

  function keep() {
    try {
      localStorage.setItem(storageKey, JSON.stringify(state));
      at("kept").textContent = "Kept on this computer";
    } catch {
      at("alert").hidden = false;
    }
  }

  // The clock runs while a slice can be seen.

  function stopClock() {
    if (shownAt === null) return;
    answerOf(state.position).seconds += (performance.now() - shownAt) / 1000;
    shownAt = null;
  }

  function startClock() {
    if (state.view === "reading" && !document.hidden && shownAt === null) shownAt = performance.now();
  }

  // Moving about

  function open(view, position = state.position) {
    stopClock();
    const turned = state.view !== view;
    state.view = view;
    state.position = position;
    at("notice").textContent = "";
    at("saved").textContent = "";
    setZoom(false);
    keep();
    draw();
    if (turned) at({ start: "start-title", reading: "modality", summary: "summary-title" }[view]).focus();
    startClock();
    if (view === "reading") at("live").textContent = `${items[position].modality}, ${place()}`;
  }

  function next() {
    if (state.position + 1 < items.length) open("reading", state.position + 1);
    else open("summary");
  }

  function back() {
    if (state.view === "summary") open("reading");
    else if (state.position > 0) open("reading", state.position - 1);
  }

  function setZoom(zoomed) {
    const view = at("view");
    view.classList.toggle("zoomed", zoomed);
    view.tabIndex = zoomed ? 0 : -1; // so that arrow keys move the picture
    at("zoom").setAttribute("aria-pressed", String(zoomed));
    view.scrollTo((view.scrollWidth - view.clientWidth) / 2, (view.scrollHeight - view.clientHeight) / 2);
    if (zoomed) view.focus();
  }

  function drag(event) {
    if (event.buttons !== 1) return;
    at("view").scrollBy(-event.movementX, -event.movementY);
  }

  // Drawing

  const place = () => `Image ${state.position + 1} of ${items.length}`;

  function element(name, text = "", className = "") {
    const made = document.createElement(name);
    made.textContent = text;
    made.className = className;
    return made;
  }

  function draw() {
    for (const view of ["start", "reading", "summary"]) at(view).hidden = view !== state.view;
    drawProgress();
    for (const id of ["reader", "reader-again"]) if (at(id).value !== state.reader) at(id).value = state.reader;
    at("shortcuts").checked = state.shortcuts;
    if (state.view === "reading") drawReading();
    if (state.view === "summary") drawSummary();
  }

  function drawProgress() {
    const done = items.length - openPositions().length;
    at("done").textContent = done;
    at("progress").setAttribute("aria-valuenow", done);
    at("progress").setAttribute("aria-valuetext", `${done} of ${items.length} answered`);
    [...at("ticks").children].forEach((tick, position) => {
      tick.classList.toggle("done", isComplete(position));
      tick.classList.toggle("here", state.view === "reading" && position === state.position);
    });
  }

  function drawReading() {
    const item = items[state.position];
    const given = answerOf(state.position);
    if (at("picture").src !== item.image) at("picture").src = item.image;
    at("picture").alt = `${item.modality} slice, ${place()}`;
    at("modality").textContent = item.modality;
    at("weighting").textContent = item.weighting;
    at("place").textContent = place();
    for (const name of ["judgement", "score"]) {
      for (const radio of document.getElementsByName(name)) radio.checked = radio.value === String(given[name]);
    }
    if (at("comment").value !== given.comment) at("comment").value = given.comment;
    at("left").textContent = `${given.comment.length} of ${at("comment").maxLength}`;
    at("back").disabled = state.position === 0;
    at("next-text").textContent = state.position + 1 < items.length ? "Next" : "To the summary";
    if (given.judgement !== null) at("judgement").classList.remove("missing");
    if (given.score !== null) at("quality").classList.remove("missing");
    if (!at("notice").textContent) for (const id of ["judgement", "quality"]) at(id).classList.remove("missing");
  }

  function drawSummary() {
    const open = openPositions();
    at("summary-title").textContent = !open.length
      ? "All images answered"
      : `${open.length} ${open.length === 1 ? "image" : "images"} still open`;
    at("summary-lead").textContent = open.length
      ? "Answers can be saved once every image has a judgement and a quality."
      : "Look them over, save them as a file, and hand the file in. Which images were real is not in this page.";
    const names = [...new Set(items.map((item) => item.modality))].sort();
    const every = items.map((_, position) => position);
    at("rows").replaceChildren(
      ...names.map((name) => summaryRow(name, every.filter((position) => items[position].modality === name))),
      summaryRow("All", every),
    );
    at("tiles").replaceChildren(...every.map(tile));
  }

  function summaryRow(name, positions) {
    const given = positions.map(answerOf);
    const scores = given.filter((each) => each.score !== null).map((each) => each.score);
    const seconds = Math.round(given.reduce((sum, each) => sum + each.seconds, 0));
    const row = document.createElement("tr");
    const head = element("th", name);
    head.scope = "row";
    row.append(
      head,
      ...[
        `${positions.filter(isComplete).length} of ${positions.length}`,
        given.filter((each) => each.judgement === "real").length,
        given.filter((each) => each.judgement === "synthetic").length,
        scores.length ? (scores.reduce((sum, score) => sum + score, 0) / scores.length).toFixed(1) : "-",
        given.filter((each) => each.comment.trim()).length,
        `${Math.floor(seconds / 60)} min ${String(seconds % 60).padStart(2, "0")} s`,
      ].map((text) => element("td", text)),
    );
    return row;
  }

  function tile(position) {
    const given = answerOf(position);
    const complete = isComplete(position);
    const button = element("button", "", complete ? "" : "open");
    button.type = "button";
    button.append(
      element("b", `${position + 1} ${items[position].modality}`),
      element("span", complete ? `${given.judgement[0].toUpperCase()} ${given.score}` : "open"),
    );
    const said = complete ? `judged ${given.judgement}, quality ${given.score}` : "still open";
    button.setAttribute("aria-label", `Image ${position + 1}, ${items[position].modality}: ${said}`);
    button.addEventListener("click", () => open("reading", position));
    const entry = document.createElement("li");
    entry.append(button);
    return entry;
  }

  // Saving

  function save() {
    const missing = openPositions();
    if (missing.length) {
      open("reading", missing[0]);
      const given = answerOf(missing[0]);
      at("judgement").classList.toggle("missing", given.judgement === null);
      at("quality").classList.toggle("missing", given.score === null);
      at("notice").textContent = `Not saved: ${missing.length === 1 ? "this image is" : `${missing.length} images are`} still open.`;
      return;
    }
    const reader = state.reader.trim();
    const answers = Object.fromEntries(items.map((item, position) => [item.id, rounded(answerOf(position))]));
    const text = JSON.stringify({ format: study.format, study_id: study.study_id, reader, items: answers }, null, 1);
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([`${text}\n`], { type: "application/json" }));
    link.download = `answers-${study.study_id}-${reader.replace(/[^A-Za-z0-9_-]+/g, "_") || "reader"}.json`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60000);
    at("saved").textContent = `Saved as ${link.download}, where your browser puts downloads.`;
  }

  const rounded = (given) => ({ ...given, seconds: Math.round(given.seconds * 10) / 10 });

  // Keys

  function onKey(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || at("sure").open) return;
    const typing = event.target.closest("textarea, input[type=text]");
    if (typing) {
      if (event.key === "Escape") typing.blur();
      if (event.key === "Enter" && typing.id === "reader") begin();
      return;
    }
    if (event.key === "Enter" && event.target.closest("button")) return; // the button's own
    if (!state.shortcuts) return;
    const done = state.view === "reading" ? readingKey(event) : otherKey(event.key.toLowerCase());
    if (done) event.preventDefault();
  }

  function readingKey(event) {
    const key = event.key.toLowerCase();
    const moves = { n: next, enter: next, b: back };
    const acts = {
      r: () => answer({ judgement: "real" }),
      s: () => answer({ judgement: "synthetic" }),
      c: () => at("comment").focus(),
      z: () => setZoom(at("zoom").getAttribute("aria-pressed") !== "true"),
    };
    const score = Number(key);
    if (Object.hasOwn(moves, key)) {
      if (!event.repeat) moves[key](); // a key held down does not run through the study
    } else if (Object.hasOwn(acts, key)) acts[key]();
    else if (Number.isInteger(score) && score >= 1 && score <= study.best_score) answer({ score });
    else return false;
    return true;
  }

  function otherKey(key) {
    if (state.view === "start" && (key === "enter" || key === "n")) begin();
    else if (state.view === "summary" && key === "b") back();
    else return false;
    return true;
  }

  const begin = () => open("reading");

  // Wiring

  at("ticks").append(...items.map(() => document.createElement("i")));
  at("begin").addEventListener("click", begin);
  at("next").addEventListener("click", next);
  at("back").addEventListener("click", back);
  at("return").addEventListener("click", back);
  at("save").addEventListener("click", save);
  at("zoom").addEventListener("click", () => setZoom(at("zoom").getAttribute("aria-pressed") !== "true"));
  at("view").addEventListener("pointermove", drag);
  at("judgement").addEventListener("change", (event) => answer({ judgement: event.target.value }));
  at("quality").addEventListener("change", (event) => answer({ score: Number(event.target.value) }));
  at("comment").addEventListener("input", (event) => answer({ comment: event.target.value }));
  at("shortcuts").addEventListener("change", (event) => {
    state.shortcuts = event.target.checked;
    keep();
  });
  for (const id of ["reader", "reader-again"]) {
    at(id).addEventListener("input", (event) => {
      state.reader = event.target.value;
      keep();
    });
  }
  at("clear").addEventListener("click", () => at("sure").showModal());
  at("sure-no").addEventListener("click", () => at("sure").close());
  at("sure-yes").addEventListener("click", () => {
    at("sure").close();
    state = { ...fresh(), view: "summary" };
    open("start", 0);
  });
  document.addEventListener("keydown", onKey);
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) return startClock();
    stopClock();
    keep();
  });
  addEventListener("pagehide", () => {
    stopClock();
    keep();
  });

  recall();
  draw();
  startClock();
})();
