// The public face: `createParlor` hands out small handles over the parts that `wiring.ts` puts together. It
// holds no behaviour of its own.

import type { Connection, ConnectionStatus } from "./connection/connection";
import { ParlorError } from "./errors";
import type {
  ChangeConversation,
  ChangeMembership,
  ChangeUser,
  Conversation,
  CreateConversation,
  CreatedLink,
  CreateLink,
  DeviceStatus,
  Link,
  LinkPreview,
  Member,
  Message,
  Page,
  Role,
  ServerFrame,
  User,
  UserSummary,
} from "./generated/protocol";
import type { Presences } from "./presence";
import type { Readable } from "./store";
import type { ConversationsSnapshot, ConversationView } from "./stores/conversations";
import type { ThreadSnapshot } from "./stores/thread";
import { messageStream } from "./stream";
import { type ParlorOptions, wire } from "./wiring";

export type { ParlorOptions };

type EventFrame = Exclude<
  ServerFrame,
  { type: "connected" | "ack" | "error" | "pong" | "reconnect" }
>;
type EventNamed<K extends EventFrame["type"]> = Extract<EventFrame, { type: K }>;

export type ConversationHandle = {
  readonly id: string;
  /** The conversation itself; null until it is known, or when the viewer is not in it. */
  readonly state: Readable<ConversationView | null>;
  /** The thread; subscribing loads it. */
  readonly messages: Readable<ThreadSnapshot>;
  /** Queues a message and answers its clientId; what becomes of it shows in `messages`. */
  send(content: string): string;
  retry(clientId: string): void;
  discard(clientId: string): void;
  /** Changes the text of an own message. Shown at once; rejects, and shows the old one, when refused. */
  edit(messageId: string, content: string): Promise<void>;
  /** Deletes a message for everyone. Shown at once; rejects, and shows it again, when refused. */
  remove(messageId: string): Promise<void>;
  react(messageId: string, emoji: string): Promise<void>;
  unreact(messageId: string, emoji: string): Promise<void>;
  /** Up to `seq`, or up to the newest. */
  markRead(seq?: number): void;
  /** Unread again, from the message `seq` on. */
  markUnread(seq: number): Promise<void>;
  /** Puts the conversation away, with its history, until somebody writes in it. */
  hide(): Promise<void>;
  /** The viewer's own side: mute, pin, archive. Shown at once; rejects, and goes back, when refused. */
  settings(change: ChangeMembership): Promise<void>;
  /** What everybody sees: title, label, the app's own fields. */
  update(change: ChangeConversation): Promise<void>;
  addMembers(userIds: readonly string[], role?: Role): Promise<void>;
  setRole(userId: string, role: Role): Promise<void>;
  leave(): Promise<void>;
  /** Links by which others join; a token is told once, by `create`. */
  readonly links: {
    list(): Promise<Page<Link>>;
    create(limits?: CreateLink): Promise<CreatedLink>;
    revoke(linkId: string): Promise<void>;
  };
  /** Removes a member; removing oneself leaves. */
  removeMember(userId: string): Promise<void>;
  /** The others who write here now, by id. */
  readonly typists: Readable<readonly string[]>;
  /** To be called with each keystroke; `false` when the viewer stops. */
  typing(on?: boolean): void;
  loadOlder(): Promise<void>;
  reload(): Promise<void>;
  members(cursor?: string): Promise<Page<Member>>;
  /** Every message from now on, in order, each once, across reconnects. */
  stream(): AsyncIterableIterator<Message>;
};

export type Parlor = {
  /** Resolves when everything is up to date for the first time; rejects when the session has ended. */
  connect(): Promise<void>;
  disconnect(): void;
  readonly status: Readable<ConnectionStatus>;
  readonly conversations: Readable<ConversationsSnapshot> & {
    /** What the viewer has archived, which the list leaves out. */
    readonly archived: Readable<readonly ConversationView[]>;
    create(input: CreateConversation): Promise<Conversation>;
  };
  conversation(id: string): ConversationHandle;
  /** Who this is; null until it is known. */
  readonly me: Readable<User | null> & { update(change: ChangeUser): Promise<void> };
  /** What a link's token leads to, and the way in. */
  readonly links: {
    preview(token: string): Promise<LinkPreview>;
    join(token: string): Promise<Conversation>;
  };
  /** Who is here, as far as anybody is watched. */
  readonly presence: Readable<Presences> & {
    /** Keeps these people's presence up to date until the answer is called. */
    watch(userIds: readonly string[]): () => void;
    /** Whether this device is in use; a new client is `online`. */
    set(status: DeviceStatus): void;
  };
  readonly users: { search(query: string): Promise<Page<UserSummary>> };
  on<K extends EventFrame["type"]>(event: K, fn: (frame: EventNamed<K>) => void): () => void;
};

