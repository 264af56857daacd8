// What the viewer does to a conversation beside writing in it. A change of a message is shown at once and
// taken back when the server refuses it; nothing here is repeated or stored, so offline it is refused at
// once. The truth comes with the events.

import type { Command } from "./connection/commands";
import { ParlorError } from "./errors";
import type { ChangeConversation, ChangeMembership, Role } from "./generated/protocol";
import type { Http } from "./http";
import type { Receipts } from "./receipts";
import { type Draft, draftOf } from "./stores/changes";
import type { Conversations } from "./stores/conversations";
import type { Sync } from "./sync";

export class Actions {
  constructor(
    private readonly command: (command: Command) => Promise<unknown>,
    private readonly http: Http,
    private readonly sync: Sync,
    private readonly conversations: Conversations,
    private readonly receipts: Receipts,
    private readonly nowMs: () => number,
  ) {}

  edit(conversationId: string, messageId: string, content: string): Promise<void> {
    return this.#shown(conversationId, draftOf.edit(messageId, content, this.#now()), {
      type: "message.edit",
      conversationId,
      messageId,
      content,
    });
  }

  remove(conversationId: string, messageId: string): Promise<void> {
    return this.#shown(conversationId, draftOf.remove(messageId, this.#now()), {
      type: "message.delete",
      conversationId,
      messageId,
    });
  }

  async react(
    conversationId: string,
    messageId: string,
    emoji: string,
    on: boolean,
  ): Promise<void> {
    const draft = (on ? draftOf.react : draftOf.unreact)(messageId, emoji, this.#me());
    const type = on ? "reaction.add" : "reaction.remove";
    await this.#shown(conversationId, draft, { type, conversationId, messageId, emoji });
  }

  /** Sets the read cursor back: `seq` is the first message that is unread again. */
  async markUnread(conversationId: string, seq: number): Promise<void> {
    // A read on its way would arrive after it and undo it.
    this.receipts.cancelRead(conversationId);
    await this.http.post(`/conversations/${conversationId}/unread`, { seq });
  }

  /** Puts the conversation away for the viewer, with its history, until the next message. */
  hide(conversationId: string): Promise<void> {
    return this.#own(conversationId, { hidden: true }, (path) => this.http.delete(path));
  }

  /** The viewer's own side: mute, pin, archive. */
  settings(conversationId: string, change: ChangeMembership): Promise<void> {
    return this.#own(conversationId, change, (path) => this.http.patch(`${path}/me`, change));
  }

  /** What everybody sees: title, label, the app's own fields. */
  async update(conversationId: string, change: ChangeConversation): Promise<void> {
    await this.http.patch(`/conversations/${conversationId}`, change);
  }

  async addMembers(conversationId: string, userIds: readonly string[], role?: Role): Promise<void> {
    const body = role === undefined ? { userIds } : { userIds, role };
    await this.http.post(`/conversations/${conversationId}/members`, body);
  }

  async removeMember(conversationId: string, userId: string): Promise<void> {
    await this.http.delete(memberPath(conversationId, userId));
  }

  async leave(conversationId: string): Promise<void> {
    await this.removeMember(conversationId, this.#me());
  }

  async setRole(conversationId: string, userId: string, role: Role): Promise<void> {
    await this.http.patch(memberPath(conversationId, userId), { role });
  }

  async #own(
    conversationId: string,
    change: ChangeMembership & { hidden?: boolean },
    ask: (path: string) => Promise<unknown>,
  ): Promise<void> {
    const takeBack = this.conversations.show(conversationId, change);
    await ask(`/conversations/${conversationId}`).catch((error: unknown) => {
      takeBack();
      throw error;
    });
  }

  async #shown(conversationId: string, draft: Draft, command: Command): Promise<void> {
    const thread = this.sync.thread(conversationId);
    thread.show(draft);
    try {
      await this.command(command);
      thread.settle(draft);
    } catch (error) {
      thread.withdraw(draft);
      throw error;
    }
  }

  #me(): string {
    const { me } = this.sync;
    if (!me) throw new ParlorError("disconnected", "It is not known yet who this is.");
    return me.id;
  }

  #now(): string {
    return new Date(this.nowMs()).toISOString();
  }
}

function memberPath(conversationId: string, userId: string): string {
  return `/conversations/${conversationId}/members/${encodeURIComponent(userId)}`;
}
