// A small server for the client under test: conversations as one viewer sees them, versions, sync pages,
// events in the order of their commits. What it stores is the truth that the client must end with. It
// answers at the moment it is asked; when an answer arrives is the test's to choose.

import type {
  ChangeMembership,
  Conversation,
  Member,
  Message,
  Role,
  ServerFrame,
  SyncPage,
  UserSummary,
} from "../src/generated/protocol";
import { asDeleted, withoutReaction, withReaction } from "../src/stores/changes";
import { ada, type FakeSocket, grace, memberOf, type Reply, type Sent } from "./fake";

const PAGE_MESSAGES_MAX = 100;

type Room = {
  conversation: Conversation;
  messages: Message[];
  /** When it, or the viewer's side of it, last changed; when each message did. */
  changedAt: number;
  messagesChangedAt: Map<number, number>;
  /** The viewer is in it and has not put it away. */
  listed: boolean;
  listedAt: number;
  clearedSeq: number;
};

export class ModelServer {
  readonly rooms = new Map<string, Room>();
  /** Everything announced to the viewer, in order. */
  readonly log: ServerFrame[] = [];
  epoch = "e1";
  userVersion = 1;
  /** Conversations on a sync page. */
  pageSize = 50;
  /** How often the viewer asked for a page, and resumed. */
  pagesAsked = 0;
  #at = 0;
  #nextId = 0;

  /** A conversation of ada and grace. */
  makes(id: string): void {
    const conversation: Conversation = {
      id,
      kind: "group",
      title: id,
      label: null,
      metadata: {},
      avatarUrl: null,
      encrypted: false,
      createdAt: this.#time(),
      updatedAt: this.#time(),
      lastSeq: 0,
      version: 1,
      lastMessage: null,
      memberCount: 2,
      members: [memberOf(ada), memberOf(grace)],
      unreadCount: 0,
      me: {
        role: "member",
        readSeq: 0,
        deliveredSeq: 0,
        mutedUntil: null,
        pinned: false,
        archived: false,
        hidden: false,
      },
    };
    this.#at += 1;
    this.rooms.set(id, {
      conversation,
      messages: [],
      changedAt: this.#at,
      messagesChangedAt: new Map(),
      listed: true,
      listedAt: this.#at,
      clearedSeq: 0,
    });
    this.#added(id);
  }

  /** The newest state of a conversation, as the viewer sees it. */
  view(id: string): Conversation {
    const { conversation, messages } = this.room(id);
    const { readSeq } = conversation.me;
    const unread = messages.filter((it) => {
      return it.seq > readSeq && it.senderId !== ada.id && it.deletedAt === null;
    });
    return { ...conversation, unreadCount: unread.length, lastMessage: messages.at(-1) ?? null };
  }

  room(id: string): Room {
    const room = this.rooms.get(id);
    if (!room) throw new Error(`there is no ${id}`);
    return room;
  }

  /** What the viewer may read of it. */
  visible(id: string): Message[] {
    const { messages, clearedSeq } = this.room(id);
    return messages.filter((message) => message.seq > clearedSeq);
  }

