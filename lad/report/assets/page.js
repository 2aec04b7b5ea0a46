"use strict";

// Tables: a click on a heading sorts by it, numbers as numbers, cells without one last; a second click turns it round.
function compare(a, b) {
  const numbers = [a, b].map((cell) => (cell.classList.contains("n") ? parseFloat(cell.textContent) : NaN));
  if (numbers.some(Number.isNaN)) {
    const texts = [a, b].map((cell, i) => (Number.isNaN(numbers[i]) ? cell.textContent : ""));
    return texts[0].localeCompare(texts[1]);
  }
  return numbers[0] - numbers[1];
}

function sort(heading) {
  const table = heading.closest("table"), body = table.tBodies[0], column = heading.cellIndex;
  const down = heading.getAttribute("aria-sort") === "ascending";
  for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
  heading.setAttribute("aria-sort", down ? "descending" : "ascending");
  const empty = (row) => row.cells[column].textContent === "";
  body.append(...[...body.rows].sort((one, two) => {
    if (empty(one) || empty(two)) return empty(one) - empty(two);
    return (down ? -1 : 1) * compare(one.cells[column], two.cells[column]);
  }));
}

for (const heading of document.querySelectorAll("thead th")) {
  heading.firstElementChild.addEventListener("click", () => sort(heading));
}

// A link to what is closed opens it.
function unfold() {
  document.getElementById(decodeURIComponent(location.hash.slice(1)))?.querySelector(":scope > details")
    ?.setAttribute("open", "");
}

addEventListener("hashchange", unfold);
unfold();

for (const button of document.querySelectorAll(".picture")) {
  button.addEventListener("click", () => {
    button.setAttribute("aria-pressed", button.getAttribute("aria-pressed") !== "true");
  });
}

// The library of the plots lies compressed in the page.
async function unpack(element) {
  const bytes = Uint8Array.from(atob(element.textContent), (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  const script = document.createElement("script");
  script.textContent = await new Response(stream).text();
  document.head.append(script);
}

// Plots are drawn when they come into sight, in the colours of the page.
const style = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

const FINGERS = matchMedia("(pointer: coarse)").matches;
const SETTINGS = {
  responsive: true, displaylogo: false, modeBarButtonsToRemove: ["select2d", "lasso2d"],
  showSendToCloud: false, plotlyServerURL: "", // the data stay in the page
};

class Drawing {
  constructor(figure) {
    this.place = figure.querySelector(".drawing");
    this.views = JSON.parse(figure.querySelector("script").textContent);
    this.buttons = [...figure.querySelectorAll(".views button")];
    this.shown = 0;
    this.drawn = false;
    this.buttons.forEach((button, number) => button.addEventListener("click", () => {
      this.shown = number;
      this.buttons.forEach((other) => other.setAttribute("aria-pressed", other === button));
      if (window.Plotly) this.draw();
    }));
  }

  // Which models are switched on stays the same from view to view.
  visibility() {
    return Object.fromEntries((this.place.data || []).map((trace) => [trace.legendgroup, trace.visible]));
  }

  draw() {
    const [, traces, given] = this.views[this.shown], visible = this.visibility();
    const data = traces.map((trace) => {
      const copy = { ...trace };
      if (copy.meta === "tower") copy.marker = { ...copy.marker, color: style("--text") };
      if (copy.legendgroup in visible) copy.visible = visible[copy.legendgroup];
      return copy;
    });
    const layout = { ...given, font: { color: style("--text") } };
    Object.assign(layout, { paper_bgcolor: style("--page"), plot_bgcolor: style("--page") });
    layout.hoverlabel = { bgcolor: style("--raised"), font: { color: style("--text") } };
    for (const axis of Object.keys(layout).filter((name) => /^[xy]axis/.test(name))) {
      layout[axis] = { ...layout[axis], gridcolor: style("--line"), zerolinecolor: style("--line") };
    }
    layout.dragmode = FINGERS ? false : "zoom"; // a finger scrolls the page, and zooms by the buttons
    Plotly.react(this.place, data, layout, SETTINGS);
    this.drawn = true;
  }
}

const drawings = new Map([...document.querySelectorAll(".plot")].map((figure) => [figure, new Drawing(figure)]));
const watcher = new IntersectionObserver((entries) => {
  for (const entry of entries.filter((entry) => entry.isIntersecting)) {
    watcher.unobserve(entry.target);
    drawings.get(entry.target).draw();
  }
}, { rootMargin: "400px" });
if (drawings.size) {
  unpack(document.getElementById("plotly")).then(
    () => drawings.forEach((drawing, figure) => watcher.observe(figure)),
    () => drawings.forEach((drawing) => { drawing.place.textContent = "Plots need a browser of 2023 or later."; }),
  );
}

// Light or dark: as the system says, until the button is pressed.
const toggle = document.getElementById("theme"), system = matchMedia("(prefers-color-scheme: dark)");

function setTheme(dark) {
  document.documentElement.dataset.theme = dark ? "dark" : "light";
  toggle.textContent = dark ? "Light" : "Dark";
  for (const drawing of drawings.values()) if (drawing.drawn) drawing.draw();
}

toggle.addEventListener("click", () => setTheme(document.documentElement.dataset.theme !== "dark"));
system.addEventListener("change", (event) => setTheme(event.matches));
setTheme(system.matches);
