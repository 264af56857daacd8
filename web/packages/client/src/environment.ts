// Everything the client takes from the outside world: socket, clock, timers, randomness, fetch, storage
// and locks. Nothing else in this package may touch a global, so that every behaviour can be driven by a
// test. `browserEnvironment` is the one place that reads the globals.

import { eitherRecords, indexedRecords, movedRecords, type Records, textRecords } from "./records";

/** The part of a WebSocket the client uses. */
export type Socket = {
  send(text: string): void;
  close(code?: number): void;
};

export type SocketHandlers = {
  open(): void;
  message(text: string): void;
  close(code: number): void;
};

/** A place for small texts which survives a reload. */
export type TextStorage = {
  get(key: string): string | null;
  set(key: string, value: string): void;
  remove(key: string): void;
  keys(prefix: string): string[];
};

export type Timer = { cancel(): void };

export type Environment = {
  openSocket(url: string, handlers: SocketHandlers): Socket;
  fetch(url: string, init: RequestInit): Promise<Response>;
  nowMs(): number;
  after(delayMs: number, fn: () => void): Timer;
  /** A number in [0, 1). */
  random(): number;
  /** Where the outbox keeps what was not acked yet. */
  records: Records;
  /**
   * Runs `task` while no other tab of this browser runs one under the same name. A name that stays taken
   * for `withinMs` is ignored, and so are locks where there are none.
   */
  lock<T>(name: string, withinMs: number, task: () => Promise<T>): Promise<T>;
  /** Whether somebody can see the page. */
  isVisible(): boolean;
  /** Tells when the device loses or finds its network, or wakes up; returns how to stop listening. */
  onNetwork(fn: (hint: "lost" | "found") => void): () => void;
};

/** Storage that forgets; for Node, tests, and browsers which refuse storage. */
export function memoryStorage(): TextStorage {
  const held = new Map<string, string>();
  return {
    get: (key) => held.get(key) ?? null,
    set: (key, value) => void held.set(key, value),
    remove: (key) => void held.delete(key),
    keys: (prefix) => [...held.keys()].filter((key) => key.startsWith(prefix)),
  };
}

/** A browser's localStorage. A full or forbidden store must not stop a message, so writes are best effort. */
export function localTextStorage(store: Storage): TextStorage {
  return {
    get: (key) => store.getItem(key),
    set: (key, value) => {
      try {
        store.setItem(key, value);
      } catch {
        // Quota or private mode: the text lives on in memory and is only lost by a reload.
      }
    },
    remove: (key) => store.removeItem(key),
    keys: (prefix) => {
      const found: string[] = [];
      for (let index = 0; index < store.length; index += 1) {
        const key = store.key(index);
        if (key?.startsWith(prefix)) found.push(key);
      }
      return found;
    },
  };
}

function defaultStorage(): TextStorage {
  try {
    return typeof localStorage === "undefined" ? memoryStorage() : localTextStorage(localStorage);
  } catch {
    return memoryStorage();
  }
}

function defaultRecords(): Records {
  const storage = defaultStorage();
  const texts = textRecords(storage);
  if (typeof indexedDB === "undefined") return movedRecords(texts, storage);
  return movedRecords(eitherRecords(indexedRecords(indexedDB), texts), storage);
}

async function browserLock<T>(name: string, withinMs: number, task: () => Promise<T>): Promise<T> {
  // Plain http on a LAN address has no locks.
  if (typeof navigator === "undefined" || !navigator.locks) return task();
  let granted = false;
  const signal = AbortSignal.timeout(withinMs);
  try {
    return await navigator.locks.request(name, { signal }, () => {
      granted = true;
      return task();
    });
  } catch (error) {
    if (granted) throw error;
    return task();
  }
}

/** The environment of a browser (and of Node 22+, which has WebSocket and no localStorage). */
export function browserEnvironment(): Environment {
  return {
    openSocket(url, handlers) {
      const socket = new WebSocket(url);
      socket.onopen = () => handlers.open();
      socket.onmessage = (event) => handlers.message(String(event.data));
      socket.onclose = (event) => handlers.close(event.code);
      return socket;
    },
    fetch: (url, init) => globalThis.fetch(url, init),
    nowMs: () => Date.now(),
    after(delayMs, fn) {
      const id = setTimeout(fn, delayMs);
      return { cancel: () => clearTimeout(id) };
    },
    random: () => Math.random(),
    records: defaultRecords(),
    lock: browserLock,
    isVisible: () => typeof document === "undefined" || document.visibilityState === "visible",
    onNetwork(fn) {
      if (typeof window === "undefined") return () => {};
      const found = () => fn("found");
      const lost = () => fn("lost");
      const seen = () => document.visibilityState === "visible" && fn("found");
      window.addEventListener("online", found);
      window.addEventListener("offline", lost);
      document.addEventListener("visibilitychange", seen);
      return () => {
        window.removeEventListener("online", found);
        window.removeEventListener("offline", lost);
        document.removeEventListener("visibilitychange", seen);
      };
    },
  };
}
