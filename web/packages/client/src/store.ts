// The smallest observable value: `getSnapshot` answers the same object until something changed, and
// `subscribe` tells when it did. React's useSyncExternalStore and plain code both read it.

export type Readable<T> = {
  getSnapshot(): T;
  subscribe(listener: () => void): () => void;
};

export class Store<T> implements Readable<T> {
  #value: T;
  readonly #listeners = new Set<() => void>();

  constructor(value: T) {
    this.#value = value;
  }

  getSnapshot = (): T => this.#value;

  subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  set(value: T): void {
    if (Object.is(value, this.#value)) return;
    this.#value = value;
    for (const listener of [...this.#listeners]) listener();
  }
}
