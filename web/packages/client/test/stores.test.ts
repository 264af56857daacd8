// The stores: order of the list, what is unread, receipts, and a window without holes.

import { describe, expect, test } from "vitest";
import type { Conversation, Message } from "../src/generated/protocol";
import { asDeleted, draftOf, withoutReaction, withReaction } from "../src/stores/changes";
import { Conversations } from "../src/stores/conversations";
import { Thread } from "../src/stores/thread";
import { merge } from "../src/stores/window";
import { ada, conversationOf, grace, memberOf, messageOf } from "./fake";

function holding(...loaded: Conversation[]): Conversations {
  const conversations = new Conversations();
  conversations.identify(ada.id);
  conversations.take(loaded);
  return conversations;
}

const ids = (conversations: Conversations) =>
  conversations.list.getSnapshot().items.map((item) => item.id);

describe("conversations", () => {
  const at = (id: string, seq: number, pinned = false) => {
    const base = conversationOf([messageOf(seq, grace, { conversationId: id })], { id });
    return { ...base, me: { ...base.me, pinned } };
  };

  test("pinned first, then by last activity, and a message moves its own to the top", () => {
    const held = holding(at("a", 1), at("b", 3), at("p", 2, true));
    expect(ids(held)).toEqual(["p", "b", "a"]);
    held.appendMessage(messageOf(9, grace, { conversationId: "a" }), 2);
    expect(ids(held)).toEqual(["p", "a", "b"]);
  });

  test("hidden and archived ones are not listed", () => {
    const hidden = at("h", 1);
    hidden.me.hidden = true;
    const archived = at("r", 1);
    archived.me.archived = true;
    expect(ids(holding(hidden, archived, at("a", 1)))).toEqual(["a"]);
  });

  test("unread counts others' messages once, own ones never", () => {
    const held = holding(conversationOf([]));
    held.appendMessage(messageOf(1, grace), 1);
    held.appendMessage(messageOf(1, grace), 1);
    held.appendMessage(messageOf(2, ada), 2);
    expect(held.get("c1")?.unreadCount).toBe(1);
  });

  test("reading to the end empties it; reading part leaves what the window counts", () => {
    const held = holding(conversationOf([messageOf(5, grace)], { unreadCount: 5 }));
    held.applyReceipt("c1", { kind: "read", userId: ada.id, seq: 3 }, 2);
    expect(held.get("c1")?.unreadCount).toBe(2);
    held.applyReceipt("c1", { kind: "read", userId: ada.id, seq: 5 }, null);
    expect(held.get("c1")).toMatchObject({ unreadCount: 0, me: { readSeq: 5, deliveredSeq: 5 } });
  });

  test("cursors only rise, whatever order replies and events come in", () => {
    const held = holding(conversationOf([messageOf(5, ada)]));
    held.applyReceipt("c1", { kind: "read", userId: grace.id, seq: 4 }, null);
    held.applyReceipt("c1", { kind: "delivered", userId: grace.id, seq: 2 }, null);
    held.take([
      conversationOf([messageOf(5, ada)], { members: [memberOf(ada), memberOf(grace, 1)] }),
    ]);
    expect(held.get("c1")).toMatchObject({ peerReadSeq: 4, peerDeliveredSeq: 4 });
    expect(held.get("c1")?.members[1]?.readSeq).toBe(4);
  });

  test("an older reply does not replace newer state", () => {
    const held = holding(conversationOf([messageOf(5, grace)]));
    held.take([conversationOf([messageOf(3, grace)])]);
    expect(held.get("c1")?.lastSeq).toBe(5);
  });

  test("r16: a page older than an own read on its way does not bring the badge back", () => {
    const page = conversationOf([messageOf(2, grace)], { unreadCount: 2 });
    const held = holding(page);
    held.applyReceipt("c1", { kind: "read", userId: ada.id, seq: 2 }, null);
    held.take([page], () => 2);
    expect(held.get("c1")).toMatchObject({ unreadCount: 0, me: { readSeq: 2 } });
    held.take([page]);
    expect(held.get("c1")).toMatchObject({ unreadCount: 2, me: { readSeq: 0 } });
  });

  test("what a whole list does not hold is gone", () => {
    const held = holding(at("a", 1), at("b", 2));
    expect(held.keepOnly(new Set(["b"]))).toEqual(["a"]);
    expect(ids(held)).toEqual(["b"]);
    expect(held.get("a")).toBeNull();
  });

  test("a deletion takes an unread message off the count, but never an own or a read one", () => {
    const messages = [messageOf(1, grace), messageOf(2, ada), messageOf(3, grace)];
    const base = conversationOf(messages, { unreadCount: 1 });
    const held = holding({ ...base, me: { ...base.me, readSeq: 1 } });
    const deletes = (seq: number) => {
      const version = (held.get("c1")?.version ?? 0) + 1;
      const change = { seq, version, apply: (it: Message) => asDeleted(it, "2026-01-02") };
      held.applyChange("c1", change, held.isUnread("c1", messages[seq - 1]?.senderId ?? "", seq));
    };
    deletes(1);
    deletes(2);
    expect(held.get("c1")?.unreadCount).toBe(1);
    deletes(3);
    expect(held.get("c1")).toMatchObject({ unreadCount: 0, lastMessage: { content: "" } });
  });

  test("an own setting shows at once, and goes back when refused", () => {
    const held = holding(at("a", 1), at("b", 2));
    const takeBack = held.show("a", { archived: true });
    expect(ids(held)).toEqual(["b"]);
    expect(held.archived.getSnapshot().map((it) => it.id)).toEqual(["a"]);
    takeBack();
    expect(ids(held)).toEqual(["b", "a"]);
    expect(held.archived.getSnapshot()).toEqual([]);
  });

  test("what the server has said meanwhile is not taken back", () => {
    const held = holding(at("a", 1));
    const takeBack = held.show("a", { pinned: true });
    const me = held.get("a")?.me;
    if (me) held.applyMembership("a", me, 1);
    takeBack();
    expect(held.get("a")?.me.pinned).toBe(true);
  });

  test("a role of the viewer's own is theirs, one of another is only shown", () => {
    const held = holding(conversationOf([]));
    held.applyRole("c1", 1, grace.id, "owner");
    held.applyRole("c1", 2, ada.id, "admin");
    expect(held.get("c1")).toMatchObject({ version: 2, me: { role: "admin" } });
    expect(held.get("c1")?.members.map((it) => it.role)).toEqual(["admin", "owner"]);
  });

  test("new settings of a conversation leave its messages and members as they were", () => {
    const held = holding(conversationOf([messageOf(1, grace)]));
    const { metadata, avatarUrl } = conversationOf([]);
    const settings = { title: "Kitchen", label: "6", metadata, avatarUrl, updatedAt: "2026-01-02" };
    held.applySettings("c1", 2, settings);
    expect(held.get("c1")).toMatchObject({ title: "Kitchen", label: "6", version: 2, lastSeq: 1 });
    expect(held.get("c1")?.members.length).toBe(2);
  });

  test("a summary of an event gets the viewer's own side from the members", () => {
    const held = holding();
    const {
      me: _,
      unreadCount: __,
      ...summary
    } = conversationOf([messageOf(1, grace)], {
      members: [{ ...memberOf(ada), role: "admin" }, memberOf(grace)],
    });
    held.takeSummary(summary);
    expect(held.get("c1")).toMatchObject({ unreadCount: 1, me: { role: "admin", pinned: false } });
  });
});

