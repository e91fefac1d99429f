// The stream of the journals.

import { send } from "./api.js";

// Milliseconds before the stream is opened again. They double up to the longest while it is refused.
const PAUSE = 1000, LONGEST = 8000;

/**
 * Follows the journals until the signal is aborted, or the page has no access. `query()` says where the stream begins; `onEvent` gets each
 * event; `onState` gets the problem while there is no stream, and nothing when there is one.
 */
export async function follow(query, onEvent, onState, signal) {
  for (let pause = PAUSE; !signal.aborted; pause = Math.min(2 * pause, LONGEST)) {
    let problem = "the connection has ended";
    try {
      const response = await send(`/journal/stream${query()}`, { signal });
      onState("");
      pause = PAUSE / 2;
      await read(response.body.getReader(), onEvent);
    } catch (error) {
      problem = error.message;
      if (error.status === 403 && !signal.aborted) return onState(problem);
    }
    if (signal.aborted) return;
    onState(problem);
    await new Promise((resolve) => setTimeout(resolve, pause));
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
