// Reads threads over REST: the newest page, what is missing at a window's end, older pages. One reading at
// a time for each thread; it ends when nothing is missing. What happens while a page is on its way is put
// on top of it by the thread itself. Never decides what an event means: that is `sync.ts`.

import { backoffMs } from "./connection/backoff";
import type { Environment } from "./environment";
import { ParlorError } from "./errors";
import type { Message, MessagePage } from "./generated/protocol";
import type { Http } from "./http";
import type { Conversations } from "./stores/conversations";
import type { Thread } from "./stores/thread";

const THREAD_PAGE = 50;
const FILL_PAGE = 200;
/** A thread further behind than this is read anew from its end. */
const FILL_PAGES_MAX = 5;

type Need = "newest" | "after" | null;

export class History {
  readonly #running = new Set<Thread>();
  /** Asked for while they were being read: looked at once more after it. */
  readonly #asked = new Set<Thread>();
  readonly #attempts = new Map<Thread, number>();

  constructor(
    private readonly environment: Environment,
    private readonly http: Http,
    private readonly conversations: Conversations,
    /** Stored messages that came by REST; own ones leave the outbox. */
    private readonly seen: (thread: Thread, messages: readonly Message[]) => void,
  ) {}

  /** Reads what the thread lacks, if somebody looks at it; else it is read when somebody does. */
  heal(thread: Thread): void {
    if (this.#running.has(thread)) {
      this.#asked.add(thread);
      return;
    }
    if (!thread.watched && thread.loaded && this.#need(thread) !== null) thread.reset();
    if (!thread.watched || this.#need(thread) === null) return;
    void this.#read(thread);
  }

  /** Reads the newest page once more, for who asks for another try. */
  async reload(thread: Thread): Promise<void> {
    if (this.#running.has(thread)) return;
    if (thread.loaded) thread.markStale();
    else thread.setMeta({ phase: "loading" });
    await this.#read(thread);
  }

  async older(thread: Thread): Promise<void> {
    const { hasOlder, loadingOlder } = thread.getSnapshot();
    if (!thread.loaded || !hasOlder || loadingOlder) return;
    const { generation, firstSeq } = thread;
    thread.setMeta({ loadingOlder: true });
    thread.beginRead("more");
    let found: { hasOlder?: boolean } = {};
    try {
      const page = await this.#page(thread, { limit: THREAD_PAGE, before: firstSeq });
      // Meanwhile the window may have been dropped for another one, which has its own beginning.
      if (generation === thread.generation && thread.firstSeq === firstSeq) {
        thread.merge(page.items);
        found = { hasOlder: page.hasMore };
      }
    } catch {
      // The reader scrolls again.
    } finally {
      thread.endRead();
      thread.setMeta({ ...found, loadingOlder: false });
    }
  }

  #need(thread: Thread): Need {
    if (!thread.loaded || thread.stale) return "newest";
    const lastSeq = this.conversations.get(thread.conversationId)?.lastSeq ?? 0;
    return lastSeq > thread.lastSeq ? "after" : null;
  }

  async #read(thread: Thread): Promise<void> {
    this.#running.add(thread);
    this.#asked.delete(thread);
    try {
      for (let need = this.#need(thread); need !== null; need = this.#need(thread)) {
        this.#asked.delete(thread);
        if (need === "newest") await this.#readNewest(thread);
        else await this.#fill(thread);
      }
      this.#attempts.delete(thread);
    } catch (error) {
      this.#failed(thread, error);
    } finally {
      this.#running.delete(thread);
    }
    if (this.#asked.delete(thread)) this.heal(thread);
  }

  #failed(thread: Thread, error: unknown): void {
    const isGone = error instanceof ParlorError && (error.status === 404 || error.status === 403);
    if (isGone && thread.loaded) thread.reset();
    if (!thread.loaded) thread.setMeta({ phase: "failed" });
    if (!(error instanceof ParlorError)) throw error;
    if (isGone) return;
    // Tried again quietly, for as long as somebody looks at it.
    const attempt = this.#attempts.get(thread) ?? 0;
    this.#attempts.set(thread, attempt + 1);
    const waitMs = error.retryAfterMs ?? backoffMs(attempt, this.environment.random());
    this.environment.after(waitMs, () => this.heal(thread));
  }

  async #readNewest(thread: Thread): Promise<void> {
    const { generation, conversationId } = thread;
    const view = this.conversations.get(conversationId);
    const limit = Math.min(FILL_PAGE, Math.max(THREAD_PAGE, (view?.unreadCount ?? 0) + 20));
    if (thread.getSnapshot().phase === "idle") thread.setMeta({ phase: "loading" });
    thread.beginRead("newest");
    try {
      const page = await this.#page(thread, { limit });
      if (generation !== thread.generation) return;
      thread.restart(page.items, page.hasMore, view?.lastSeq ?? 0);
      this.seen(thread, page.items);
    } catch (error) {
      thread.markStale();
      throw error;
    } finally {
      thread.endRead();
    }
  }

  /** Reads forward from the window's end; too far behind, the newest page takes its place. */
  async #fill(thread: Thread): Promise<void> {
    const { generation } = thread;
    thread.beginRead("more");
    try {
      for (let count = 0; count < FILL_PAGES_MAX; count += 1) {
        const { lastSeq } = thread;
        const page = await this.#page(thread, { limit: FILL_PAGE, after: lastSeq });
        if (generation !== thread.generation || thread.stale) return;
        thread.merge(page.items);
        this.seen(thread, page.items);
        if (thread.lastSeq === lastSeq) {
          throw new ParlorError("network", "The page does not hold what was announced.");
        }
        if (!page.hasMore) return;
      }
      thread.markStale();
    } finally {
      thread.endRead();
    }
  }

  #page(
    thread: Thread,
    query: { limit: number; before?: number; after?: number },
  ): Promise<MessagePage> {
    return this.http.get<MessagePage>(`/conversations/${thread.conversationId}/messages`, query);
  }
}
