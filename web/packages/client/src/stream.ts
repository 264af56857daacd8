// A thread as an async iterator: every stored message from now on, in seq order, each once. It reads the
// window, which the sync keeps whole, so a reconnect neither repeats nor loses one.

import type { Message } from "./generated/protocol";
import type { Thread } from "./stores/thread";

export function messageStream(thread: Thread): AsyncIterableIterator<Message> {
  let lastSeq = thread.loaded ? thread.lastSeq : null;
  let done = false;
  let wake: (() => void) | null = null;
  const stop = thread.subscribe(() => {
    // The first load is history; the stream begins behind it.
    if (lastSeq === null && thread.loaded) lastSeq = thread.lastSeq;
    wake?.();
  });

  const nextMessage = (): Message | undefined => {
    const after = lastSeq;
    return after === null ? undefined : thread.window.find((message) => message.seq > after);
  };
  const finish = (): IteratorResult<Message> => {
    done = true;
    stop();
    wake?.();
    return { done: true, value: undefined };
  };
  return {
    async next() {
      while (!done) {
        const message = nextMessage();
        if (message) {
          lastSeq = message.seq;
          return { done: false, value: message };
        }
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
      return finish();
    },
    return: () => Promise.resolve(finish()),
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}
