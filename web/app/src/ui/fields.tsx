// Labelled inputs of the forms. A hint and an error are tied to their input, so they are read out with it.

import { Eye, EyeOff } from "lucide-react";
import {
  type InputHTMLAttributes,
  type ReactNode,
  type RefObject,
  useEffect,
  useId,
  useState,
} from "react";
import { words } from "../i18n";
import "../styles/fields.css";

type FieldProps = InputHTMLAttributes<HTMLInputElement> & {
  label: string;
  hint?: string;
  error?: string | undefined;
  after?: ReactNode;
};

export function Field({ label, hint, error, after, ...input }: FieldProps) {
  const id = useId();
  const note = error ?? hint;
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      <div className="field-box">
        <input
          id={id}
          {...input}
          aria-invalid={error !== undefined}
          aria-describedby={note === undefined ? undefined : `${id}-note`}
        />
        {after}
      </div>
      {note !== undefined && (
        <p id={`${id}-note`} className={error === undefined ? "field-note" : "field-note error"}>
          {note}
        </p>
      )}
    </div>
  );
}

/** After a refusal the keyboard is where something can be changed: at the field at fault, or the first. */
export function useFocusOnFailure(form: RefObject<HTMLFormElement | null>, failure: unknown): void {
  useEffect(() => {
    if (failure === null) return;
    const fields = form.current?.querySelectorAll<HTMLInputElement>("input") ?? [];
    const atFault = [...fields].find((field) => field.getAttribute("aria-invalid") === "true");
    (atFault ?? fields[0])?.focus();
  }, [form, failure]);
}

type PasswordProps = Pick<FieldProps, "autoComplete" | "hint" | "error" | "minLength">;

export function PasswordField(props: PasswordProps) {
  const [visible, setVisible] = useState(false);
  const toggle = (
    <button
      type="button"
      className="icon-button"
      aria-label={visible ? words.hidePassword : words.showPassword}
      onClick={() => setVisible(!visible)}
    >
      {visible ? <EyeOff aria-hidden="true" /> : <Eye aria-hidden="true" />}
    </button>
  );
  const type = visible ? "text" : "password";
  return (
    <Field
      label={words.passwordLabel}
      name="password"
      type={type}
      required
      after={toggle}
      {...props}
    />
  );
}
