// What is painted on one canvas: a picture, a layer of colour and a mask over it, the frame that is to be
// generated, and the way back. The picture's file and the layers are kept by the server under their
// checksums; the page remembers the ids.

import * as api from "./api.js";
import { decode, encode } from "./canvas-png.js";
import { History } from "./canvas-history.js";
import { Tiles } from "./canvas-tiles.js";

/** Phones and other small machines: less history, and the picture no finer than their screens. */
export const SMALL = matchMedia("(pointer: coarse)").matches || (navigator.deviceMemory ?? 8) <= 4;
const BUDGET = (SMALL ? 48 : 256) * 2 ** 20;
const SHOWN = SMALL ? 4e6 : 70e6; // pixels of the bitmap

export class Painting extends EventTarget {
  constructor() {
    super();
    this.picture = null;
    this.frame = null;
    this.fill = "mirror";
    this.layers = { mask: new Tiles(1), color: new Tiles(4) };
    this.history = new History(BUDGET);
    this.bitmap = null;
    this.saved = { mask: null, color: null };
    this.dirty = { mask: false, color: false };
    this.version = 0;
    this.turn = Promise.resolve();
  }

  get extended() {
    const { frame, picture } = this;
    return Boolean(picture) && (frame.x < 0 || frame.y < 0 || frame.x + frame.width > picture.width || frame.y + frame.height > picture.height);
  }

  /** All that undo can bring back at once. */
  get state() {
    const { picture, frame, layers, saved, dirty } = this;
    return { picture, frame, layers: { ...layers }, saved: { ...saved }, dirty: { ...dirty } };
  }

  /** Exchange the state for another, with a way back. */
  replace(state, { undoable = true } = {}) {
    const before = this.state;
    this.take(state);
    if (undoable && before.picture) this.history.pushState(this.swap(before));
  }

  swap(other) {
    return () => {
      const before = this.state;
      this.take(other);
      return this.swap(before);
    };
  }

  take(state) {
    const another = state.picture?.id !== this.picture?.id;
    Object.assign(this, state);
    if (another) this.release();
    this.changed();
  }

  /** Load a file: sent to the server, which says whether it is a picture. Rejects with what is wrong. */
  async load(blob, { undoable = true } = {}) {
    const kept = await api.keepLayer(blob);
    const bitmap = await this.decoded(blob, kept);
    const { width, height } = kept;
    const same = this.picture?.width === width && this.picture?.height === height;
    // The next picture of the same size is often the last one's successor: what was painted still fits it.
    const rest = same ? { layers: { ...this.layers }, saved: { ...this.saved }, dirty: { ...this.dirty }, frame: this.frame } : blank(width, height);
    this.replace({ picture: { id: kept.id, width, height, name: blob.name ?? "", blob }, ...rest }, { undoable });
    this.show(bitmap);
  }

  /** Take the picture and all that was painted away. */
  clear() {
    if (this.picture) this.replace({ picture: null, ...blank(0, 0) });
  }

  /** Take away what was painted on a layer. */
  wipe(name) {
    if (this.layers[name].empty) return;
    const { layers, saved, dirty } = this.state;
    layers[name] = new Tiles(layers[name].channels);
    this.replace({ ...this.state, layers, saved: { ...saved, [name]: null }, dirty: { ...dirty, [name]: false } });
  }

  /** Another frame, with a way back. Layers are kept as the frame cuts them, so they are sent again. */
  reframe(frame) {
    const { mask, color } = this.layers;
    this.replace({ ...this.state, frame, saved: { mask: null, color: null }, dirty: { mask: !mask.empty, color: !color.empty } });
  }

  /** The picture's bitmap; made anew from its file after `release`. */
  async prepare() {
    const { picture } = this;
    if (!picture || this.bitmap) return;
    picture.blob ??= await api.layer(picture.id);
    const bitmap = await this.decoded(picture.blob, picture);
    if (this.picture === picture) this.show(bitmap);
  }

  show(bitmap) {
    this.release();
    this.bitmap = bitmap;
    this.changed();
  }

  /** Give up the bitmap: the canvas shows something else. */
  release() {
    this.bitmap?.close?.();
    this.bitmap = null;
  }

  /** A bitmap of a picture as the server sees it, turned the right way round. */
  async decoded(blob, { id, width, height }) {
    const shrink = Math.min(1, Math.sqrt(SHOWN / (width * height)));
    const size = shrink < 1 ? { resizeWidth: Math.round(width * shrink), resizeHeight: Math.round(height * shrink), resizeQuality: "high" } : {};
    try {
      const whole = await createImageBitmap(blob);
      if (whole.width === width && whole.height === height) {
        if (shrink === 1) return whole;
        const small = await createImageBitmap(whole, size);
        whole.close();
        return small;
      }
      whole.close();
    } catch { /* a format this browser does not show: the server makes one that it does */ }
    return createImageBitmap(await api.layer(id, true), size);
  }

  /** Something was painted on a layer. */
  painted(name) {
    this.dirty[name] = true;
    this.version += 1;
    this.changed();
  }

  changed() {
    this.dispatchEvent(new Event("change"));
  }

  /** Send what the server does not have yet; answers with what a request or the page's memory names. */
  save() {
    this.turn = this.turn.catch(() => {}).then(() => this.send());
    return this.turn;
  }

  async send() {
    const { picture, frame, layers, saved, dirty } = this;
    if (!picture) return null;
    for (const name of ["mask", "color"]) {
      while (dirty[name]) {
        const { version } = this;
        const layer = layers[name];
        saved[name] = layer.painted(frame) ? (await api.keepLayer(await encode(layer, frame))).id : null;
        // Painted on meanwhile: what was sent is no longer all.
        if (this.version === version || this.dirty !== dirty) dirty[name] = false;
      }
    }
    if (this.dirty !== dirty) return this.send();
    const { fill } = this;
    return {
      picture: { id: picture.id, width: picture.width, height: picture.height, name: picture.name },
      mask: saved.mask, color: saved.color, frame: { ...frame }, fill,
    };
  }

  /** What `save` answered with, at an earlier visit. Rejects if the server has forgotten it. */
  async restore({ picture, mask, color, frame, fill }) {
    picture.blob = await api.layer(picture.id);
    const layers = { mask: new Tiles(1), color: new Tiles(4) };
    if (mask) await decode(await api.layer(mask), layers.mask, frame);
    if (color) await decode(await api.layer(color), layers.color, frame);
    this.fill = fill ?? "mirror";
    this.replace({ picture, frame, layers, saved: { mask, color }, dirty: { mask: false, color: false } }, { undoable: false });
  }
}

const blank = (width, height) => ({
  frame: { x: 0, y: 0, width, height },
  layers: { mask: new Tiles(1), color: new Tiles(4) },
  saved: { mask: null, color: null },
  dirty: { mask: false, color: false },
});