describe("window", () => {
  const seqs = (from: number, to: number) =>
    Array.from({ length: to - from + 1 }, (_, index) => messageOf(from + index, grace));

  test("joins pages that touch or overlap, each message once", () => {
    const { window, fits } = merge(merge(seqs(4, 6), seqs(1, 3)).window, seqs(6, 8));
    expect(fits).toBe(true);
    expect(window.map((message) => message.seq)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
  });

  test("refuses what would leave a hole", () => {
    const held = seqs(4, 6);
    expect(merge(held, seqs(8, 9))).toEqual({ window: held, fits: false });
    expect(merge(held, seqs(1, 2))).toEqual({ window: held, fits: false });
  });

  test("keeps the newer version of a message, and itself when nothing changed", () => {
    const held = seqs(1, 2);
    expect(merge(held, seqs(1, 2)).window).toBe(held);
    const edited = messageOf(2, grace, { version: 9, content: "edited" });
    expect(merge(held, [edited]).window[1]?.content).toBe("edited");
  });
});

describe("thread", () => {
  const entry = {
    clientId: "k1",
    conversationId: "c1",
    content: "hi",
    createdAtMs: 0,
    order: 1,
    state: "queued",
    code: null,
    ack: null,
  } as const;

  function opened(): Thread {
    const thread = new Thread("c1", () => undefined);
    thread.setViewer(ada);
    thread.restart([messageOf(1, grace)], false);
    return thread;
  }

  test("a message keeps its key from waiting to stored, and is shown once", () => {
    const thread = opened();
    thread.setWaiting([entry]);
    expect(thread.getSnapshot().messages.map((it) => [it.key, it.status])).toEqual([
      ["m1", "sent"],
      ["k1", "queued"],
    ]);
    thread.merge([messageOf(2, ada, { clientId: "k1", content: "hi" })]);
    expect(thread.getSnapshot().messages.map((it) => [it.key, it.status])).toEqual([
      ["m1", "sent"],
      ["k1", "sent"],
    ]);
    thread.setWaiting([]);
    expect(thread.getSnapshot().messages.length).toBe(2);
  });

  test("ticks follow what others received and read; the rest stays the same object", () => {
    const thread = opened();
    thread.merge([messageOf(2, ada), messageOf(3, ada)]);
    const [before] = thread.getSnapshot().messages;
    thread.setPeers({ ...conversationOf([]), peerReadSeq: 2, peerDeliveredSeq: 3 });
    const after = thread.getSnapshot().messages;
    expect(after.map((it) => it.status)).toEqual(["sent", "read", "delivered"]);
    expect(after[0]).toBe(before);
  });

  test("unread is counted only as far back as the window reaches", () => {
    const thread = opened();
    thread.restart([messageOf(5, grace), messageOf(6, ada), messageOf(7, grace)], true);
    const at = (lastSeq: number) => ({ lastSeq, version: lastSeq });
    expect(thread.unreadAfter(4, at(7))).toBe(2);
    expect(thread.unreadAfter(5, at(7))).toBe(1);
    expect(thread.unreadAfter(3, at(7))).toBeNull();
    expect(thread.unreadAfter(5, at(8))).toBeNull();
    // A page was ahead of the events, which will take it off the count.
    thread.merge([messageOf(7, grace, { version: 8, deletedAt: "2026-01-02" })]);
    expect(thread.unreadAfter(5, at(7))).toBe(1);
    expect(thread.unreadAfter(5, { lastSeq: 7, version: 8 })).toBe(0);
  });

  test("r17: a message beyond the next one does not fit, and leaves no hole", () => {
    const thread = opened();
    expect(thread.take([messageOf(3, grace)])).toBe(false);
    expect(thread.take([messageOf(2, grace), messageOf(3, grace)])).toBe(true);
    expect(thread.window.map((message) => message.seq)).toEqual([1, 2, 3]);
  });

  test("what happens while a page is on its way is put on top of it", () => {
    const thread = opened();
    thread.beginRead("newest");
    thread.change({ seq: 2, version: 9, apply: (it) => ({ ...it, content: "edited" }) });
    thread.take([messageOf(4, grace)]);
    thread.restart([messageOf(2, grace), messageOf(3, grace)], true);
    thread.endRead();
    expect(thread.getSnapshot().messages.map((it) => it.content)).toEqual([
      "edited",
      "message 3",
      "message 4",
    ]);
    thread.restart([messageOf(2, grace)], true);
    expect(thread.getSnapshot().messages[0]?.content).toBe("message 2");
  });

  test("an own change shows at once, goes back when refused, and stays until it is stored", () => {
    const thread = opened();
    const shown = () => thread.getSnapshot().messages[0];
    const refused = draftOf.edit("m1", "no", "2026-01-02");
    thread.show(refused);
    expect(shown()).toMatchObject({ content: "no", editedAt: "2026-01-02" });
    thread.withdraw(refused);
    expect(shown()).toMatchObject({ content: "message 1", editedAt: null });

    const draft = draftOf.react("m1", "👍", ada.id);
    thread.show(draft);
    thread.settle(draft);
    expect(shown()?.reactions).toEqual([{ emoji: "👍", count: 1, userIds: [ada.id], mine: true }]);
    thread.change({ seq: 1, version: 2, apply: (it) => withReaction(it, "👍", ada.id) });
    expect(shown()?.reactions[0]?.count).toBe(1);
    thread.change({ seq: 1, version: 3, apply: (it) => withoutReaction(it, "👍", ada.id) });
    expect(shown()?.reactions).toEqual([]);
  });
});

describe("reactions", () => {
  test("are counted once for each person, keep their order, and go with the last one", () => {
    let message = withReaction(messageOf(1, grace), "👍", "a");
    message = withReaction(withReaction(message, "🎉", "b"), "👍", "b");
    expect(withReaction(message, "👍", "b")).toBe(message);
    expect(message.reactions).toEqual([
      { emoji: "👍", count: 2, userIds: ["a", "b"] },
      { emoji: "🎉", count: 1, userIds: ["b"] },
    ]);
    message = withoutReaction(withoutReaction(message, "👍", "a"), "🎉", "b");
    expect(message.reactions).toEqual([{ emoji: "👍", count: 1, userIds: ["b"] }]);
  });

  test("name the first twenty people and count all", () => {
    let message = messageOf(1, grace);
    for (let index = 0; index < 25; index += 1) message = withReaction(message, "👍", `u${index}`);
    expect(message.reactions[0]).toMatchObject({ count: 25 });
    expect(message.reactions[0]?.userIds.length).toBe(20);
    expect(withoutReaction(message, "👍", "u24").reactions[0]?.count).toBe(24);
  });
});
