// The one place that knows the server's addresses.

const base = new URL(".", document.baseURI);
const url = (path) => new URL(path, base).href;
const jobPath = (id) => `atelier/v1/jobs/${encodeURIComponent(id)}`;

export class ServerError extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

async function ask(path, options = {}) {
  const reply = await fetch(url(path), options);
  const body = await reply.json().catch(() => null);
  if (!reply.ok) throw new ServerError(reply.status, body?.detail || body?.errors || reply.statusText);
  return body;
}

export const job = (id) => ask(jobPath(id));
export const jobs = () => ask("atelier/v1/jobs");
export const archive = (id) => url(`${jobPath(id)}/images.zip`);

/** The forming picture as an address, if it is a newer one than `shown`: {number, source} or null. */
export async function preview(id, shown) {
  const body = JSON.stringify({ id_task: id, id_live_preview: shown, live_preview: true });
  const reply = await ask("internal/progress", { method: "POST", headers: { "content-type": "application/json" }, body });
  return reply.live_preview ? { number: reply.id_live_preview, source: reply.live_preview } : null;
}

export const interrupt = (id, afterCurrent = false) => ask(`${jobPath(id)}/interrupt${afterCurrent ? "?after_current=true" : ""}`, { method: "POST" });
export const skip = (id) => ask(`${jobPath(id)}/skip`, { method: "POST" });

const post = (path, body) => ask(path, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
export const styles = () => ask("sdapi/v1/prompt-styles");
export const saveStyle = (style) => post("atelier/v1/styles", style);
export const deleteStyle = (name) => post("atelier/v1/styles/delete", { name });
export const replayed = (id) => ask(`atelier/v1/replay/${encodeURIComponent(id)}`);
export const absolute = url;

/** Keep a picture or a layer; answers {id, width, height}. */
export const keepLayer = (blob) => ask("atelier/v1/layers", { method: "POST", headers: { "content-type": blob.type || "application/octet-stream" }, body: blob });
/** A kept picture; `plain` as a PNG that every browser can show. */
export const layerUrl = (id, plain = true) => url(`atelier/v1/layers/${encodeURIComponent(id)}${plain ? "?plain=true" : ""}`);
export async function layer(id, plain = false) {
  const reply = await fetch(layerUrl(id, plain));
  if (!reply.ok) throw new ServerError(reply.status, (await reply.json().catch(() => null))?.detail ?? reply.statusText);
  return reply.blob();
}
/** What the loaded checkpoint has a control for, {image_cfg}. */
export const model = () => ask("atelier/v1/model");
/** What a kept picture shows, {caption}; `model` is clip or deepdanbooru. */
export const describe = (image, model) => ask("atelier/v1/describe", { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ image, model }) });

/** Some of a page's cards: {total, folders, cards}. */
export const cards = (wish) => ask(`atelier/v1/cards?${new URLSearchParams(wish)}`);
export const cardDetails = (page, key) => ask(`atelier/v1/cards/details?${new URLSearchParams({ page, key })}`);
export const cardThumb = (page, card) => url(`atelier/v1/cards/thumb?${new URLSearchParams({ page, key: card.key, v: card.preview })}`);
export const noteCard = (page, key, values) => post("atelier/v1/cards/note", { page, key, values });
export const previewCard = (page, key, picture) => post("atelier/v1/cards/preview", { page, key, picture });
export const refreshCards = (page) => post("atelier/v1/cards/refresh", { page });
