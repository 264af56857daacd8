// Keeps the stores true. Knows where this device stands (cursor, epoch), takes pages of the newest state,
// and asks for one when an event shows that something was missed; never for two at once. While it asks,
// events wait, so nothing is applied twice or out of order. State, not a log of events, is the truth.

import { backoffMs } from "./connection/backoff";
import type { Environment, Timer } from "./environment";
import { ParlorError } from "./errors";
import { Events } from "./events";
import type {
  AckedMessage,
  Conversation,
  Message,
  ServerFrame,
  SyncPage,
  User,
  UserSummary,
} from "./generated/protocol";
import { History } from "./history";
import type { Http } from "./http";
import type { Outbox, OutboxEntry } from "./outbox";
import type { Receipts } from "./receipts";
import { Store } from "./store";
import type { Conversations, Receipt } from "./stores/conversations";
import { Thread } from "./stores/thread";

/** Events that wait for a page; with more, one more page is asked for instead. */
const WAITING_FRAMES_MAX = 2_000;
/** From `connected` to the next page of a resume; longer than the server may take to answer. */
const RESUME_PAGE_WITHIN_MS = 30_000;

export type Greeting = { epoch: string; resumed: boolean };
type AskPage = (cursor: string | null) => Promise<SyncPage>;

export class Sync {
  readonly history: History;
  /** The viewer as they see themselves; null before the first page. */
  readonly user = new Store<User | null>(null);
  readonly #events: Events;
  readonly #threads = new Map<string, Thread>();
  #cursor: string | null = null;
  #epoch: string | null = null;
  #me: UserSummary | null = null;
  /** Raised by each connection and each start over: what was awaited before is of no use. */
  #generation = 0;
  /** Events wait while a page is on its way; null when none is. */
  #waiting: ServerFrame[] | null = null;
  /** Something newer was missed meanwhile. */
  #again = false;
  /** While reading from nothing: which conversations are there. */
  #listed: Set<string> | null = null;
  #resuming: { done(): void; fail(error: ParlorError): void; timer: Timer } | null = null;

