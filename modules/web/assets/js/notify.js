// Telling of a finished job: the user's notification.mp3, and a message of the browser while it shows another page.

import { absolute } from "./api.js";
import { settings } from "./page.js";

/** A follower's jobs are told of when they end. */
export function setUpNotifications(follower) {
  follower.addEventListener("ended", () => {
    play();
    if (globalThis.Notification?.permission === "granted" && !document.hasFocus()) new Notification("Your pictures are ready.");
  });
}

async function play() {
  const volume = Math.min(Math.max(Number(settings.notification_volume ?? 100) / 100, 0), 1);
  if (settings.notification_audio === false || volume === 0) return;
  try {
    const reply = await fetch(absolute("atelier/v1/notification.mp3"));
    if (reply.status !== 200) return;
    const sound = new Audio(URL.createObjectURL(await reply.blob()));
    sound.volume = volume;
    sound.addEventListener("ended", () => URL.revokeObjectURL(sound.src));
    await sound.play();
  } catch { /* no sound device, or the browser wants a click first */ }
}

/** Ask the browser for leave to show messages. */
export const askToNotify = () => globalThis.Notification?.requestPermission();
