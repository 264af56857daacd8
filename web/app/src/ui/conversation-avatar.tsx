// The picture of a conversation: of the other person in a direct one, who may be here; of the group else.

import type { ConversationView } from "@parlor/client";
import { useViewer } from "../session/viewer";
import { peerOf, titleOf } from "../text/people";
import { Avatar, type AvatarSize } from "./avatar";
import { PersonAvatar } from "./person-avatar";

type ConversationAvatarProps = { conversation: ConversationView; size: AvatarSize };

export function ConversationAvatar({ conversation, size }: ConversationAvatarProps) {
  const { user } = useViewer();
  const peer = peerOf(conversation, user.id)?.user;
  if (peer) return <PersonAvatar id={peer.id} name={peer.name} size={size} />;
  const shape = conversation.kind === "direct" ? "round" : "square";
  const title = titleOf(conversation, user.id);
  return <Avatar id={conversation.id} name={title} shape={shape} size={size} />;
}
