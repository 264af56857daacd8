// One of a few words, as a row of segments: radio buttons to a keyboard and a screen reader.

import { useId } from "react";
import "../styles/fields.css";

type SegmentsProps<T extends string> = {
  label: string;
  /** Whether the label is to be seen, not only read out. */
  labelled?: boolean;
  options: readonly { value: T; text: string }[];
  value: T;
  onChange(value: NoInfer<T>): void;
};

export function Segments<T extends string>(props: SegmentsProps<T>) {
  const { label, labelled = false, options, value, onChange } = props;
  const name = useId();
  return (
    <fieldset className="segments-set">
      <legend className={labelled ? undefined : "visually-hidden"}>{label}</legend>
      <div className="segments" style={{ "--count": options.length } as React.CSSProperties}>
        {options.map((option) => (
          <label key={option.value}>
            <input
              type="radio"
              name={name}
              checked={option.value === value}
              onChange={() => onChange(option.value)}
            />
            <span>{option.text}</span>
          </label>
        ))}
      </div>
    </fieldset>
  );
}
