// Unsent text per conversation, kept across reloads under the account that wrote it. Observable, because
// the list marks conversations that hold one.

import type { Readable } from "@parlor/client";

type KeyValue = Pick<Storage, "getItem" | "setItem" | "removeItem">;
type DraftMap = Readonly<Record<string, string>>;

export class Drafts implements Readable<DraftMap> {
  #held: DraftMap;
  readonly #listeners = new Set<() => void>();
  readonly #key: string;

  constructor(
    userId: string,
    private readonly storage: KeyValue,
  ) {
    this.#key = `parlor.drafts.${userId}`;
    this.#held = this.#read();
  }

  getSnapshot = (): DraftMap => this.#held;

  subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  get(conversationId: string): string {
    return this.#held[conversationId] ?? "";
  }

  set(conversationId: string, text: string): void {
    if (this.get(conversationId) === text) return;
    const { [conversationId]: _, ...others } = this.#read();
    this.#held = text.trim() === "" ? others : { ...others, [conversationId]: text };
    try {
      this.storage.setItem(this.#key, JSON.stringify(this.#held));
    } catch {
      // Storage is full: the draft lasts as long as the page.
    }
    for (const listener of this.#listeners) listener();
  }

  #read(): DraftMap {
    try {
      const parsed: unknown = JSON.parse(this.storage.getItem(this.#key) ?? "{}");
      if (typeof parsed !== "object" || parsed === null) return {};
      const texts = Object.entries(parsed).filter((pair): pair is [string, string] => {
        return typeof pair[1] === "string";
      });
      return Object.fromEntries(texts);
    } catch {
      return {};
    }
  }
}
