// Small texts under keys that survive a reload, written and read asynchronously: where the outbox keeps
// what was not acked yet. IndexedDB in browsers; memory in Node, tests and browsers that refuse storage.
// What a text means is known by who writes it, never here.

import type { TextStorage } from "./environment";

export type Records = {
  /** All pairs whose key begins with `prefix`, in the order of their keys. */
  entries(prefix: string): Promise<[key: string, text: string][]>;
  get(key: string): Promise<string | null>;
  set(key: string, text: string): Promise<void>;
  remove(key: string): Promise<void>;
};

/** Records in a synchronous storage. */
export function textRecords(storage: TextStorage): Records {
  return {
    async entries(prefix) {
      const keys = storage.keys(prefix).sort();
      return keys.map((key): [string, string] => [key, storage.get(key) ?? ""]);
    },
    get: async (key) => storage.get(key),
    set: async (key, text) => storage.set(key, text),
    remove: async (key) => storage.remove(key),
  };
}

const DATABASE = "parlor";
const STORE = "records";

function answer<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

function openDatabase(factory: IDBFactory): Promise<IDBDatabase> {
  const request = factory.open(DATABASE, 1);
  request.onupgradeneeded = () => request.result.createObjectStore(STORE);
  return answer(request);
}

/** Records in IndexedDB. Each write is a transaction of its own, so tabs never overwrite each other. */
export function indexedRecords(factory: IDBFactory): Records {
  let opened: Promise<IDBDatabase> | null = null;
  const database = (): Promise<IDBDatabase> => {
    opened ??= openDatabase(factory).then((db) => {
      const reopenLater = () => {
        opened = null;
      };
      // Another version of the app wants to change the database, or the browser took it away.
      db.onversionchange = () => {
        db.close();
        reopenLater();
      };
      db.onclose = reopenLater;
      return db;
    });
    return opened;
  };
  const reads = async <T>(run: (store: IDBObjectStore) => IDBRequest<T>): Promise<T> =>
    answer(run((await database()).transaction(STORE).objectStore(STORE)));
  // A write is done when its transaction is: a request alone can still be undone.
  const writes = async (run: (store: IDBObjectStore) => IDBRequest): Promise<void> => {
    const transaction = (await database()).transaction(STORE, "readwrite");
    run(transaction.objectStore(STORE));
    await new Promise<void>((resolve, reject) => {
      transaction.oncomplete = () => resolve();
      transaction.onerror = () => reject(transaction.error);
      transaction.onabort = () => reject(transaction.error);
    });
  };
  return {
    async entries(prefix) {
      const range = IDBKeyRange.bound(prefix, `${prefix}\uffff`);
      const db = await database();
      const store = db.transaction(STORE).objectStore(STORE);
      const [keys, texts] = await Promise.all([
        answer(store.getAllKeys(range)),
        answer(store.getAll(range)),
      ]);
      return keys.map((key, index): [string, string] => [String(key), String(texts[index])]);
    },
    async get(key) {
      const text: unknown = await reads((store) => store.get(key));
      return typeof text === "string" ? text : null;
    },
    set: (key, text) => writes((store) => store.put(text, key)),
    remove: (key) => writes((store) => store.delete(key)),
  };
}

/** `second` where `first` can't be used at all, as IndexedDB in some private modes. */
export function eitherRecords(first: Records, second: Records): Records {
  let held: Promise<Records> | null = null;
  const chosen = (): Promise<Records> => {
    held ??= first.get("probe").then(
      () => first,
      () => second,
    );
    return held;
  };
  return {
    entries: async (prefix) => (await chosen()).entries(prefix),
    get: async (key) => (await chosen()).get(key),
    set: async (key, text) => (await chosen()).set(key, text),
    remove: async (key) => (await chosen()).remove(key),
  };
}

const OLD_PREFIX = "parlor.outbox.";
const CLIENT_ID_LENGTH = 36;

export const outboxKey = (userId: string, clientId = ""): string => `outbox/${userId}/${clientId}`;

/** `records` into which messages move that an older version had left waiting in `old`. */
export function movedRecords(records: Records, old: TextStorage): Records {
  const move = async (): Promise<void> => {
    for (const key of old.keys(OLD_PREFIX)) {
      const userId = key.slice(OLD_PREFIX.length, -CLIENT_ID_LENGTH - 1);
      await records.set(outboxKey(userId, key.slice(-CLIENT_ID_LENGTH)), old.get(key) ?? "");
      old.remove(key);
    }
  };
  let moved: Promise<void> | null = null;
  return {
    ...records,
    async entries(prefix) {
      // What could not be moved stays where it was, for the next time.
      moved ??= move().catch(() => undefined);
      await moved;
      return records.entries(prefix);
    },
  };
}
