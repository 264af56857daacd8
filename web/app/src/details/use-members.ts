// The members of a conversation. The first ones come with it and stay true by themselves; where there are
// more, they are read page by page, and what happens to them meanwhile is applied here.

import type { ConversationView, Member, Page } from "@parlor/client";
import { useConversation, useParlor } from "@parlor/react";
import { useEffect, useState } from "react";

type Members = {
  members: readonly Member[];
  /** How many are not shown yet. */
  more: number;
  loadMore(): void;
};

const nothing: Page<Member> = { items: [], nextCursor: null };

const without = (members: readonly Member[], userIds: readonly string[]) =>
  members.filter((member) => !userIds.includes(member.user.id));

function joined(held: readonly Member[], next: readonly Member[]): Member[] {
  const ids = next.map((member) => member.user.id);
  return [...without(held, ids), ...next];
}

export function useMembers(conversation: ConversationView): Members {
  const { id, memberCount } = conversation;
  const parlor = useParlor();
  const { handle } = useConversation(id);
  const [loaded, setLoaded] = useState(nothing);
  const incomplete = memberCount > conversation.members.length;
  useEffect(() => {
    if (!incomplete) return;
    let current = true;
    const change = (conversationId: string, next: (held: readonly Member[]) => Member[]) => {
      if (conversationId === id) setLoaded((held) => ({ ...held, items: next(held.items) }));
    };
    const stops = [
      parlor.on("member.joined", ({ conversationId, members }) =>
        change(conversationId, (held) => joined(held, members)),
      ),
      parlor.on("member.left", ({ conversationId, userId }) =>
        change(conversationId, (held) => without(held, [userId])),
      ),
      parlor.on("member.updated", ({ conversationId, userId, role }) =>
        change(conversationId, (held) =>
          held.map((member) => (member.user.id === userId ? { ...member, role } : member)),
        ),
      ),
    ];
    handle.members().then(
      (page) => current && setLoaded(page),
      () => undefined, // The first ones stay; the count below says that there are more.
    );
    return () => {
      current = false;
      for (const stop of stops) stop();
    };
  }, [parlor, handle, id, incomplete]);

  const members =
    incomplete && loaded.items.length > conversation.members.length
      ? loaded.items
      : conversation.members;
  const loadMore = () => {
    handle.members(loaded.nextCursor ?? undefined).then(
      (page) =>
        setLoaded((held) => ({
          items: joined(held.items, page.items),
          nextCursor: page.nextCursor,
        })),
      () => undefined, // The button stays.
    );
  };
  return { members, more: Math.max(0, memberCount - members.length), loadMore };
}
