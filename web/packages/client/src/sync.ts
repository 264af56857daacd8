// Keeps the stores true: applies live events in order, notices by version or seq when something was
// missed, and reads it over REST. While it catches up, live events wait, so nothing is applied twice or
// out of order. State, not the event log, is the truth: after a gap the newest state is read whole.

import { ParlorError } from "./errors";
import type {
  AckedMessage,
  Conversation,
  Message,
  MessagePage,
  Page,
  ServerFrame,
  User,
  UserSummary,
} from "./generated/protocol";
import type { Http } from "./http";
import type { Outbox, OutboxEntry } from "./outbox";
import type { Receipts } from "./receipts";
import type { Conversations, Receipt } from "./stores/conversations";
import { Thread } from "./stores/thread";

const LIST_PAGE = 200;
const THREAD_PAGE = 50;
const FILL_PAGE = 200;
/** A thread further behind than this is read anew from its end. */
const FILL_PAGES_MAX = 5;

export class Sync {
  readonly #threads = new Map<string, Thread>();
  readonly #reloads = new Map<string, { again: boolean; done: Promise<void> }>();
  #buffer: ServerFrame[] | null = null;
  #epoch: string | null = null;
  #me: UserSummary | null = null;

  constructor(
    private readonly http: Http,
    private readonly conversations: Conversations,
    private readonly outbox: Outbox,
    private readonly receipts: Receipts,
  ) {
    outbox.entries.subscribe(() => {
      const all = outbox.entries.getSnapshot();
      for (const thread of this.#threads.values()) thread.setWaiting(waitingIn(all, thread));
    });
  }

  identify(me: UserSummary): void {
    this.#me = me;
    this.conversations.identify(me.id);
    this.outbox.open(me.id);
    for (const thread of this.#threads.values()) thread.setViewer(me);
  }

  get viewerId(): string {
    return this.#me?.id ?? "";
  }

  thread(id: string): Thread {
    const held = this.#threads.get(id);
    if (held) return held;
    const thread = new Thread(id, () => void this.open(thread));
    if (this.#me) thread.setViewer(this.#me);
    thread.setWaiting(waitingIn(this.outbox.entries.getSnapshot(), thread));
    const record = this.conversations.one(id);
    thread.setPeers(record.getSnapshot());
    record.subscribe(() => thread.setPeers(record.getSnapshot()));
    this.#threads.set(id, thread);
    return thread;
  }

  async catchUp(epoch: string): Promise<void> {
    if (this.#epoch !== null && this.#epoch !== epoch) this.startOver();
    this.#epoch = epoch;
    const buffer: ServerFrame[] = [];
    this.#buffer = buffer;
    if (!this.#me) this.identify(await this.http.get<User>("/users/me"));
    await this.#loadList();
    for (const thread of this.#threads.values()) {
      const lastSeq = this.conversations.get(thread.conversationId)?.lastSeq ?? 0;
      if (thread.loaded && lastSeq > thread.lastSeq) await this.#refill(thread);
      else if (!thread.loaded && thread.watched) await this.open(thread);
    }
    this.#buffer = null;
    for (const frame of buffer) this.apply(frame);
  }

  startOver(): void {
    this.conversations.forgetAll();
    for (const thread of this.#threads.values()) thread.reset();
  }

  receive(frame: ServerFrame): void {
    if (this.#buffer) this.#buffer.push(frame);
    else this.apply(frame);
  }

  apply(frame: ServerFrame): void {
    switch (frame.type) {
      case "message.new":
        void this.#applyMessage(frame.message, frame.version);
        return;
      case "message.read":
        return this.applyReceipt(frame.conversationId, { ...frame, kind: "read" });
      case "message.delivered":
        return this.applyReceipt(frame.conversationId, { ...frame, kind: "delivered" });
      case "conversation.added":
        this.conversations.takeSummary(frame.conversation);
        // The summary can't say how much of an older conversation is unread for this viewer.
        if (frame.conversation.lastSeq > 1) void this.reload(frame.conversationId);
        return;
      default:
        // Newer servers may say more; what is not understood is not acted upon.
        return;
    }
  }

  applyReceipt(conversationId: string, receipt: Receipt): void {
    const thread = this.#threads.get(conversationId);
    this.conversations.applyReceipt(
      conversationId,
      receipt,
      thread?.unreadAfter(receipt.seq) ?? null,
    );
  }

  /** The ack of an own message: it is in the thread when this resolves. */
  acked(entry: OutboxEntry, ack: AckedMessage): Promise<void> {
    const me = this.#me;
    if (!me) return Promise.resolve();
    return this.#applyMessage(
      {
        ...ack,
        conversationId: entry.conversationId,
        senderId: me.id,
        sender: me,
        clientId: entry.clientId,
        kind: "text",
        content: entry.content,
        attachments: [],
        replyTo: null,
        threadId: null,
        mentions: [],
        reactions: [],
        editedAt: null,
        deletedAt: null,
      },
      ack.version,
    );
  }

  async open(thread: Thread): Promise<void> {
    thread.setMeta({ phase: "loading" });
    const unread = this.conversations.get(thread.conversationId)?.unreadCount ?? 0;
    const limit = Math.min(FILL_PAGE, Math.max(THREAD_PAGE, unread + 20));
    try {
      const page = await this.#page(thread, { limit });
      thread.restart(page.items, page.hasMore);
      // What arrived while the page was on its way was not applied: the thread was not loaded.
      const lastSeq = this.conversations.get(thread.conversationId)?.lastSeq ?? 0;
      if (lastSeq > thread.lastSeq) await this.#fill(thread);
    } catch (error) {
      // A slow failure must not undo what catching up has loaded meanwhile.
      if (!thread.loaded) thread.setMeta({ phase: "failed" });
      if (!(error instanceof ParlorError)) throw error;
    }
  }

  async loadOlder(thread: Thread): Promise<void> {
    const { hasOlder, loadingOlder } = thread.getSnapshot();
    if (!thread.loaded || !hasOlder || loadingOlder) return;
    thread.setMeta({ loadingOlder: true });
    try {
      const page = await this.#page(thread, { limit: THREAD_PAGE, before: thread.firstSeq });
      thread.merge(page.items);
      thread.setMeta({ hasOlder: page.hasMore, loadingOlder: false });
    } catch {
      // The reader scrolls again, or the next catch-up comes.
      thread.setMeta({ loadingOlder: false });
    }
  }

  /** Reads a conversation's newest state; calls during a read lead to exactly one more. */
  reload(id: string): Promise<void> {
    const running = this.#reloads.get(id);
    if (running) {
      running.again = true;
      return running.done;
    }
    const entry = { again: false, done: Promise.resolve() };
    const run = async (): Promise<void> => {
      do {
        entry.again = false;
        await this.#reloadOnce(id);
      } while (entry.again);
    };
    entry.done = run().finally(() => this.#reloads.delete(id));
    this.#reloads.set(id, entry);
    return entry.done;
  }

  async #reloadOnce(id: string): Promise<void> {
    try {
      this.conversations.take([await this.http.get<Conversation>(`/conversations/${id}`)]);
      const thread = this.#threads.get(id);
      if (thread?.loaded) await this.#fill(thread);
    } catch (error) {
      // Anything else is a broken connection, and catching up reads all of it again.
      if (error instanceof ParlorError && error.status === 404) this.conversations.drop(id);
    }
  }

  async #applyMessage(message: Message, version: number): Promise<void> {
    const { conversationId, clientId } = message;
    const held = this.conversations.get(conversationId);
    const thread = this.#threads.get(conversationId);
    let whole = held !== null && version <= held.version + 1;
    if (held && version === held.version + 1) this.conversations.appendMessage(message, version);
    if (thread?.loaded && !thread.merge([message])) whole = false;
    if (message.senderId !== this.#me?.id) {
      this.receipts.note("delivered", conversationId, message.seq);
    }
    if (!whole) await this.reload(conversationId);
    // The event may overtake the ack; either proves that the message is stored.
    if (clientId && message.senderId === this.#me?.id) this.outbox.remove(clientId);
  }

  async #loadList(): Promise<void> {
    const ids = new Set<string>();
    let cursor: string | undefined;
    do {
      const page = await this.http.get<Page<Conversation>>("/conversations", {
        limit: LIST_PAGE,
        cursor,
      });
      this.conversations.take(page.items);
      for (const { id, lastMessage, lastSeq, me } of page.items) {
        ids.add(id);
        const fromOther = lastMessage !== null && lastMessage.senderId !== this.#me?.id;
        if (fromOther && lastSeq > me.deliveredSeq) this.receipts.note("delivered", id, lastSeq);
      }
      cursor = page.nextCursor ?? undefined;
    } while (cursor !== undefined);
    this.conversations.settle(ids);
  }

  /** A thread that may no longer be read must not keep the others from catching up. */
  async #refill(thread: Thread): Promise<void> {
    try {
      await this.#fill(thread);
    } catch (error) {
      const isGone = error instanceof ParlorError && (error.status === 404 || error.status === 403);
      if (!isGone) throw error;
      thread.reset();
    }
  }

  /** Reads forward from the window's end until the thread is whole. */
  async #fill(thread: Thread): Promise<void> {
    for (let count = 0; count < FILL_PAGES_MAX && thread.lastSeq > 0; count += 1) {
      const page = await this.#page(thread, { limit: FILL_PAGE, after: thread.lastSeq });
      thread.merge(page.items);
      if (!page.hasMore) return;
    }
    const page = await this.#page(thread, { limit: THREAD_PAGE });
    thread.restart(page.items, page.hasMore);
  }

  #page(
    thread: Thread,
    query: { limit: number; before?: number; after?: number },
  ): Promise<MessagePage> {
    return this.http.get<MessagePage>(`/conversations/${thread.conversationId}/messages`, query);
  }
}

function waitingIn(entries: readonly OutboxEntry[], thread: Thread): readonly OutboxEntry[] {
  return entries.filter((entry) => entry.conversationId === thread.conversationId);
}
