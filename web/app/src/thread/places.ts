// Where the reader was in each conversation of this page's life; null means at the newest.

const places = new Map<string, number>();

export function keepPlace(conversationId: string, topSeq: number | null): void {
  if (topSeq === null) places.delete(conversationId);
  else places.set(conversationId, topSeq);
}

export function placeOf(conversationId: string): number | null {
  return places.get(conversationId) ?? null;
}
