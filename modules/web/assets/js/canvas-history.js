// Undo and redo. A step is either rectangles of tiles as they were, or a whole state that was replaced
// (another picture, a cleared layer), which costs nothing, as the old state is merely kept.
//
// Steps that are not the newest are compressed when there is time; a mask shrinks to a hundredth.

const RAW = 6;
export const STEPS = 100;
const LEAST = 50;

export class History {
  /** `budget` in bytes: beyond it the oldest steps are given up, but for the last 50. */
  constructor(budget) {
    this.budget = budget;
    this.done = [];
    this.undone = [];
    this.turn = Promise.resolve();
  }

  get canUndo() {
    return this.done.length > 0;
  }

  get canRedo() {
    return this.undone.length > 0;
  }

  /** Bytes of all steps. */
  get bytes() {
    return [...this.done, ...this.undone].reduce((sum, step) => sum + sizeOf(step), 0);
  }

  /** Rectangles as they were before a stroke, as `Stroke.pieces` tells. */
  push(pieces) {
    if (pieces.length) this.add({ pieces });
  }

  /** A replaced state: `swap()` exchanges it for the present one and answers with that. */
  pushState(swap) {
    this.add({ swap });
  }

  add(step) {
    this.done.push(step);
    this.undone = [];
    if (this.done.length > STEPS) this.done.shift();
    this.pack();
    while (this.done.length > LEAST && this.bytes > this.budget) this.done.shift();
  }

  clear() {
    this.done = [];
    this.undone = [];
  }

  /** Take the last step back; `changed(tiles, key)` hears of each tile. Resolves false without one. */
  undo(changed) {
    return this.move("done", "undone", changed);
  }

  redo(changed) {
    return this.move("undone", "done", changed);
  }

  /** Steps are taken one after the other, however fast the key is pressed. */
  move(from, to, changed) {
    this.turn = this.turn.then(async () => {
      const step = this[from].pop();
      if (!step) return false;
      this[to].push(await reversed(step, changed));
      return true;
    });
    return this.turn;
  }

  /** Compress older steps, one at a time. */
  async pack() {
    if (this.packing || typeof CompressionStream === "undefined") return;
    this.packing = true;
    for (;;) {
      const step = this.done.slice(0, -RAW).find((old) => old.pieces?.some((piece) => piece.data));
      if (!step) break;
      for (const piece of step.pieces) {
        if (!piece.data) continue;
        const packed = await through(piece.data, new CompressionStream("deflate-raw"));
        // A step that was undone meanwhile has been unpacked by then or is no longer ours.
        if (piece.data) Object.assign(piece, { packed, data: null });
      }
    }
    this.packing = false;
  }
}

async function reversed(step, changed) {
  if (step.swap) return { swap: step.swap() };
  const pieces = [];
  for (const piece of step.pieces) {
    const { tiles, key, rect } = piece;
    const data = piece.data ?? new Uint8ClampedArray(await through(piece.packed, new DecompressionStream("deflate-raw")));
    piece.data = data;
    pieces.push({ tiles, key, rect, data: tiles.cut(key, rect) });
    tiles.put(key, rect, data);
    changed(tiles, key, rect);
  }
  return { pieces };
}

const sizeOf = (step) => step.pieces?.reduce((sum, piece) => sum + (piece.data ?? piece.packed).length, 0) ?? 0;

async function through(bytes, stream) {
  const reply = new Response(new Blob([bytes]).stream().pipeThrough(stream));
  return new Uint8Array(await reply.arrayBuffer());
}
