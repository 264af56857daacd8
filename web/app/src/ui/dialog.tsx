// A dialog: a card over a veil, a sheet from below on a phone. Closing it gives the keyboard back to where
// it came from.

import { X } from "lucide-react";
import { type FormEvent, type ReactNode, useEffect, useId, useRef } from "react";
import { words } from "../i18n";
import "../styles/dialog.css";

type DialogProps = {
  title: string;
  /** Keeps its height while its content changes. */
  tall?: boolean;
  /** Answers whether the dialog is done. */
  onSubmit(): Promise<boolean>;
  onClose(): void;
  foot: ReactNode;
  children: ReactNode;
};

export function Dialog({ title, tall = false, onSubmit, onClose, foot, children }: DialogProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  const headingId = useId();
  useEffect(() => {
    const element = dialog.current;
    element?.showModal();
    // A modal dialog focuses its first button by itself.
    element?.querySelector<HTMLElement>("[data-first], .dialog-body input")?.focus();
  }, []);
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if (await onSubmit()) dialog.current?.close();
  };
  return (
    <dialog
      ref={dialog}
      className={tall ? "dialog tall" : "dialog"}
      aria-labelledby={headingId}
      onClose={onClose}
    >
      <form onSubmit={submit}>
        <header className="dialog-head">
          <h2 id={headingId}>{title}</h2>
          <button
            type="button"
            className="icon-button"
            aria-label={words.close}
            onClick={() => dialog.current?.close()}
          >
            <X aria-hidden="true" />
          </button>
        </header>
        <div className="dialog-body">{children}</div>
        <footer className="dialog-foot">{foot}</footer>
      </form>
    </dialog>
  );
}
