// Layers as PNG files and back, a few rows at a time: no copy of a whole picture is made, and colours
// under half-transparent paint stay exact, which a browser's own canvas does not promise.

const ROWS = 128;
const SIGNATURE = [137, 80, 78, 71, 13, 10, 26, 10];

const CRC = new Uint32Array(256).map((_, n) => {
  for (let k = 0; k < 8; k++) n = n & 1 ? 0xedb88320 ^ (n >>> 1) : n >>> 1;
  return n >>> 0;
});

function crc(parts) {
  let sum = 0xffffffff;
  for (const part of parts) for (const byte of part) sum = CRC[(sum ^ byte) & 255] ^ (sum >>> 8);
  return (sum ^ 0xffffffff) >>> 0;
}

const word = (n) => new Uint8Array([n >>> 24, n >>> 16, n >>> 8, n]);

function chunk(name, data) {
  const type = new TextEncoder().encode(name);
  return [word(data.length), type, data, word(crc([type, data]))];
}

/** A layer inside `frame` as a PNG: grey for a mask, RGBA for colour. */
export async function encode(tiles, frame) {
  const { width, height } = frame;
  const squeeze = new CompressionStream("deflate");
  const squeezed = new Response(squeeze.readable).arrayBuffer();
  const writer = squeeze.writable.getWriter();
  for (let y = 0; y < height; y += ROWS) {
    const to = Math.min(y + ROWS, height);
    await writer.write(filtered(tiles.rows(frame, y, to), width * tiles.channels, to - y));
  }
  await writer.close();
  const header = new Uint8Array([...word(width), ...word(height), 8, tiles.channels === 1 ? 0 : 6, 0, 0, 0]);
  const body = new Uint8Array(await squeezed);
  const chunks = [...chunk("IHDR", header), ...chunk("IDAT", body), ...chunk("IEND", new Uint8Array())];
  return new Blob([new Uint8Array(SIGNATURE), ...chunks], { type: "image/png" });
}

/** Rows as PNG wants them: each after a byte that names its filter, here none. */
function filtered(rows, stride, count) {
  const out = new Uint8Array((stride + 1) * count);
  for (let y = 0; y < count; y++) out.set(rows.subarray(y * stride, (y + 1) * stride), y * (stride + 1) + 1);
  return out;
}

/** Read a PNG that `encode` made into a layer. Rejects if it is none. */
export async function decode(blob, tiles, frame) {
  const exact = { colorSpaceConversion: "none", premultiplyAlpha: "none" };
  const bitmap = await createImageBitmap(blob, exact);
  const stripe = surface(bitmap.width, Math.min(ROWS, bitmap.height));
  const context = stripe.getContext("2d", { willReadFrequently: true });
  for (let y = 0; y < bitmap.height; y += ROWS) {
    const count = Math.min(ROWS, bitmap.height - y);
    context.clearRect(0, 0, stripe.width, stripe.height);
    context.drawImage(bitmap, 0, -y);
    const { data } = context.getImageData(0, 0, bitmap.width, count);
    tiles.setRows(frame, y, tiles.channels === 4 ? data : every(data, 4));
  }
  bitmap.close();
}

/** Every fourth byte: the red of a grey picture. */
function every(data, step) {
  const out = new Uint8ClampedArray(data.length / step);
  for (let i = 0; i < out.length; i++) out[i] = data[i * step];
  return out;
}

/** A canvas that is on no page. */
export function surface(width, height) {
  if (typeof OffscreenCanvas !== "undefined") return new OffscreenCanvas(width, height);
  return Object.assign(document.createElement("canvas"), { width, height });
}
