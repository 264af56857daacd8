// People for the new-conversation dialog: those already met while nothing is typed, the server's search
// otherwise. A slower, older answer never replaces a newer one.

import { ParlorError, type UserSummary } from "@parlor/client";
import { useConversations, useParlor } from "@parlor/react";
import { useEffect, useState } from "react";
import { useViewer } from "../session/viewer";

export type People = {
  state: "ready" | "searching" | "failed";
  items: readonly UserSummary[];
  code: string | null;
};

/** Long enough to skip the letters of a quick typist, short enough to feel immediate. */
const TYPING_PAUSE_MS = 180;
const MET_MAX = 12;

function useMet(): readonly UserSummary[] {
  const { items } = useConversations();
  const { user } = useViewer();
  const met = new Map<string, UserSummary>();
  for (const member of items.flatMap((item) => item.members)) {
    if (member.user.id !== user.id) met.set(member.user.id, member.user);
    if (met.size === MET_MAX) break;
  }
  return [...met.values()];
}

export function usePeople(query: string): People {
  const parlor = useParlor();
  const { user } = useViewer();
  const met = useMet();
  const needle = query.trim().replace(/^@/, "");
  const [found, setFound] = useState<People>({ state: "ready", items: [], code: null });
  useEffect(() => {
    if (needle === "") return;
    let current = true;
    setFound((held) => ({ ...held, state: "searching" }));
    const timer = setTimeout(() => {
      parlor.users.search(needle).then(
        (page) => {
          const items = page.items.filter((person) => person.id !== user.id);
          if (current) setFound({ state: "ready", items, code: null });
        },
        (error: unknown) => {
          const code = error instanceof ParlorError ? error.code : "unknown";
          if (current) setFound({ state: "failed", items: [], code });
        },
      );
    }, TYPING_PAUSE_MS);
    return () => {
      current = false;
      clearTimeout(timer);
    };
  }, [needle, parlor, user.id]);
  return needle === "" ? { state: "ready", items: met, code: null } : found;
}
