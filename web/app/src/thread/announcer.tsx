// Says a newly arrived message to a screen reader. The virtual list itself must stay silent: it mounts old
// rows while scrolling, which are not news.

import type { ThreadMessage } from "@parlor/client";
import { useState } from "react";
import { words } from "../i18n";
import { previewOf } from "../text/markup";

export function Announcer({ newest }: { newest: ThreadMessage | undefined }) {
  // What stood there when the thread was opened was not said just now.
  const [first] = useState(newest?.key);
  const isNews = newest && !newest.own && !newest.deletedAt && newest.key !== first;
  return (
    <p className="visually-hidden" aria-live="polite">
      {isNews && words.said(newest.sender?.name ?? "", previewOf(newest.content))}
    </p>
  );
}
