// The stream of the journals.

import { send } from "./api.js";

/**
 * Follows the journals until the signal is aborted. `onEvent` gets each event; `onState` "live", or "away" while there is no connection.
 * After an interruption, the first event has the earlier requests again.
 */
export async function follow(onEvent, onState, signal) {
  while (!signal.aborted) {
    try {
      const response = await send("/journal/stream", { signal });
      onState("live");
      await read(response.body.getReader(), onEvent);
    } catch (error) {
      if (signal.aborted) return;
    }
    onState("away");
    await new Promise((resolve) => setTimeout(resolve, 1000));
  }
}

async function read(reader, onEvent) {
  const decoder = new TextDecoder();
  let text = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    text += decoder.decode(value, { stream: true });
    const events = text.split("\n\n");
    text = events.pop();
    for (const event of events) {
      if (event.startsWith("data: ")) onEvent(JSON.parse(event.slice(6)));
    }
  }
}
