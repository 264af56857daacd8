// The line under a conversation's name: who writes, who is here, or what it is.

import type { ConversationView } from "@parlor/client";
import { usePresence, useTyping } from "@parlor/react";
import { times, words } from "../i18n";
import { useViewer } from "../session/viewer";
import { peerOf } from "../text/people";
import { typingSentence } from "../text/typists";
import { useMinute } from "../ui/hooks";

export function Subtitle({ conversation }: { conversation: ConversationView }) {
  const { user } = useViewer();
  const { typists } = useTyping(conversation.id);
  const peer = peerOf(conversation, user.id);
  const typing = typingSentence(conversation, typists, words);
  if (typing !== null) return <p className="typing-line">{typing}</p>;
  if (peer) return <PeerLine id={peer.user.id} handle={peer.user.handle} />;
  return <GroupLine conversation={conversation} />;
}

function PeerLine({ id, handle }: { id: string; handle: string }) {
  const presence = usePresence([id]).get(id);
  const nowMs = useMinute();
  if (presence && presence.status !== "offline") return <p>{words.presence[presence.status]}</p>;
  if (presence?.lastSeenAt) return <p>{words.lastSeen(times.ago(presence.lastSeenAt, nowMs))}</p>;
  return <p>@{handle}</p>;
}

function GroupLine({ conversation }: { conversation: ConversationView }) {
  const { members, memberCount } = conversation;
  const { user } = useViewer();
  // Where not all members are known, nobody can say how many of them are here.
  const others = memberCount > members.length ? [] : members.map((member) => member.user.id);
  const presence = usePresence(others.filter((id) => id !== user.id));
  const here = others.filter((id) => {
    const status = presence.get(id)?.status ?? "offline";
    return id === user.id || status !== "offline";
  });
  // Oneself alone is no news.
  const count = here.length > 1 ? words.onlineCount(here.length) : null;
  return <p>{[words.members(memberCount), count].filter(Boolean).join(", ")}</p>;
}
