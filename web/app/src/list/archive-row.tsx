// The row after the last one: the way to what was archived.

import { useArchived } from "@parlor/react";
import { Archive } from "lucide-react";
import { words } from "../i18n";
import { Link } from "../ui/link";

export function ArchiveRow() {
  const archived = useArchived();
  const unread = archived.filter((item) => item.unreadCount > 0).length;
  if (archived.length === 0) return null;
  return (
    <Link className="row archive-row" to={{ page: "archive" }}>
      <span className="archive-icon">
        <Archive aria-hidden="true" />
      </span>
      <span className="row-line">
        <span className="row-name">{words.archived}</span>
        {unread > 0 && (
          <span className="badge muted" role="img" aria-label={words.unreadChats(unread)}>
            {unread}
          </span>
        )}
      </span>
    </Link>
  );
}
