// A menu: beside what it was asked for on a wide screen, a sheet from below on a phone. A modal dialog, so
// that focus stays in it and returns where it came from. What can't be undone asks once, in its place.

import { type KeyboardEvent, type ReactNode, useEffect, useLayoutEffect, useRef } from "react";
import { words } from "../i18n";
import "../styles/menu.css";

/** Where the menu was asked for: it opens beside this box. */
export type MenuAnchor = { top: number; bottom: number; left: number; right: number };

/** Closes the menu, then acts. */
export type Choose = (act: () => void) => () => void;

const MARGIN_PX = 8;

/** Arrow keys walk all items; some stand in a row, so both directions go on. */
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
function usePlace(anchor: MenuAnchor, atEnd: boolean) {
  const dialog = useRef<HTMLDialogElement>(null);
  useLayoutEffect(() => {
    const element = dialog.current;
    if (!element) return;
    element.showModal();
    const { width, height } = element.getBoundingClientRect();
    const fitsBelow = anchor.bottom + height + MARGIN_PX <= window.innerHeight;
    const top = fitsBelow ? anchor.bottom + 4 : Math.max(MARGIN_PX, anchor.top - height - 4);
    const left = atEnd ? anchor.right - width : anchor.left;
    const most = window.innerWidth - width - MARGIN_PX;
    element.style.setProperty("--menu-top", `${top}px`);
    element.style.setProperty("--menu-left", `${Math.min(Math.max(MARGIN_PX, left), most)}px`);
  }, [anchor, atEnd]);
  return dialog;
}

type MenuProps = {
  label: string;
  anchor: MenuAnchor;
  /** Ends where the anchor ends, instead of beginning where it begins. */
  atEnd?: boolean;
  onClose(): void;
  children(choose: Choose): ReactNode;
};

export function Menu({ label, anchor, atEnd = false, onClose, children }: MenuProps) {
  const dialog = usePlace(anchor, atEnd);
  const close = () => dialog.current?.close();
  const choose = (act: () => void) => () => {
    close();
    act();
  };
  return (
    <dialog
      ref={dialog}
      className="menu"
      aria-label={label}
      onClose={onClose}
      onPointerDown={(event) => event.target === dialog.current && close()}
    >
      {children(choose)}
    </dialog>
  );
}

/** One page of items; a page that takes another's place takes the keyboard with it. */
export function Items({ label, children }: { label: string; children: ReactNode }) {
  const body = useRef<HTMLDivElement>(null);
  useEffect(() => body.current?.querySelector<HTMLElement>("[role^=menuitem]")?.focus(), []);
  return (
    <div
      ref={body}
      className="menu-body"
      role="menu"
      aria-label={label}
      onKeyDown={walk}
      tabIndex={-1}
    >
      {children}
    </div>
  );
}

type ItemProps = { icon: ReactNode; text: string; tone?: "danger"; onClick(): void };

export function Item({ icon, text, tone, onClick }: ItemProps) {
  return (
    <button type="button" role="menuitem" className="menu-item" data-tone={tone} onClick={onClick}>
      <span aria-hidden="true">{icon}</span>
      {text}
    </button>
  );
}

type QuestionProps = { ask: string; answer: string; onAnswer(): void; onCancel(): void };

export function Question({ ask, answer, onAnswer, onCancel }: QuestionProps) {
  const cancel = useRef<HTMLButtonElement>(null);
  useEffect(() => cancel.current?.focus(), []);
  return (
    <div className="menu-question">
      <p>{ask}</p>
      <div className="menu-answers">
        <button type="button" className="quiet" ref={cancel} onClick={onCancel}>
          {words.cancel}
        </button>
        <button type="button" className="quiet danger" onClick={onAnswer}>
          {answer}
        </button>
      </div>
    </div>
  );
}
