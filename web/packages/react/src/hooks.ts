// Hooks over the client's stores. They hold no state of their own: what they answer is the store's
// snapshot, which stays the same object until it changes.

import type {
  ConnectionStatus,
  ConversationHandle,
  ConversationsSnapshot,
  ConversationView,
  Presences,
  Readable,
  ThreadSnapshot,
  User,
} from "@parlor/client";
import { useEffect, useSyncExternalStore } from "react";
import { useParlor } from "./provider";

export function useReadable<T>(readable: Readable<T>): T {
  return useSyncExternalStore(readable.subscribe, readable.getSnapshot, readable.getSnapshot);
}

export function useConnection(): ConnectionStatus {
  return useReadable(useParlor().status);
}

export function useConversations(): ConversationsSnapshot {
  return useReadable(useParlor().conversations);
}

/** What the viewer has archived, newest first. */
export function useArchived(): readonly ConversationView[] {
  return useReadable(useParlor().conversations.archived);
}

/** Who the viewer is; null until it is known. */
export function useMe(): User | null {
  return useReadable(useParlor().me);
}

/** A conversation and what can be done in it; `conversation` is null until it is known. */
export function useConversation(id: string): {
  conversation: ConversationView | null;
  handle: ConversationHandle;
} {
  const handle = useParlor().conversation(id);
  return { conversation: useReadable(handle.state), handle };
}

/** The thread of a conversation, loaded when the first component asks. */
export function useMessages(id: string): ThreadSnapshot & { loadOlder(): Promise<void> } {
  const handle = useParlor().conversation(id);
  return { ...useReadable(handle.messages), loadOlder: handle.loadOlder };
}

/** The others who write in a conversation, by id; `typing` is to be called with each keystroke. */
export function useTyping(id: string): {
  typists: readonly string[];
  typing(on?: boolean): void;
} {
  const { typists, typing } = useParlor().conversation(id);
  return { typists: useReadable(typists), typing };
}

/** Who is here, by id. These people are watched while the component is shown; who may not be seen is missing. */
export function usePresence(userIds: readonly string[]): Presences {
  const { presence } = useParlor();
  // No id holds a space.
  const ids = userIds.join(" ");
  useEffect(() => presence.watch(ids === "" ? [] : ids.split(" ")), [presence, ids]);
  return useReadable(presence);
}
