// What the viewer may do to whom in a conversation. The server decides; what is not offered here only
// spares people a refusal.

import type { ConversationView, Member, Role } from "@parlor/client";

export type Rights = {
  /** What the member may be made. */
  roles: readonly Role[];
  mayRemove: boolean;
};

const ranks: readonly Role[] = ["member", "admin", "owner"];
const none: Rights = { roles: [], mayRemove: false };

/** Owners and admins look after a group or a channel; a direct conversation has neither. */
export function mayManage({ kind, me }: ConversationView): boolean {
  return kind !== "direct" && me.role !== "member";
}

export function rightsOver(
  { kind, me }: Pick<ConversationView, "kind" | "me">,
  member: Member,
  isSelf: boolean,
): Rights {
  if (kind === "direct") return none;
  // Everybody may step down. Leaving is another thing, with a place of its own.
  if (isSelf) {
    return { roles: ranks.slice(0, ranks.indexOf(member.role)).reverse(), mayRemove: false };
  }
  if (me.role === "owner") {
    return { roles: ranks.filter((role) => role !== member.role).reverse(), mayRemove: true };
  }
  return { roles: [], mayRemove: me.role === "admin" && member.role === "member" };
}
