// Message text as a tree of plain parts: text, links, inline code, code blocks. It never produces HTML;
// the view makes elements of it. Only http and https become links.

export type Inline =
  | { type: "text"; text: string }
  | { type: "link"; text: string; href: string }
  | { type: "code"; text: string };

export type Block =
  | { type: "paragraph"; parts: Inline[] }
  | { type: "code"; language: string | null; text: string };

const FENCE = /```([A-Za-z0-9+#_-]{0,24}\n)?([\s\S]*?)```/g;
const INLINE = /`([^`\n]+)`|https?:\/\/[^\s<>"`]+/giu;

/** What ends a sentence rather than an address; a closing bracket stays if it was opened inside. */
export function trimLink(raw: string): string {
  let link = raw;
  for (;;) {
    const last = link.at(-1) ?? "";
    if (/[.,!?;:'"…，。！？；：、»”’]/u.test(last)) {
      link = link.slice(0, -1);
      continue;
    }
    const opener = { ")": "(", "]": "[", "}": "{", "）": "（" }[last];
    if (opener && link.split(opener).length < link.split(last).length) {
      link = link.slice(0, -1);
      continue;
    }
    return link;
  }
}

function safeHref(link: string): string | null {
  try {
    const url = new URL(link);
    return url.protocol === "http:" || url.protocol === "https:" ? url.href : null;
  } catch {
    return null;
  }
}

function pushText(parts: Inline[], text: string): void {
  if (text === "") return;
  const last = parts.at(-1);
  if (last?.type === "text") last.text += text;
  else parts.push({ type: "text", text });
}

export function parseInline(text: string): Inline[] {
  const parts: Inline[] = [];
  let from = 0;
  for (const match of text.matchAll(INLINE)) {
    pushText(parts, text.slice(from, match.index));
    from = match.index + match[0].length;
    if (match[1] !== undefined) {
      parts.push({ type: "code", text: match[1] });
      continue;
    }
    const link = trimLink(match[0]);
    const href = safeHref(link);
    if (href === null) pushText(parts, link);
    else parts.push({ type: "link", text: link, href });
    pushText(parts, match[0].slice(link.length));
  }
  pushText(parts, text.slice(from));
  return parts;
}

export function parseMessage(content: string): Block[] {
  const blocks: Block[] = [];
  const paragraph = (text: string) => {
    const trimmed = text.replace(/^\n+|\n+$/g, "");
    if (trimmed.trim() !== "") blocks.push({ type: "paragraph", parts: parseInline(trimmed) });
  };
  let from = 0;
  for (const match of content.matchAll(FENCE)) {
    const text = (match[2] ?? "").replace(/^\n|\n$/g, "");
    if (text.trim() === "") continue;
    paragraph(content.slice(from, match.index));
    from = match.index + match[0].length;
    blocks.push({ type: "code", language: match[1]?.trim() || null, text });
  }
  paragraph(content.slice(from));
  return blocks;
}

const EMOJI_ONLY = /^(?:\p{RGI_Emoji}|\s)+$/v;
const EMOJI = /\p{RGI_Emoji}/gv;
/** More than these are a picture of their own and stay at text size. */
const LARGE_EMOJI_MAX = 6;

export function isEmojiOnly(content: string): boolean {
  const text = content.trim();
  if (text === "" || text.length > 80 || !EMOJI_ONLY.test(text)) return false;
  return (text.match(EMOJI)?.length ?? 0) <= LARGE_EMOJI_MAX;
}

/** One line for the list: fences and line ends gone. */
export function previewOf(content: string): string {
  return content.slice(0, 400).replaceAll("```", " ").replace(/\s+/g, " ").trim();
}