  writes(
    id: string,
    sender: UserSummary,
    content: string,
    clientId: string | null = null,
  ): Message {
    const room = this.room(id);
    const earlier = clientId && room.messages.find((it) => it.clientId === clientId);
    if (earlier) return earlier;
    this.#nextId += 1;
    const { version, createdAt } = { version: this.#bump(id), createdAt: this.#time() };
    const message: Message = {
      id: `m${this.#nextId}`,
      conversationId: id,
      seq: room.messages.length + 1,
      version,
      senderId: sender.id,
      sender,
      clientId,
      kind: "text",
      content,
      attachments: [],
      replyTo: null,
      threadId: null,
      mentions: [],
      reactions: [],
      createdAt,
      editedAt: null,
      deletedAt: null,
    };
    room.messages.push(message);
    room.messagesChangedAt.set(message.seq, this.#at);
    room.conversation = { ...room.conversation, lastSeq: message.seq, updatedAt: createdAt };
    if (!room.listed) {
      room.listed = true;
      room.listedAt = this.#at;
      room.conversation.me = { ...room.conversation.me, hidden: false };
    }
    this.#tell({ type: "message.new", conversationId: id, version, message });
    return message;
  }

  edits(id: string, seq: number, content: string): void {
    const editedAt = this.#time();
    const message = this.#change(id, seq, (it) => ({ ...it, content, editedAt }));
    if (message) {
      const { version } = message;
      this.#tell({ type: "message.updated", conversationId: id, version, message });
    }
  }

  deletes(id: string, seq: number): void {
    const deletedAt = this.#time();
    const message = this.#change(id, seq, (it) => asDeleted(it, deletedAt));
    if (!message) return;
    const { id: messageId, version } = message;
    this.#tell({ type: "message.deleted", conversationId: id, version, messageId, seq, deletedAt });
  }

  reacts(id: string, seq: number, emoji: string, userId: string, on: boolean): void {
    const held = this.room(id).messages[seq - 1];
    const has = held?.reactions.some((it) => it.emoji === emoji && it.userIds.includes(userId));
    if (has === on) return;
    const act = on ? withReaction : withoutReaction;
    const message = this.#change(id, seq, (it) => act(it, emoji, userId));
    if (!message) return;
    const { id: messageId, version } = message;
    const type = on ? "reaction.added" : "reaction.removed";
    this.#tell({ type, conversationId: id, version, messageId, seq, emoji, userId });
  }

  renames(id: string, title: string): void {
    const version = this.#bump(id);
    const room = this.room(id);
    room.conversation = { ...room.conversation, title };
    const { label, metadata, avatarUrl, updatedAt } = room.conversation;
    const conversation = { title, label, metadata, avatarUrl, updatedAt };
    this.#tell({ type: "conversation.updated", conversationId: id, version, conversation });
  }

  promotes(id: string, userId: string, role: Role): void {
    const room = this.room(id);
    const held = room.conversation.members.find((it) => it.user.id === userId);
    if (!held || held.role === role) return;
    const version = this.#bump(id);
    const { me, members } = room.conversation;
    room.conversation = {
      ...room.conversation,
      me: userId === ada.id ? { ...me, role } : me,
      members: members.map((it) => (it.user.id === userId ? { ...it, role } : it)),
    };
    this.#tell({ type: "member.updated", conversationId: id, version, userId, role });
  }

  /** The viewer mutes, pins or archives. */
  sets(id: string, change: ChangeMembership): void {
    const room = this.room(id);
    room.conversation.me = { ...room.conversation.me, ...change };
    this.#at += 1;
    room.changedAt = this.#at;
    this.#ownSide(id);
  }

  joins(id: string, user: UserSummary): void {
    const room = this.room(id);
    if (room.conversation.members.some((it) => it.user.id === user.id)) return;
    const version = this.#bump(id);
    const member: Member = memberOf(user, room.conversation.lastSeq);
    const members = [...room.conversation.members, member];
    const memberCount = members.length;
    room.conversation = { ...room.conversation, members, memberCount };
    const conversationId = id;
    this.#tell({ type: "member.joined", conversationId, version, members: [member], memberCount });
  }

  leaves(id: string, userId: string): void {
    const room = this.room(id);
    if (!room.conversation.members.some((it) => it.user.id === userId)) return;
    const version = this.#bump(id);
    const members = room.conversation.members.filter((it) => it.user.id !== userId);
    const memberCount = members.length;
    room.conversation = { ...room.conversation, members, memberCount };
    this.#tell({ type: "member.left", conversationId: id, version, userId, memberCount });
  }

  reads(id: string, userId: string, seq: number): void {
    const room = this.room(id);
    const upTo = Math.min(seq, room.conversation.lastSeq);
    const held = room.conversation.members.find((it) => it.user.id === userId);
    if (!held || held.readSeq >= upTo) return;
    this.#setCursor(id, userId, upTo, Math.max(held.deliveredSeq, upTo));
    this.#tell({ type: "message.read", conversationId: id, userId, seq: upTo });
  }

  receives(id: string, userId: string, seq: number): void {
    const held = this.room(id).conversation.members.find((it) => it.user.id === userId);
    if (!held || held.deliveredSeq >= seq) return;
    this.#setCursor(id, userId, held.readSeq, seq);
    this.#tell({ type: "message.delivered", conversationId: id, userId, seq });
  }

  /** The viewer, on another device. */
  unreads(id: string, seq: number): void {
    const { me } = this.room(id).conversation;
    const readSeq = Math.max(seq - 1, this.room(id).clearedSeq);
    if (readSeq >= me.readSeq) return;
    this.#setCursor(id, ada.id, readSeq, me.deliveredSeq);
    this.#ownSide(id);
  }

  #ownSide(id: string): void {
    this.userVersion += 1;
    const { me, unreadCount } = this.view(id);
    const { userVersion } = this;
    this.#tell({ type: "membership.updated", conversationId: id, userVersion, me, unreadCount });
  }

  hides(id: string): void {
    const room = this.room(id);
    if (!room.listed) return;
    const { lastSeq } = room.conversation;
    this.userVersion += 1;
    this.#setCursor(id, ada.id, lastSeq, lastSeq);
    room.conversation.me = { ...room.conversation.me, hidden: true };
    room.listed = false;
    room.listedAt = this.#at;
    room.clearedSeq = lastSeq;
    const { userVersion } = this;
    this.#tell({ type: "conversation.removed", conversationId: id, userVersion });
  }

  get cursor(): string {
    return `${this.epoch}:${this.#at}`;
  }

  /** What has changed since a cursor; from nothing when null. A cursor is `epoch:from:offset`. */
  page(cursor: string | null): SyncPage {
    this.pagesAsked += 1;
    const [epoch, from, cut, last] = (cursor ?? "").split(":");
    const reset = cursor !== null && epoch !== this.epoch;
    const lists = cursor === null || reset || cut === "list";
    const since = lists ? null : Number(from);
    // What changes while a list is read follows after its end.
    const startedAt = cut === "list" && !reset ? Number(from) : this.#at;
    const ids = [...this.rooms.keys()].sort();
    const changed = ids.filter((id) => {
      const room = this.room(id);
      if (since === null) return room.listed && (cut !== "list" || reset || id > (last ?? ""));
      return room.listed && (room.changedAt > since || room.listedAt > since);
    });
    const shown = since === null ? changed.slice(0, this.pageSize) : changed;
    const listsMore = shown.length < changed.length;
    const hasMore = listsMore || (since === null && startedAt < this.#at);
    return {
      cursor: listsMore
        ? `${this.epoch}:${startedAt}:list:${shown.at(-1)}`
        : `${this.epoch}:${since === null ? startedAt : this.#at}`,
      epoch: this.epoch,
      reset,
      hasMore,
      user: {
        ...ada,
        email: null,
        bio: null,
        createdAt: "2026-01-01T00:00:00.000Z",
        userVersion: this.userVersion,
      },
      conversations: shown.map((id) => this.#synced(id, since)),
      removed: ids.filter((id) => {
        const room = this.room(id);
        return since !== null && !room.listed && room.listedAt > since;
      }),
    };
  }

  #synced(id: string, since: number | null) {
    const conversation = this.view(id);
    if (since === null) return { conversation, messages: [], gap: conversation.lastSeq > 0 };
    const room = this.room(id);
    const messages = this.visible(id).filter((it) => {
      return (room.messagesChangedAt.get(it.seq) ?? 0) > since;
    });
    // What was put away and came back has lost its history.
    const gap = messages.length > PAGE_MESSAGES_MAX || room.listedAt > since;
    return { conversation, messages: gap ? [] : messages, gap };
  }

  /** REST, for the viewer. */
  answer(method: string, path: string, query: URLSearchParams, body: string): Reply {
    const [, top, id = "", what, ...rest] = path.split("/");
    const room = this.rooms.get(id);
    if (top !== "conversations" || !room?.listed)
      return { status: 404, body: { code: "not_found" } };
    if (method === "POST" && what === "unread") {
      this.unreads(id, (JSON.parse(body) as { seq: number }).seq);
      return { status: 204 };
    }
    if (method === "PATCH" && what === "me") {
      this.sets(id, JSON.parse(body) as ChangeMembership);
      return { body: room.conversation.me };
    }
    if (method === "PATCH" && what === "members") {
      const { role } = JSON.parse(body) as { role: Role };
      this.promotes(id, decodeURIComponent(rest[0] ?? ""), role);
      return {};
    }
    if (method === "PATCH" && what === undefined) {
      this.renames(id, (JSON.parse(body) as { title: string }).title);
      return {};
    }
    if (method === "DELETE" && what === undefined) {
      this.hides(id);
      return { status: 204 };
    }
    if (what !== "messages") return { status: 404, body: { code: "not_found" } };
    const [limit, after, before] = ["limit", "after", "before"].map((it) => query.get(it));
    const inside = this.visible(id).filter(({ seq }) => {
      return (after === null || seq > Number(after)) && (before === null || seq < Number(before));
    });
    const most = Number(limit ?? 50);
    const items = after !== null ? inside.slice(0, most) : inside.slice(-most);
    return { body: { items, hasMore: inside.length > items.length } };
  }

  /** A command of the viewer; null when it has no answer here. */
  obeys(frame: Sent): ServerFrame | null {
    const ref = frame.ref ?? "";
    const id = String(frame.conversationId);
    const refused = (code: "not_found" | "forbidden" | "message_deleted"): ServerFrame => {
      return { type: "error", ref, code, detail: code };
    };
    switch (frame.type) {
      case "sync": {
        const cursor = typeof frame.cursor === "string" ? frame.cursor : null;
        return { type: "ack", ref, page: this.page(cursor) };
      }
      case "ping":
        return { type: "pong", ref, cursor: this.cursor };
      case "auth":
        return { type: "ack", ref };
    }
    const room = this.rooms.get(id);
    if (!room) return refused("not_found");
    const message = room.messages.find((it) => it.id === frame.messageId);
    switch (frame.type) {
      case "message.send": {
        const stored = this.writes(id, ada, String(frame.content), String(frame.clientId));
        const { seq, version, createdAt } = stored;
        return { type: "ack", ref, message: { id: stored.id, seq, version, createdAt } };
      }
      case "receipt.read":
        this.reads(id, ada.id, Number(frame.seq));
        return { type: "ack", ref };
      case "receipt.delivered":
        this.receives(id, ada.id, Number(frame.seq));
        return { type: "ack", ref };
    }
    if (!message) return refused("not_found");
    if (frame.type === "message.edit") {
      if (message.senderId !== ada.id) return refused("forbidden");
      if (message.deletedAt !== null) return refused("message_deleted");
      this.edits(id, message.seq, String(frame.content));
    } else if (frame.type === "message.delete") {
      this.deletes(id, message.seq);
    } else {
      if (message.deletedAt !== null) return refused("message_deleted");
      const on = frame.type === "reaction.add";
      this.reacts(id, message.seq, String(frame.emoji), ada.id, on);
    }
    return { type: "ack", ref };
  }

  #change(id: string, seq: number, apply: (message: Message) => Message): Message | null {
    const room = this.room(id);
    const held = room.messages[seq - 1];
    if (!held || held.deletedAt !== null) return null;
    const next = { ...apply(held), version: this.#bump(id) };
    room.messages[seq - 1] = next;
    room.messagesChangedAt.set(seq, this.#at);
    return next;
  }

  #setCursor(id: string, userId: string, readSeq: number, deliveredSeq: number): void {
    const room = this.room(id);
    const members = room.conversation.members.map((it) => {
      return it.user.id === userId ? { ...it, readSeq, deliveredSeq } : it;
    });
    const { me } = room.conversation;
    const own = userId === ada.id ? { ...me, readSeq, deliveredSeq } : me;
    room.conversation = { ...room.conversation, members, me: own };
    this.#at += 1;
    room.changedAt = this.#at;
  }

  #added(id: string): void {
    this.userVersion += 1;
    const { version } = this.room(id).conversation;
    const conversation = this.#summary(id);
    const { userVersion } = this;
    this.#tell({
      type: "conversation.added",
      conversationId: id,
      version,
      userVersion,
      conversation,
    });
  }

  #summary(id: string) {
    const { me: _, unreadCount: __, ...summary } = this.view(id);
    return summary;
  }

  #bump(id: string): number {
    const room = this.room(id);
    this.#at += 1;
    room.changedAt = this.#at;
    const version = room.conversation.version + 1;
    room.conversation = { ...room.conversation, version };
    return version;
  }

  #tell(frame: ServerFrame): void {
    this.log.push(structuredClone(frame));
  }

  #time(): string {
    return new Date(1_759_000_000_000 + this.#at * 1000).toISOString();
  }
}

