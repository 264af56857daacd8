// The JSON type which the generated wire types refer to by name. Types only.

declare global {
  type JsonValue = string | number | boolean | null | JsonValue[] | { [key: string]: JsonValue };
}

export {};
