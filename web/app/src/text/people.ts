// How people and conversations are named and coloured. The hue comes from the id, so it is the same on
// every device without being stored.

import type { ConversationView, Member } from "@parlor/client";

export function hueOf(id: string): number {
  let hash = 0x811c9dc5;
  for (const char of id) hash = Math.imul(hash ^ (char.codePointAt(0) ?? 0), 0x01000193);
  // Neighbouring hues look alike: twenty-four steps are told apart.
  return ((hash >>> 8) % 24) * 15;
}

const graphemes = new Intl.Segmenter(undefined, { granularity: "grapheme" });

function firstGrapheme(word: string): string {
  for (const { segment } of graphemes.segment(word)) return segment.toLocaleUpperCase();
  return "";
}

export function initialsOf(name: string, count: 1 | 2): string {
  const words = name.split(/[\s/–—-]+/u).filter((word) => /[\p{L}\p{N}\p{Emoji}]/u.test(word));
  return words.slice(0, count).map(firstGrapheme).join("") || "?";
}

/** The other person of a direct conversation; null in groups and when they are gone. */
export function peerOf(conversation: ConversationView, viewerId: string): Member | null {
  if (conversation.kind !== "direct") return null;
  return conversation.members.find((member) => member.user.id !== viewerId) ?? null;
}

export function titleOf(conversation: ConversationView, viewerId: string): string {
  if (conversation.title) return conversation.title;
  const others = conversation.members.filter((member) => member.user.id !== viewerId);
  const names = (others.length > 0 ? others : conversation.members).map((it) => it.user.name);
  return names.slice(0, 4).join(", ");
}
