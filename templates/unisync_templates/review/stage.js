// How the two pictures lie: side by side, wiped, one at a time, or their difference.
class Stage {
  constructor(element, divider) {
    this.element = element;
    this.divider = divider;
    this.view = null;
    this.zoomed = false;
    this.split = 50;
    divider.addEventListener("keydown", (event) => this.key(event));
    element.addEventListener("pointerdown", (event) => this.grab(event));
    element.addEventListener("pointermove", (event) => {
      if (element.hasPointerCapture(event.pointerId)) this.drag(event);
    });
    this.wipe(50);
  }

  get mode() {
    return this.element.dataset.view;
  }

  set mode(name) {
    this.element.dataset.view = name;
    this.element.dataset.shown = "after";
  }

  flip() {
    this.element.dataset.shown = this.element.dataset.shown === "before" ? "after" : "before";
  }

  open(view) {
    this.view = view;
    this.element.style.setProperty("--aspect", view.size[0] / view.size[1]);
    this.zoom(this.zoomed);
  }

  // Left of the divider lies the before picture, right of it the after picture.
  wipe(percent) {
    this.split = Math.min(Math.max(percent, 0), 100);
    this.element.style.setProperty("--split", `${this.split}%`);
    this.divider.setAttribute("aria-valuenow", String(Math.round(this.split)));
    this.divider.setAttribute("aria-valuetext", `${Math.round(this.split)} % before`);
  }

  key(event) {
    const step = event.shiftKey ? 10 : 2;
    const moves = { ArrowLeft: -step, ArrowDown: -step, ArrowRight: step, ArrowUp: step };
    if (event.key in moves) this.wipe(this.split + moves[event.key]);
    else if (event.key === "Home") this.wipe(0);
    else if (event.key === "End") this.wipe(100);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  grab(event) {
    if (this.mode === "flip") this.flip();
    if (this.mode !== "wipe" || event.button !== 0) return;
    this.element.setPointerCapture(event.pointerId);
    this.drag(event);
    event.preventDefault();
  }

  drag(event) {
    const box = this.element.querySelector(".frame").getBoundingClientRect();
    this.wipe(((event.clientX - box.left) / box.width) * 100);
  }

  // Enlarge the part that changed, with room around it, kept inside the picture.
  zoom(on) {
    this.zoomed = on;
    const region = on && this.view && this.view.region;
    const style = this.element.style;
    if (!region) {
      style.setProperty("--scale", 1);
      style.setProperty("--x", "0%");
      style.setProperty("--y", "0%");
      return;
    }
    const [x0, y0, x1, y1] = region.map((value) => value / 1000);
    const room = Math.min(1, Math.max(x1 - x0, y1 - y0, 0.12) * 1.7);
    const start = (low, high) => Math.min(Math.max((low + high - room) / 2, 0), 1 - room);
    style.setProperty("--scale", 1 / room);
    style.setProperty("--x", `${-start(x0, x1) * 100}%`);
    style.setProperty("--y", `${-start(y0, y1) * 100}%`);
  }
}