  constructor(
    private readonly environment: Environment,
    http: Http,
    private readonly conversations: Conversations,
    private readonly outbox: Outbox,
    private readonly receipts: Receipts,
    private readonly ask: AskPage,
  ) {
    this.history = new History(environment, http, conversations, (thread, messages) => {
      this.#seen(messages);
      outbox.settle(thread.conversationId, thread.lastSeq);
    });
    this.#events = new Events(conversations, {
      thread: (id) => this.#threads.get(id),
      arrived: (message, fits) => this.#arrived(message, fits),
      lowered: (id, readSeq) => receipts.lowered(id, readSeq),
      called: (user) => this.#called(user),
      account: (user) => this.account(user),
      came: (id) => this.#heal(id),
      gone: (id) => this.#forget(id),
    });
    outbox.entries.subscribe(() => {
      const all = outbox.entries.getSnapshot();
      for (const thread of this.#threads.values()) thread.setWaiting(waitingIn(all, thread));
    });
  }

  /** Where a new connection resumes; null to begin from nothing. */
  get cursor(): string | null {
    return this.#cursor;
  }

  get me(): UserSummary | null {
    return this.#me;
  }

  identify({ id, handle, name, avatarUrl }: UserSummary): void {
    const me = { id, handle, name, avatarUrl };
    if (JSON.stringify(me) === JSON.stringify(this.#me)) return;
    this.#me = me;
    this.conversations.identify(me.id);
    this.outbox.open(me.id);
    for (const thread of this.#threads.values()) thread.setViewer(me);
  }

  /** The viewer's own account, as the server has it. */
  account(user: User): void {
    if (JSON.stringify(user) === JSON.stringify(this.user.getSnapshot())) return;
    const before = this.user.getSnapshot();
    this.user.set(user);
    this.identify(user);
    if (before && this.#me) this.#called(this.#me);
  }

  #called(user: UserSummary): void {
    this.conversations.applyUser(user);
    for (const thread of this.#threads.values()) thread.called(user);
  }

  thread(id: string): Thread {
    const held = this.#threads.get(id);
    if (held) return held;
    const thread = new Thread(id, () => this.#wanted(thread));
    if (this.#me) thread.setViewer(this.#me);
    thread.setWaiting(waitingIn(this.outbox.entries.getSnapshot(), thread));
    const record = this.conversations.one(id);
    thread.setPeers(record.getSnapshot());
    record.subscribe(() => thread.setPeers(record.getSnapshot()));
    this.#threads.set(id, thread);
    return thread;
  }

  /** A connection has begun: resolves when everything missed is applied. */
  catchUp(greeting: Greeting): Promise<void> {
    this.#generation += 1;
    this.#waiting = [];
    this.#again = false;
    this.#resuming?.timer.cancel();
    this.#resuming = null;
    if (this.#epoch !== null && this.#epoch !== greeting.epoch) this.#forgetAll();
    this.#epoch = greeting.epoch;
    if (!greeting.resumed) {
      this.#cursor = null;
      return this.#pull();
    }
    return new Promise<void>((resolve, reject) => {
      this.#resuming = { done: resolve, fail: reject, timer: this.#pageDeadline() };
    });
  }

  /** The server can't go on from here: what is held or still on its way is of no use. */
  startOver(): void {
    this.#generation += 1;
    this.#forgetAll();
  }

  /** Forgets all that came from the server. What waits to be sent stays. */
  #forgetAll(): void {
    this.#cursor = null;
    this.#listed = null;
    this.#events.startOver();
    this.conversations.forgetAll();
    this.receipts.startOver();
    this.outbox.startOver();
    for (const thread of this.#threads.values()) thread.reset();
  }

  /** A pong's cursor: everything before it was sent and, when nothing is missing, applied. */
  reached(cursor: string): void {
    if (this.#waiting === null) this.#cursor = cursor;
  }

  receive(frame: ServerFrame): void {
    if (frame.type === "sync") return this.#resumePage(frame.page);
    if (this.#waiting === null) {
      const verdict = this.#events.apply(frame);
      if (verdict === "missed" || verdict === "short") this.miss();
    } else if (this.#waiting.length < WAITING_FRAMES_MAX) {
      this.#waiting.push(frame);
    } else {
      this.#waiting = [];
      this.#again = true;
    }
  }

  /** Something was missed: a page brings it. */
  miss(): void {
    if (this.#waiting !== null) {
      this.#again = true;
      return;
    }
    this.#waiting = [];
    // A connection that ends meanwhile catches up anew.
    this.#pull().catch(() => undefined);
  }

  /** The ack of an own message. Answers whether it is in its conversation; else its event is to come. */
  acked(entry: OutboxEntry, ack: AckedMessage): boolean {
    const held = this.conversations.get(entry.conversationId);
    const me = this.#me;
    if (!held || !me) return false;
    const isNext = ack.version === held.version + 1 && ack.seq === held.lastSeq + 1;
    if (isNext && this.#waiting === null) {
      const { conversationId } = entry;
      const message = messageOf(entry, ack, me);
      this.#events.apply({ type: "message.new", conversationId, version: ack.version, message });
      return true;
    }
    const thread = this.#threads.get(entry.conversationId);
    return ack.seq <= (thread?.loaded ? thread.lastSeq : held.lastSeq);
  }

  /** A conversation that this device made or found; pages and events tell of it from now on. */
  adopt(conversation: Conversation): void {
    this.#listed?.add(conversation.id);
    if (!this.conversations.get(conversation.id)) this.conversations.take([conversation]);
  }

  /** Shows a receipt of the viewer before the server has heard it. */
  applyReceipt(conversationId: string, receipt: Receipt): void {
    this.#events.receipt(conversationId, receipt);
  }

  #wanted(thread: Thread): void {
    // Before the first page nothing is known: it says whether there is anything to read.
    if (this.#cursor === null) thread.setMeta({ phase: "loading" });
    else this.history.heal(thread);
  }

  #arrived(message: Message, fits: boolean): void {
    const { conversationId } = message;
    if (message.senderId !== this.#me?.id) {
      this.receipts.note("delivered", conversationId, message.seq);
    }
    this.#seen([message]);
    if (!fits) this.#heal(conversationId);
  }

  #heal(id: string): void {
    const thread = this.#threads.get(id);
    if (thread) this.history.heal(thread);
  }

  /** Own messages that are stored leave the outbox, however they came. */
  #seen(messages: readonly Message[]): void {
    for (const { clientId, senderId } of messages) {
      if (clientId !== null && senderId === this.#me?.id) this.outbox.remove(clientId);
    }
  }

  #forget(id: string): void {
    this.conversations.drop(id);
    this.#threads.get(id)?.reset();
  }

  #resumePage(page: SyncPage): void {
    const resuming = this.#resuming;
    if (!resuming) return;
    resuming.timer.cancel();
    this.#applyPage(page);
    if (page.hasMore) {
      resuming.timer = this.#pageDeadline();
      return;
    }
    this.#resuming = null;
    this.#finish();
    if (!this.#again) {
      this.#waiting = null;
      return resuming.done();
    }
    this.#pull().then(resuming.done, resuming.fail);
  }

  #pageDeadline(): Timer {
    return this.environment.after(RESUME_PAGE_WITHIN_MS, () => {
      this.#resuming?.fail(new ParlorError("timeout", "The server did not go on."));
    });
  }

  /** Asks for pages until nothing is missing; `#waiting` is set before. */
  async #pull(): Promise<void> {
    const generation = this.#generation;
    do {
      this.#again = false;
      if (this.#cursor === null) this.#listed = new Set();
      for (let hasMore = true; hasMore; ) {
        const page = await this.#nextPage(generation);
        if (generation !== this.#generation) return;
        this.#applyPage(page);
        this.#replay("keep");
        hasMore = page.hasMore;
      }
      this.#finish();
    } while (this.#again);
    this.#waiting = null;
  }

  /** One page, however long a busy server needs for it; rejects when the connection ends. */
  async #nextPage(generation: number): Promise<SyncPage> {
    for (let attempt = 0; ; attempt += 1) {
      try {
        return await this.ask(this.#cursor);
      } catch (error) {
        const ended = !(error instanceof ParlorError) || error.code === "disconnected";
        if (ended || generation !== this.#generation) throw error;
        if (error.code === "cursor_not_usable" && this.#cursor !== null) {
          this.#forgetAll();
          this.#listed = new Set();
          continue;
        }
        const waitMs = error.retryAfterMs ?? backoffMs(attempt, this.environment.random());
        await new Promise<void>((resolve) => void this.environment.after(waitMs, resolve));
        if (generation !== this.#generation) throw error;
      }
    }
  }

  #applyPage(page: SyncPage): void {
    if (page.reset) this.#forgetAll();
    this.#epoch = page.epoch;
    const { userVersion: _, ...user } = page.user;
    this.account(user);
    this.#events.raise(page.user.userVersion);
    for (const id of page.removed) this.#forget(id);
    // Threads first: who comes to one because its conversation appears begins with a reading of its own.
    for (const { conversation, messages, gap } of page.conversations) {
      const thread = this.#threads.get(conversation.id);
      if (gap) thread?.markStale();
      else thread?.take(messages);
    }
    this.conversations.take(
      page.conversations.map((synced) => synced.conversation),
      (id) => this.receipts.pending("read", id),
    );
    for (const { conversation, messages } of page.conversations) {
      const { id, lastMessage, lastSeq, me } = conversation;
      const thread = this.#threads.get(id);
      this.#listed?.add(id);
      this.#seen(messages);
      this.outbox.settle(id, thread?.loaded ? thread.lastSeq : lastSeq);
      this.receipts.lowered(id, me.readSeq);
      const fromOther = lastMessage !== null && lastMessage.senderId !== this.#me?.id;
      if (fromOther && lastSeq > me.deliveredSeq) this.receipts.note("delivered", id, lastSeq);
    }
    this.#cursor = page.cursor;
    this.conversations.ready();
    for (const { conversation } of page.conversations) this.#heal(conversation.id);
  }

  /** All pages are here: what waited is applied, and what still does not fit was missed. */
  #finish(): void {
    this.#replay("drop");
    const listed = this.#listed;
    this.#listed = null;
    if (listed) for (const id of this.conversations.keepOnly(listed)) this.#forget(id);
    for (const [id, thread] of this.#threads) {
      // A thread that was forgotten with its conversation rests; one that was asked for is asked about.
      const isForgotten = thread.getSnapshot().phase === "idle" && !this.conversations.get(id);
      if (!isForgotten) this.history.heal(thread);
    }
  }

  #replay(rest: "keep" | "drop"): void {
    const waiting = this.#waiting ?? [];
    const setBackAt = new Map<string, number>();
    for (const [at, frame] of waiting.entries()) {
      if (frame.type === "membership.updated") setBackAt.set(frame.conversationId, at);
    }
    const left = waiting.filter((frame, at) => {
      // The page may hold what came later, and an own read from before it would be raised over that.
      const isPast =
        frame.type === "message.read" &&
        frame.userId === this.#me?.id &&
        at < (setBackAt.get(frame.conversationId) ?? 0);
      const verdict = isPast ? "applied" : this.#events.apply(frame);
      if (frame.type === "conversation.added") this.#listed?.add(frame.conversationId);
      if (verdict === "short" || (verdict === "missed" && rest === "drop")) this.#again = true;
      return verdict === "missed" || verdict === "unknown";
    });
    this.#waiting = rest === "keep" ? left : [];
  }
}

function waitingIn(entries: readonly OutboxEntry[], thread: Thread): readonly OutboxEntry[] {
  return entries.filter((entry) => entry.conversationId === thread.conversationId);
}

function messageOf(entry: OutboxEntry, ack: AckedMessage, me: UserSummary): Message {
  return {
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
  };
}
