// A person's picture with a mark of whether they are here. While it is shown they are watched.

import { usePresence } from "@parlor/react";
import { words } from "../i18n";
import { Avatar, type AvatarSize } from "./avatar";

type PersonAvatarProps = { id: string; name: string; size: AvatarSize };

export function PersonAvatar({ id, name, size }: PersonAvatarProps) {
  const status = usePresence([id]).get(id)?.status ?? "offline";
  return (
    <span className="person-avatar">
      <Avatar id={id} name={name} shape="round" size={size} />
      {status !== "offline" && (
        <span
          className={`presence ${size}`}
          data-status={status}
          role="img"
          aria-label={words.presence[status]}
        />
      )}
    </span>
  );
}