/** One connection to the model: frames and answers leave in order, when the test lets them. */
export class Line {
  readonly #out: ServerFrame[] = [];
  #heard: number;
  #ended = false;

  constructor(
    private readonly server: ModelServer,
    private readonly socket: FakeSocket,
    /** How many of `count` waiting events an answer overtakes. */
    private readonly overtakes: (count: number) => number = () => 0,
  ) {
    this.#heard = server.log.length;
    socket.opens();
    const auth = socket.sentOf("auth")[0];
    this.#greet(typeof auth?.cursor === "string" ? auth.cursor : null);
    socket.onSent = (frame) => {
      this.#hear();
      const answer = server.obeys(frame);
      if (answer) this.#answer(answer);
    };
  }

  #greet(cursor: string | null): void {
    const { server } = this;
    this.#out.push({
      type: "connected",
      userId: ada.id,
      sessionId: "s1",
      epoch: server.epoch,
      cursor: server.cursor,
      heartbeatMs: 25_000,
      resumed: cursor !== null,
    });
    for (let from = cursor; from !== null; ) {
      const page = structuredClone(server.page(from));
      this.#out.push({ type: "sync", page });
      from = page.hasMore ? page.cursor : null;
    }
  }

  /** An answer may overtake durable events that wait already, and those of its own command. */
  #answer(answer: ServerFrame): void {
    const own = this.overtakes(2) === 0;
    if (own) this.#hear();
    if (answer.type === "pong") this.#hear();
    let at = this.#out.length;
    if (answer.type === "ack") {
      let most = 0;
      while (most < at && overtakable(this.#out[at - 1 - most])) most += 1;
      at -= this.overtakes(most + 1);
    }
    this.#out.splice(at, 0, structuredClone(answer));
  }

  #hear(): void {
    while (this.#heard < this.server.log.length) {
      const frame = this.server.log[this.#heard];
      this.#heard += 1;
      if (frame) this.#out.push(structuredClone(frame));
    }
  }

  /** What has happened and was not said yet is never said on this connection. */
  loses(): void {
    this.#heard = this.server.log.length;
  }

  get waits(): number {
    this.#hear();
    return this.#out.length;
  }

  /** Delivers up to `count` frames. */
  delivers(count = Number.POSITIVE_INFINITY): void {
    this.#hear();
    for (let left = count; left > 0 && !this.#ended; left -= 1) {
      const frame = this.#out.shift();
      if (!frame) return;
      this.socket.says(frame);
      this.#hear();
    }
  }

  breaks(code = 1006): void {
    this.#ended = true;
    this.socket.onSent = null;
    this.socket.breaks(code);
  }
}

function overtakable(frame: ServerFrame | undefined): boolean {
  return frame !== undefined && "version" in frame;
}
