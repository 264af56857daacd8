// What the viewer does to a conversation for themselves alone. It shows at once; a refusal is told in a
// sentence.

import type { ConversationHandle } from "@parlor/client";
import { useParlor } from "@parlor/react";
import { useMemo } from "react";
import { failureSentence } from "../i18n";

export type OwnSide = {
  pin(id: string, on: boolean): void;
  mute(id: string, until: string | null): void;
  archive(id: string, on: boolean): void;
  /** Unread from the message `seq` on, or read to the end. */
  unread(id: string, seq: number | null): void;
  hide(id: string): void;
};

export function useOwnSide(onNotice: (sentence: string) => void): OwnSide {
  const parlor = useParlor();
  return useMemo(() => {
    const act = (id: string, ask: (handle: ConversationHandle) => Promise<void>) => {
      ask(parlor.conversation(id)).catch((error: unknown) => onNotice(failureSentence(error)));
    };
    return {
      pin: (id, pinned) => act(id, (it) => it.settings({ pinned })),
      mute: (id, mutedUntil) => act(id, (it) => it.settings({ mutedUntil })),
      archive: (id, archived) => act(id, (it) => it.settings({ archived })),
      unread: (id, seq) =>
        act(id, async (it) => (seq === null ? it.markRead() : it.markUnread(seq))),
      hide: (id) => act(id, (it) => it.hide()),
    };
  }, [parlor, onNotice]);
}