export function createParlor(options: ParlorOptions): Parlor {
  const listeners = new Map<string, Set<(frame: ServerFrame) => void>>();
  const handles = new Map<string, ConversationHandle>();
  const { actions, connection, conversations, http, outbox, presence, receipts, sync, typing } =
    wire(options, (frame) => {
      for (const fn of listeners.get(frame.type) ?? []) fn(frame);
    });

  function conversation(id: string): ConversationHandle {
    const held = handles.get(id);
    if (held) return held;
    const thread = sync.thread(id);
    const linksPath = `/conversations/${id}/links`;
    const handle: ConversationHandle = {
      id,
      state: conversations.one(id),
      messages: thread,
      send(content) {
        typing.sent(id);
        return outbox.add(id, content).clientId;
      },
      typists: typing.of(id),
      typing: (on = true) => (on ? typing.write(id) : typing.rest(id)),
      retry: (clientId) => outbox.retry(clientId),
      discard: (clientId) => outbox.remove(clientId),
      edit: (messageId, content) => actions.edit(id, messageId, content),
      remove: (messageId) => actions.remove(id, messageId),
      react: (messageId, emoji) => actions.react(id, messageId, emoji, true),
      unreact: (messageId, emoji) => actions.react(id, messageId, emoji, false),
      markUnread: (seq) => actions.markUnread(id, seq),
      hide: () => actions.hide(id),
      settings: (change) => actions.settings(id, change),
      update: (change) => actions.update(id, change),
      setRole: (userId, role) => actions.setRole(id, userId, role),
      leave: () => actions.leave(id),
      links: {
        list: () => http.get(linksPath),
        create: (limits = {}) => http.post(linksPath, limits),
        revoke: (linkId) => http.delete(`${linksPath}/${linkId}`),
      },
      addMembers: (userIds, role) => actions.addMembers(id, userIds, role),
      removeMember: (userId) => actions.removeMember(id, userId),
      markRead(seq) {
        const view = conversations.get(id);
        const upTo = Math.min(seq ?? Number.POSITIVE_INFINITY, view?.lastSeq ?? 0);
        if (!view || upTo <= view.me.readSeq) return;
        const userId = sync.me?.id ?? "";
        sync.applyReceipt(id, { kind: "read", userId, seq: upTo });
        receipts.note("read", id, upTo);
      },
      loadOlder: () => sync.history.older(thread),
      reload: () => sync.history.reload(thread),
      members: (cursor) => http.get(`/conversations/${id}/members`, { limit: 200, cursor }),
      stream: () => messageStream(thread),
    };
    handles.set(id, handle);
    return handle;
  }

  async function adopted(asked: Promise<Conversation>): Promise<Conversation> {
    const conversation = await asked;
    sync.adopt(conversation);
    return conversation;
  }

  return {
    connect: () => connected(connection),
    disconnect: () => connection.disconnect(),
    status: connection.status,
    conversations: {
      getSnapshot: conversations.list.getSnapshot,
      subscribe: conversations.list.subscribe,
      archived: conversations.archived,
      create: (input) => adopted(http.post("/conversations", input)),
    },
    conversation,
    me: {
      getSnapshot: sync.user.getSnapshot,
      subscribe: sync.user.subscribe,
      update: async (change) => sync.account(await http.patch("/users/me", change)),
    },
    links: {
      preview: (token) => http.get(linkPath(token)),
      join: (token) => adopted(http.post(`${linkPath(token)}/join`)),
    },
    presence: {
      getSnapshot: presence.all.getSnapshot,
      subscribe: presence.all.subscribe,
      watch: (userIds) => presence.watch(userIds),
      set: (status) => presence.set(status),
    },
    users: { search: (query) => http.get("/users", { query, limit: 20 }) },
    on(event, fn) {
      const set = listeners.get(event) ?? new Set();
      listeners.set(event, set);
      // The set under a name only ever receives frames of that type.
      const listener = fn as (frame: ServerFrame) => void;
      set.add(listener);
      return () => set.delete(listener);
    },
  };
}

const linkPath = (token: string): string => `/links/${encodeURIComponent(token)}`;

function connected(connection: Connection): Promise<void> {
  return new Promise((resolve, reject) => {
    const check = () => {
      const { state } = connection.status.getSnapshot();
      if (state !== "live" && state !== "stopped" && state !== "idle") return;
      stop();
      if (state === "live") resolve();
      else reject(new ParlorError("session_ended", "The connection was ended.", 401));
    };
    const stop = connection.status.subscribe(check);
    connection.connect();
    check();
  });
}
