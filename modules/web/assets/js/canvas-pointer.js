// Mouse, pen and fingers on the canvas. One pointer paints with the chosen tool, two fingers move and
// zoom, a middle button or a held key moves. A pen is not disturbed by the hand that holds it.

const PALM = 800; // milliseconds after the pen in which fingers do not paint

export class Pointers {
  /** `act` is the canvas: begin, go, end and revert a stroke, pan, zoom, hover, leave. */
  constructor(stage, act) {
    this.stage = stage;
    this.act = act;
    this.down = new Map();
    this.gesture = null;
    this.penAt = -Infinity;
    this.holding = false; // a key for moving is held
    stage.addEventListener("pointerdown", (event) => this.onDown(event));
    stage.addEventListener("pointermove", (event) => this.onMove(event));
    for (const name of ["pointerup", "pointercancel"]) stage.addEventListener(name, (event) => this.onUp(event));
    stage.addEventListener("pointerleave", () => act.leave());
    stage.addEventListener("contextmenu", (event) => { if (act.painting.picture) event.preventDefault(); });
    stage.addEventListener("wheel", (event) => this.onWheel(event), { passive: false });
    this.control = false;
    addEventListener("keydown", (event) => { if (event.key === "Control") this.control = true; });
    addEventListener("keyup", (event) => { if (event.key === "Control") this.control = false; });
    addEventListener("blur", () => { this.control = false; });
  }

  at(event) {
    const box = this.stage.getBoundingClientRect();
    const ratio = this.act.view.ratio;
    return [(event.clientX - box.left) * ratio, (event.clientY - box.top) * ratio];
  }

  onDown(event) {
    const { act } = this;
    if (!act.painting.picture || event.target.closest("button, [data-edge]")) return;
    if (event.pointerType === "pen") this.penAt = performance.now();
    this.stage.setPointerCapture(event.pointerId);
    this.down.set(event.pointerId, this.at(event));
    act.touched(event);
    if (this.down.size === 2) return this.pinch();
    if (this.down.size > 2) return;
    const palm = event.pointerType === "touch" && performance.now() - this.penAt < PALM;
    if (event.button === 1 || this.holding || palm || ["hand", "frame"].includes(act.tool)) {
      event.preventDefault();
      this.gesture = { kind: "pan", from: this.at(event) };
    } else if (event.button === 0 || event.button === 2) {
      event.preventDefault();
      this.gesture = { kind: "tool" };
      act.begin(this.at(event), event, event.button === 2);
    }
  }

  onMove(event) {
    const { act, gesture } = this;
    if (event.pointerType === "pen") this.penAt = performance.now();
    if (!this.down.has(event.pointerId)) return act.hover(this.at(event), event);
    const before = [...this.down.values()];
    this.down.set(event.pointerId, this.at(event));
    if (gesture?.kind === "pinch") return this.onPinch(before);
    if (gesture?.kind === "pan") {
      const to = this.at(event);
      act.pan(to[0] - gesture.from[0], to[1] - gesture.from[1]);
      gesture.from = to;
    } else if (gesture?.kind === "tool") {
      const all = event.getCoalescedEvents?.() ?? [];
      for (const one of all.length ? all : [event]) act.go(this.at(one), one);
      act.hover(this.at(event), event);
    }
  }

  onUp(event) {
    if (!this.down.delete(event.pointerId)) return;
    const { gesture, act } = this;
    if (gesture?.kind === "tool") {
      if (event.type === "pointercancel") act.revert();
      else act.end(this.at(event), event);
    }
    // The second finger may leave first; the other one does not paint then.
    if (!this.down.size || gesture?.kind !== "pinch") this.gesture = null;
  }

  pinch() {
    if (this.gesture?.kind === "tool") this.act.revert();
    this.gesture = { kind: "pinch" };
  }

  onPinch(before) {
    const after = [...this.down.values()];
    if (after.length < 2 || before.length < 2) return;
    const [a, b] = [spread(before), spread(after)];
    this.act.pan(b.x - a.x, b.y - a.y);
    if (a.distance > 0) this.act.zoom(b.distance / a.distance, [b.x, b.y]);
  }

  onWheel(event) {
    const { act } = this;
    if (!act.painting.picture) return;
    // A trackpad's pinch comes as a wheel with a Ctrl that nobody holds.
    const pinched = event.ctrlKey && !this.control;
    const deed = pinched ? "zoom" : act.wheelDeed(event);
    if (!deed) return;
    event.preventDefault();
    const delta = event.deltaY || event.deltaX; // Shift turns the wheel aside
    if (deed === "zoom") act.zoom(Math.exp(-delta * (pinched ? 0.01 : 0.0016)), this.at(event));
    else act.resizeBrush(delta < 0 ? 1 : -1);
  }
}

function spread([a, b]) {
  return { x: (a[0] + b[0]) / 2, y: (a[1] + b[1]) / 2, distance: Math.hypot(a[0] - b[0], a[1] - b[1]) };
}
