// Where the picture is on the screen: scale and offset, in device pixels.

const LARGEST = 32;
const MARGIN = 12; // CSS pixels around a fitted picture

export class View {
  constructor() {
    this.width = 1;
    this.height = 1;
    this.ratio = 1;
    this.scale = 1;
    this.x = 0;
    this.y = 0;
    this.fitted = true;
  }

  /** The screen's size in CSS pixels and its device pixels for each. */
  resize(width, height, ratio) {
    this.width = Math.max(1, Math.round(width * ratio));
    this.height = Math.max(1, Math.round(height * ratio));
    this.ratio = ratio;
  }

  /** Show a rectangle of the picture whole, small pictures enlarged; `room` is the part of the screen left around it. */
  fit({ x, y, width, height }, room = 0) {
    const margin = MARGIN * this.ratio + room * Math.min(this.width, this.height);
    this.scale = Math.max(Math.min((this.width - 2 * margin) / width, (this.height - 2 * margin) / height, LARGEST), 0.001);
    this.x = (this.width - width * this.scale) / 2 - x * this.scale;
    this.y = (this.height - height * this.scale) / 2 - y * this.scale;
    this.fitted = true;
  }

  /** Zoom about a point of the screen, which keeps its place. */
  zoom(factor, [px, py], rect) {
    const least = Math.min(1, 0.25 * Math.min(this.width / rect.width, this.height / rect.height));
    const scale = Math.min(Math.max(this.scale * factor, least), LARGEST);
    this.x = px - (px - this.x) * (scale / this.scale);
    this.y = py - (py - this.y) * (scale / this.scale);
    this.scale = scale;
    this.fitted = false;
    this.hold(rect);
  }

  pan(dx, dy, rect) {
    this.x += dx;
    this.y += dy;
    this.fitted = false;
    this.hold(rect);
  }

  /** Some of the picture stays in sight. */
  hold({ x, y, width, height }) {
    const keep = 48 * this.ratio;
    const [left, top] = this.toScreen(x, y);
    const [right, bottom] = this.toScreen(x + width, y + height);
    if (right < keep) this.x += keep - right;
    if (left > this.width - keep) this.x -= left - (this.width - keep);
    if (bottom < keep) this.y += keep - bottom;
    if (top > this.height - keep) this.y -= top - (this.height - keep);
  }

  toScreen(x, y) {
    return [x * this.scale + this.x, y * this.scale + this.y];
  }

  toPicture(px, py) {
    return [(px - this.x) / this.scale, (py - this.y) / this.scale];
  }

  /** The rectangle of the picture that a rectangle of the screen shows. */
  seen({ x, y, width, height }) {
    const [x0, y0] = this.toPicture(x, y).map(Math.floor);
    const [x1, y1] = this.toPicture(x + width, y + height).map(Math.ceil);
    return { x: x0, y: y0, width: x1 - x0, height: y1 - y0 };
  }
}
