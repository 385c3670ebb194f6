"use strict";
// Leafs through the pictures of a series: wheel, keys, a finger, the slider. Without it the page is a list.

document.documentElement.classList.add("scripts");

const AHEAD = 12, PARALLEL = 3, STEP = 14, NOTCH = 40;
const viewer = document.querySelector("[data-viewer]");
const screen_ = viewer && viewer.querySelector(".screen");

if (screen_) {
  const image = screen_.querySelector("img"), slider = viewer.querySelector(".leaf");
  const count = viewer.querySelector("[data-count]"), said = viewer.querySelector("[data-said]");
  const loaded = new Map();
  let pictures = stack(viewer.querySelector("[name=window]:checked"));
  let at = pictures.findIndex((one) => one.address === image.getAttribute("src")), loading = 0, closed = false;

  function stack(radio) {
    return radio.dataset.pictures.trim().split(" ").map((text) => {
      const [number, part, width, height] = text.split(":");
      return { number: Number(number), address: part && viewer.dataset.base + part, width, height };
    });
  }

  function show(place) {
    at = Math.max(0, Math.min(pictures.length - 1, place));
    const one = pictures[at];
    slider.value = at;
    const words = count.dataset.words.replace("#", one.number);
    count.textContent = words;
    slider.setAttribute("aria-valuetext", words);
    screen_.classList.toggle("broken", !one.address);
    say(one.address ? "" : viewer.dataset.broken);
    if (one.address) draw(one, words);
    ahead();
  }

  function draw(one, words) {
    load(one).then(() => {
      if (pictures[at] !== one) return;
      image.src = one.address;
      image.width = one.width;
      image.height = one.height;
      image.alt = words;
      screen_.classList.remove("waiting");
    }, () => { if (pictures[at] === one) why(one); });
    if (!loaded.get(one.address).done) screen_.classList.add("waiting");
  }

  function load(one) {
    const known = loaded.get(one.address);
    if (known) return known.promise;
    const entry = { done: false, picture: new Image() };
    loading += 1;
    entry.promise = new Promise((resolve, reject) => {
      entry.picture.onload = () => { entry.done = true; loading -= 1; resolve(); ahead(); };
      entry.picture.onerror = () => { loaded.delete(one.address); loading -= 1; reject(new Error("not loaded")); };
    });
    entry.promise.catch(() => {});
    entry.picture.src = one.address;
    loaded.set(one.address, entry);
    return entry.promise;
  }

  // The neighbours are there before anybody asks for them; the rest of a long series is not fetched for nothing.
  function ahead() {
    if (closed || document.readyState !== "complete") return;
    for (let far = 1; far <= AHEAD && loading < PARALLEL; far += 1) {
      for (const one of [pictures[at + far], pictures[at - far]]) {
        if (one && one.address && !loaded.has(one.address) && loading < PARALLEL) load(one);
      }
    }
  }

  // A picture that does not come: the link may have closed meanwhile.
  async function why(one) {
    let status = 0;
    try { status = (await fetch(one.address, { cache: "no-store" })).status; } catch { /* no connection */ }
    closed = status === 410 || status === 404 || status === 403;
    say(closed ? viewer.dataset.closed : viewer.dataset.offline);
    screen_.classList.remove("waiting");
  }

  function say(words) { if (!closed || words) said.textContent = words; }

  slider.addEventListener("input", () => show(Number(slider.value)));

  viewer.addEventListener("change", (event) => {
    if (event.target.name !== "window") return;
    const number = pictures[at].number;
    pictures = stack(event.target);
    slider.max = pictures.length - 1;
    const far = pictures.map((one) => Math.abs(one.number - number));
    show(far.indexOf(Math.min(...far)));
  });

  let rolled = 0;
  screen_.addEventListener("wheel", (event) => {
    if (event.ctrlKey || pictures.length < 2) return;
    event.preventDefault();
    rolled += event.deltaMode ? event.deltaY * NOTCH : event.deltaY;
    const steps = Math.trunc(rolled / NOTCH);
    rolled -= steps * NOTCH;
    if (steps) show(at + steps);
  }, { passive: false });

  const KEYS = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1, PageDown: 10, PageUp: -10, Home: -1e6, End: 1e6 };
  document.addEventListener("keydown", (event) => {
    const step = KEYS[event.key];
    if (!step || event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
    const field = event.target.closest("input, a, button, summary");
    // In a group of choices and on a link the arrows are theirs; up and down of the slider would go the other way.
    if (field && field !== slider) return;
    event.preventDefault();
    show(at + step);
  });

  let from = null;
  screen_.addEventListener("pointerdown", (event) => {
    if (!event.isPrimary || event.button) return;
    from = { x: event.clientX, at };
    screen_.setPointerCapture(event.pointerId);
  });
  screen_.addEventListener("pointermove", (event) => {
    if (from && event.isPrimary) {
      const place = from.at + Math.round((from.x - event.clientX) / STEP);
      if (place !== at) show(place);
    }
  });
  for (const end of ["pointerup", "pointercancel"]) screen_.addEventListener(end, () => { from = null; });

  addEventListener("load", ahead);
  slider.setAttribute("aria-valuetext", count.textContent);
}
