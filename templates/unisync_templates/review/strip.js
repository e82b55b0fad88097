// The shot as a strip: above, how much each frame changed; below, what was done with it.
const STATE_NAMES = { g: "generated", b: "bridged", ".": "plate" };

class Strip {
  constructor(canvas, onSeek) {
    this.canvas = canvas;
    this.onSeek = onSeek;
    this.view = null;
    this.frame = 0;
    canvas.addEventListener("pointerdown", (event) => {
      canvas.setPointerCapture(event.pointerId);
      this.seek(event);
    });
    canvas.addEventListener("pointermove", (event) => {
      if (canvas.hasPointerCapture(event.pointerId)) this.seek(event);
    });
    new ResizeObserver(() => this.draw()).observe(canvas);
    matchMedia("(prefers-color-scheme: light)").addEventListener("change", () => this.draw());
  }

  open(view) {
    this.view = view;
    this.canvas.setAttribute("aria-valuemax", String(view.frames - 1));
    this.draw();
  }

  isHandle(k) {
    return k < this.view.head || k >= this.view.frames - this.view.tail;
  }

  stateName(k) {
    return STATE_NAMES[this.view.states[k]] || "plate";
  }

  at(frame) {
    this.frame = frame;
    this.canvas.setAttribute("aria-valuenow", String(frame));
    const text = `frame ${frame}, ${recordTimecode(this.view, frame)}, ${this.stateName(frame)}`;
    this.canvas.setAttribute("aria-valuetext", text);
    this.draw();
  }

  seek(event) {
    const box = this.canvas.getBoundingClientRect();
    this.onSeek(Math.floor(((event.clientX - box.left) / box.width) * this.view.frames));
  }

  draw() {
    const { canvas, view } = this;
    const ratio = devicePixelRatio || 1;
    const [width, height] = [canvas.clientWidth * ratio, 44 * ratio].map(Math.round);
    if (!view || !width) return;
    if (canvas.width !== width || canvas.height !== height) {
      canvas.width = width;
      canvas.height = height;
    }
    const style = getComputedStyle(canvas);
    const colour = (name) => style.getPropertyValue(name).trim();
    const inks = { g: colour("--generated"), b: colour("--bridged"), ".": colour("--passed") };
    const context = canvas.getContext("2d");
    const band = Math.round(12 * ratio);
    const top = height - band - 2 * ratio;
    const edge = (k) => Math.round((k * width) / view.frames);
    context.clearRect(0, 0, width, height);
    for (let k = 0; k < view.frames; k += 1) {
      const [x, wide] = [edge(k), Math.max(1, edge(k + 1) - edge(k) - (width > 4 * view.frames))];
      context.globalAlpha = this.isHandle(k) ? 0.4 : 1;
      context.fillStyle = inks[view.states[k]] || inks["."];
      context.fillRect(x, height - band, wide, band);
      context.fillStyle = colour("--change");
      const tall = Math.round((view.changes[k] / 1000) * top);
      context.fillRect(x, top - tall, wide, tall);
    }
    context.globalAlpha = 1;
    this.drawPlayhead(context, edge, height, ratio, colour("--ink"));
  }

  drawPlayhead(context, edge, height, ratio, ink) {
    const middle = (edge(this.frame) + edge(this.frame + 1)) / 2;
    context.fillStyle = ink;
    context.fillRect(Math.round(middle - ratio), 0, Math.round(2 * ratio), height);
  }
}
