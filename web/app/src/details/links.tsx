// The dialog of links by which others join: makes one, says it once, lists and revokes those that work.

import type { ConversationView, Link } from "@parlor/client";
import { useConversation } from "@parlor/react";
import { Trash2 } from "lucide-react";
import { useCallback, useEffect, useRef, useState } from "react";
import { failureSentence, times, words } from "../i18n";
import { useViewer } from "../session/viewer";
import { CopyField } from "../ui/copy-field";
import { Dialog } from "../ui/dialog";
import { Segments } from "../ui/segments";

type Lifetime = "hour" | "day" | "week" | "forever";
type Uses = "1" | "10" | "100" | "any";

const HOUR_MS = 3_600_000;
const lifetimesMs = { hour: HOUR_MS, day: 24 * HOUR_MS, week: 168 * HOUR_MS } as const;

const lifetimes = (["hour", "day", "week", "forever"] as const).map((value) => ({
  value,
  text: words.lifetimes[value],
}));
const uses = (["1", "10", "100", "any"] as const).map((value) => ({
  value,
  text: value === "any" ? words.anyUses : value,
}));

type LinksProps = { conversation: ConversationView; onClose(): void };

export function Links({ conversation, onClose }: LinksProps) {
  const { handle } = useConversation(conversation.id);
  const [lifetime, setLifetime] = useState<Lifetime>("week");
  const [most, setMost] = useState<Uses>("any");
  const [links, setLinks] = useState<readonly Link[] | null>(null);
  const [url, setUrl] = useState<string | null>(null);
  const [failure, setFailure] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  const makeButton = useRef<HTMLButtonElement>(null);
  const load = useCallback(() => {
    return handle.links.list().then(
      (page) => setLinks(page.items),
      (error: unknown) => setFailure(failureSentence(error)),
    );
  }, [handle]);
  useEffect(() => void load(), [load]);

  const make = async () => {
    if (busy) return false;
    setBusy(true);
    setFailure(null);
    try {
      const made = await handle.links.create({
        ...(lifetime === "forever" ? {} : { expiresInMs: lifetimesMs[lifetime] }),
        ...(most === "any" ? {} : { maxUses: Number(most) }),
      });
      setUrl(made.url);
      await load();
    } catch (error) {
      setFailure(failureSentence(error));
    }
    setBusy(false);
    return false;
  };
  const revoke = (link: Link) => {
    handle.links.revoke(link.id).then(
      () => {
        // The button that was pressed is about to go.
        makeButton.current?.focus();
        return load();
      },
      (error: unknown) => setFailure(failureSentence(error)),
    );
  };
  return (
    <Dialog
      title={words.linksTitle}
      onSubmit={make}
      onClose={onClose}
      foot={
        <button ref={makeButton} type="submit" className="primary wide" disabled={busy}>
          {words.makeLink}
        </button>
      }
    >
      <p className="dialog-lead">{words.linksLead}</p>
      {url !== null && (
        <div className="link-made" role="status">
          <CopyField key={url} text={url} label={words.newLink} />
          <p className="field-note">{words.linkOnce}</p>
        </div>
      )}
      <Segments
        label={words.lifetime}
        labelled
        options={lifetimes}
        value={lifetime}
        onChange={setLifetime}
      />
      <Segments label={words.usesWord} labelled options={uses} value={most} onChange={setMost} />
      {failure && (
        <p className="field-note error" role="alert">
          {failure}
        </p>
      )}
      {links !== null && links.length > 0 && (
        <LinkList links={links} conversation={conversation} onRevoke={revoke} />
      )}
    </Dialog>
  );
}

type LinkListProps = {
  links: readonly Link[];
  conversation: ConversationView;
  onRevoke(link: Link): void;
};

function LinkList({ links, conversation, onRevoke }: LinkListProps) {
  const { user } = useViewer();
  const nameOf = (userId: string) =>
    userId === user.id
      ? words.you
      : (conversation.members.find((it) => it.user.id === userId)?.user.name ?? userId);
  return (
    <section aria-label={words.linksWork}>
      <h3 className="dialog-heading">{words.linksWork}</h3>
      <ul className="link-list">
        {links.map((link) => (
          <li key={link.id}>
            <span className="link-facts">
              {words.linkBy(nameOf(link.createdBy), times.moment(link.createdAt))}
              <small>
                {[
                  link.maxUses === null
                    ? words.used(link.uses)
                    : words.usedOf(link.uses, link.maxUses),
                  link.expiresAt === null
                    ? words.lifetimes.forever
                    : words.until(times.moment(link.expiresAt)),
                ].join(" · ")}
              </small>
            </span>
            <button
              type="button"
              className="icon-button"
              aria-label={words.revokeLink}
              title={words.revokeLink}
              onClick={() => onRevoke(link)}
            >
              <Trash2 aria-hidden="true" />
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}
