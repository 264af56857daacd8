// What can be done to a message, as a menu: beside the message on a wide screen, a sheet from below on a
// phone. A modal dialog, so that focus stays in it and returns where it came from. Deleting asks once.

import type { ThreadMessage } from "@parlor/client";
import { Copy, EyeOff, Pencil, Trash2 } from "lucide-react";
import {
  type KeyboardEvent,
  type ReactNode,
  useEffect,
  useLayoutEffect,
  useRef,
  useState,
} from "react";
import { words } from "../i18n";
import type { MessageActions } from "./use-message-actions";
import "../styles/menu.css";

/** Where the menu was asked for: it opens beside this box. */
export type MenuAnchor = { top: number; bottom: number; left: number; right: number };

const QUICK_EMOJI = ["👍", "❤️", "😂", "🎉", "😮", "🙏"];
const MARGIN_PX = 8;

type MenuProps = {
  message: ThreadMessage;
  anchor: MenuAnchor;
  actions: MessageActions;
  onClose(): void;
};

/** Arrow keys walk all items; the emoji stand in a row, so both directions go on. */
function walk(event: KeyboardEvent<HTMLElement>): void {
  const steps: Record<string, number> = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 };
  const items = [...event.currentTarget.querySelectorAll<HTMLElement>("[role^=menuitem]")];
  const at = items.indexOf(document.activeElement as HTMLElement);
  const to =
    event.key === "Home"
      ? 0
      : event.key === "End"
        ? items.length - 1
        : at + (steps[event.key] ?? 0);
  if (to === at) return;
  event.preventDefault();
  items[(to + items.length) % items.length]?.focus();
}

/** Beside the anchor, moved so that nothing of it is outside the window. */
function usePlace(anchor: MenuAnchor, own: boolean) {
  const dialog = useRef<HTMLDialogElement>(null);
  useLayoutEffect(() => {
    const element = dialog.current;
    if (!element) return;
    element.showModal();
    const { width, height } = element.getBoundingClientRect();
    const fitsBelow = anchor.bottom + height + MARGIN_PX <= window.innerHeight;
    const top = fitsBelow ? anchor.bottom + 4 : Math.max(MARGIN_PX, anchor.top - height - 4);
    const left = own ? anchor.right - width : anchor.left;
    const most = window.innerWidth - width - MARGIN_PX;
    element.style.setProperty("--menu-top", `${top}px`);
    element.style.setProperty("--menu-left", `${Math.min(Math.max(MARGIN_PX, left), most)}px`);
  }, [anchor, own]);
  return dialog;
}

export function MessageMenu({ message, anchor, actions, onClose }: MenuProps) {
  const [asking, setAsking] = useState(false);
  const dialog = usePlace(anchor, message.own);
  const close = () => dialog.current?.close();
  const choose = (act: () => void) => () => {
    close();
    act();
  };
  return (
    <dialog
      ref={dialog}
      className="menu"
      aria-label={words.messageActions}
      onClose={onClose}
      onPointerDown={(event) => event.target === dialog.current && close()}
    >
      {asking ? (
        <DeleteQuestion onDelete={choose(() => actions.remove(message))} onCancel={close} />
      ) : (
        <div
          className="menu-body"
          role="menu"
          aria-label={words.messageActions}
          onKeyDown={walk}
          tabIndex={-1}
        >
          {/* biome-ignore lint/a11y/useSemanticElements: a group of menu items is no fieldset */}
          <div className="menu-emoji" role="group">
            {QUICK_EMOJI.map((emoji) => {
              const mine = message.reactions.some((it) => it.emoji === emoji && it.mine);
              return (
                <button
                  key={emoji}
                  type="button"
                  role="menuitemcheckbox"
                  aria-checked={mine}
                  aria-label={words.reactWith(emoji)}
                  onClick={choose(() => actions.toggle(message, emoji, !mine))}
                >
                  {emoji}
                </button>
              );
            })}
          </div>
          {actions.mayEdit(message) && (
            <Item
              icon={<Pencil />}
              text={words.edit}
              onClick={choose(() => actions.edit(message))}
            />
          )}
          <Item
            icon={<Copy />}
            text={words.copyText}
            onClick={choose(() => actions.copy(message))}
          />
          {!message.own && (
            <Item
              icon={<EyeOff />}
              text={words.markUnread}
              onClick={choose(() => actions.markUnread(message))}
            />
          )}
          {actions.mayDelete(message) && (
            <Item
              icon={<Trash2 />}
              text={words.deleteMessage}
              tone="danger"
              onClick={() => setAsking(true)}
            />
          )}
        </div>
      )}
    </dialog>
  );
}

type ItemProps = { icon: ReactNode; text: string; tone?: "danger"; onClick(): void };

function Item({ icon, text, tone, onClick }: ItemProps) {
  return (
    <button type="button" role="menuitem" className="menu-item" data-tone={tone} onClick={onClick}>
      <span aria-hidden="true">{icon}</span>
      {text}
    </button>
  );
}

function DeleteQuestion({ onDelete, onCancel }: { onDelete(): void; onCancel(): void }) {
  const cancel = useRef<HTMLButtonElement>(null);
  useEffect(() => cancel.current?.focus(), []);
  return (
    <div className="menu-question">
      <p>{words.deleteAsk}</p>
      <div className="menu-answers">
        <button type="button" className="quiet" ref={cancel} onClick={onCancel}>
          {words.cancel}
        </button>
        <button type="button" className="quiet danger" onClick={onDelete}>
          {words.deleteMessage}
        </button>
      </div>
    </div>
  );
}
