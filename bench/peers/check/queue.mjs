// What has arrived and was not read yet, and whoever waits for more.

const PATIENCE_MS = 10_000;

export class Queue {
  #items = [];
  #waiting = [];
  #ended = null;

  push(item) {
    const waiter = this.#waiting.shift();
    if (waiter) waiter.resolve(item);
    else this.#items.push(item);
  }

  /** Nothing more will come: whoever waits is told why. */
  end(reason) {
    this.#ended ??= reason;
    for (const waiter of this.#waiting.splice(0)) waiter.reject(reason);
  }

  next(what) {
    if (this.#items.length > 0) return Promise.resolve(this.#items.shift());
    if (this.#ended) return Promise.reject(this.#ended);
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`no ${what} came`)), PATIENCE_MS);
      this.#waiting.push({
        resolve: (item) => (clearTimeout(timer), resolve(item)),
        reject: (reason) => (clearTimeout(timer), reject(reason)),
      });
    });
  }

  get length() {
    return this.#items.length;
  }
}
