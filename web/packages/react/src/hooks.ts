// Hooks over the client's stores. They hold no state of their own: what they answer is the store's
// snapshot, which stays the same object until it changes.

import type {
  ConnectionStatus,
  ConversationHandle,
  ConversationsSnapshot,
  ConversationView,
  Readable,
  ThreadSnapshot,
  User,
} from "@parlor/client";
import { useSyncExternalStore } from "react";
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
