// Who is in a conversation, and as what; with a menu for whom the viewer may change.

import type { ConversationView, Member } from "@parlor/client";
import { useConversation, usePresence } from "@parlor/react";
import { Ellipsis } from "lucide-react";
import { useState } from "react";
import { failureSentence, times, words } from "../i18n";
import { useViewer } from "../session/viewer";
import { useMinute } from "../ui/hooks";
import type { MenuAnchor } from "../ui/menu";
import { PersonAvatar } from "../ui/person-avatar";
import { MemberMenu } from "./member-menu";
import { rightsOver } from "./rights";
import { useMembers } from "./use-members";

type MembersProps = { conversation: ConversationView; onNotice(sentence: string): void };

export function Members({ conversation, onNotice }: MembersProps) {
  const { user } = useViewer();
  const { handle } = useConversation(conversation.id);
  const { members, more, loadMore } = useMembers(conversation);
  const [menu, setMenu] = useState<{ member: Member; anchor: MenuAnchor } | null>(null);
  const tell = (error: unknown) => onNotice(failureSentence(error));
  const rightsOf = (member: Member) => rightsOver(conversation, member, member.user.id === user.id);
  return (
    <>
      <ul className="members">
        {members.map((member) => {
          const { roles, mayRemove } = rightsOf(member);
          return (
            <MemberRow
              key={member.user.id}
              member={member}
              isSelf={member.user.id === user.id}
              shown={conversation.kind === "direct" ? null : roleWord(member.role)}
              {...(roles.length > 0 || mayRemove
                ? { onMenu: (anchor: MenuAnchor) => setMenu({ member, anchor }) }
                : {})}
            />
          );
        })}
      </ul>
      {more > 0 && (
        <button type="button" className="text-button details-more" onClick={loadMore}>
          {words.moreMembers(more)}
        </button>
      )}
      {menu && (
        <MemberMenu
          {...menu}
          isSelf={menu.member.user.id === user.id}
          rights={rightsOf(menu.member)}
          onRole={(role) => void handle.setRole(menu.member.user.id, role).catch(tell)}
          onRemove={() => void handle.removeMember(menu.member.user.id).catch(tell)}
          onClose={() => setMenu(null)}
        />
      )}
    </>
  );
}

function roleWord(role: Member["role"]): string | null {
  return role === "member" ? null : words[role];
}

function LastSeen({ id }: { id: string }) {
  const at = usePresence([id]).get(id)?.lastSeenAt;
  const nowMs = useMinute();
  return at ? times.ago(at, nowMs) : null;
}

type MemberRowProps = {
  member: Member;
  isSelf: boolean;
  shown: string | null;
  onMenu?(anchor: MenuAnchor): void;
};

function MemberRow({ member, isSelf, shown, onMenu }: MemberRowProps) {
  const { id, name } = member.user;
  return (
    <li>
      <PersonAvatar id={id} name={name} size="sm" />
      <span className="member-name">{isSelf ? words.youSuffix(name) : name}</span>
      <small>{shown ?? <LastSeen id={id} />}</small>
      {onMenu && (
        <button
          type="button"
          className="icon-button small"
          aria-label={words.memberActions(name)}
          aria-haspopup="menu"
          onClick={(event) => onMenu(event.currentTarget.getBoundingClientRect())}
        >
          <Ellipsis aria-hidden="true" />
        </button>
      )}
    </li>
  );
}
